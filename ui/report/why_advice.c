/*
 * why_advice: first what helps for good, then what helps until then. A framework that the command line names has its own
 * words for "start the worker anew".
 */
#include "ui/report/why_advice.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "ui/report/malloc_words.h"

#include <inttypes.h>
#include <string.h>

static const char *const recycle[] = {
	[FRAMEWORK_NONE] = "until then: restart the process now and then",
	[FRAMEWORK_CELERY] = "until then: recycle workers (celery: worker_max_memory_per_child, "
			     "worker_max_tasks_per_child)",
	[FRAMEWORK_GUNICORN] = "until then: recycle workers (gunicorn: --max-requests and "
			       "--max-requests-jitter)",
	[FRAMEWORK_UWSGI] = "until then: recycle workers (uwsgi: reload-on-rss, max-requests)",
	[FRAMEWORK_DASK] = "until then: recycle workers (dask: --lifetime, --lifetime-restart)",
};

#define TRIM_NOW "now: in the process, import ctypes; ctypes.CDLL(None).malloc_trim(0)"

static const char *recycling(const struct why_words *w)
{
	return recycle[w->snapshot->verdict.framework];
}

static const struct holder_root *live_root(const struct why_words *w, const struct cause *cause)
{
	const struct snapshot *s = w->snapshot;
	return cause->holder_root < s->holders.roots.count
		       ? &s->holders.roots.items[cause->holder_root]
		       : NULL;
}

static const char *root_name(const struct why_words *w, const struct cause *cause)
{
	const struct snapshot *s = w->snapshot;
	if (cause->pin_root < s->pins.roots.count)
		return s->pins.roots.items[cause->pin_root].name;
	const struct holder_root *root = live_root(w, cause);
	return root ? root->name : NULL;
}

/* ---- what is held ------------------------------------------------------------------------ */

#define VERSION_3_4  0x03040000
#define VERSION_3_12 0x030c0000

/* Where the interpreter keeps the last exception that nobody caught. */
static bool is_last_exception(const char *root)
{
	return root && strncmp(root, "sys.last_", strlen("sys.last_")) == 0;
}

/* A traceback keeps the frames of all functions that the exception came through, and these their variables. */
static bool advise_exceptions(struct text *to, const struct why_words *w, const struct cause *cause,
			      size_t i)
{
	const uint32_t version = w->snapshot->target.version_hex;
	const bool last = is_last_exception(root_name(w, cause));
	if (i == 0 && last)
		text_addf(
			to,
			"del sys.last_traceback, sys.last_value%s: the last exception that nobody "
			"caught keeps the variables of all functions that it came through",
			version >= VERSION_3_12 ? ", sys.last_exc" : "");
	else if (i == 0)
		text_add(to,
			 "do not keep exceptions as they are: each keeps its traceback, and that "
			 "the variables of all functions that it came through; keep str(e) or "
			 "traceback.format_exc() of it");
	else if (i == 1 && !last && version >= VERSION_3_4)
		text_add(to,
			 "or call traceback.clear_frames(e.__traceback__), which lets go of the "
			 "variables alone");
	else
		return false;
	return true;
}

/* Whether the name of a root is that of the cache itself. */
static bool is_cache_itself(const struct holder_root *root)
{
	return root && root->chains.count && root->chains.items[0].links.count > 1 &&
	       strncmp(root->chains.items[0].links.items[1], "functools._lru_cache_wrapper",
		       strlen("functools._lru_cache_wrapper")) == 0;
}

static bool advise_cache(struct text *to, const struct why_words *w, const struct cause *cause,
			 size_t i)
{
	const struct holder_root *root = live_root(w, cause);
	if (i > 0)
		return false;
	text_add(to, "give ");
	if (is_cache_itself(root))
		why_escape(to, w, root->name);
	else
		text_add(to, "the functools.lru_cache under it");
	text_add(to,
		 " a maxsize, or call its cache_clear() now and then: with maxsize=None it drops "
		 "nothing, and of a method it keeps every self");
	return true;
}

/* What lies on the way to what is held may have a remedy of its own. */
static bool advise_way(struct text *to, const struct why_words *w, const struct cause *cause,
		       size_t i)
{
	if (why_evidence(cause, "traceback_bytes").known)
		return advise_exceptions(to, w, cause, i);
	if (why_evidence(cause, "endless_cache_bytes").known)
		return advise_cache(to, w, cause, i);
	return false;
}

/* Lines of advise_way(); the one who holds it need not be told again where they have named him. */
static size_t n_ways(const struct why_words *w, const struct cause *cause, bool *ret_named)
{
	_cleanup_(text_fini) struct text dropped = TEXT_EMPTY;
	size_t n = 0;
	while (advise_way(&dropped, w, cause, n))
		n++;
	*ret_named = n && (is_last_exception(root_name(w, cause)) ||
			   (why_evidence(cause, "endless_cache_bytes").known &&
			    is_cache_itself(live_root(w, cause))));
	return n;
}

/* Who is held can be let go; where nobody is known there is only a new process. */
static bool advise_holder(struct text *to, const struct why_words *w, const struct cause *cause,
			  size_t i)
{
	const char *name = root_name(w, cause);
	if (!name && i == 0) {
		text_add(to,
			 "no one holder stands out: make long-lived objects before the peak, or "
			 "do the peak's work in a process of its own");
		return true;
	}
	if (i == 0) {
		text_add(to, "bound ");
		why_escape(to, w, name);
		text_add(
			to,
			" or what it holds, or drop old entries: nothing else holds them more directly");
	} else if (i == 1) {
		text_add(to, recycling(w));
	}
	return i < 2;
}

#define THEN_COLLECT "to have it back at once, then call gc.collect()"

/* Free lists keep a dead object here and there, and malloc what does not lie at its end. */
static void say_give_back(struct text *to, const struct why_words *w)
{
	bool trims = w->snapshot->malloc.implementation == MALLOC_GLIBC;
	text_addf(to, THEN_COLLECT "%s", trims ? " and ctypes.CDLL(None).malloc_trim(0)" : "");
}

/* pymalloc gives back by itself what is empty; what free lists or cycles keep there is not. */
static bool advise_pinned(struct text *to, const struct why_words *w, const struct cause *cause,
			  size_t i)
{
	bool collects = why_collects(cause), named;
	size_t n = n_ways(w, cause, &named);
	if (i < n)
		return advise_way(to, w, cause, i);
	i -= n - named;
	if (i == 1 && collects) {
		text_add(to, THEN_COLLECT ": what only that frees lies between them");
		return true;
	}
	return advise_holder(to, w, cause, i > 1 && collects ? i - 1 : i);
}

/* Nearer than the root is better: the rest of the root may stay. */
static bool advise_live(struct text *to, const struct why_words *w, const struct cause *cause,
			size_t i)
{
	const struct holder_root *root = live_root(w, cause);
	bool named;
	size_t n = n_ways(w, cause, &named);
	if (i < n)
		return advise_way(to, w, cause, i);
	i -= n - named;
	if (i == 1) {
		say_give_back(to, w);
		return true;
	}
	if (i > 1 || !root || !root->container)
		return advise_holder(to, w, cause, i ? i - 1 : 0);
	text_add(to, "bound ");
	why_escape(to, w, root->container);
	text_add(to, ", or drop old entries of it: nearly all hangs there");
	return true;
}

static bool advise_trim(struct text *to, const struct why_words *w, const struct cause *cause,
			size_t i)
{
	(void)w;
	(void)cause;
	if (i == 0)
		text_add(to, TRIM_NOW);
	else if (i == 1)
		text_add(to,
			 "for good: call it after each peak, or do the peak's work in a process "
			 "of its own");
	return i < 2;
}

static void say_arena_limit(struct text *to, const struct malloc_settings *s)
{
	text_add(to, "for good: start it with MALLOC_ARENA_MAX=2");
	if (s->arena_limit)
		text_addf(to, " (%s; the limit in force is %" PRIu64 ")",
			  s->arena_max ? "set" : "unset", s->arena_limit);
}

static bool advise_per_thread(struct text *to, const struct why_words *w, const struct cause *cause,
			      size_t i)
{
	bool trims = why_trims(cause);
	if (i == 0 && trims)
		text_add(to, TRIM_NOW);
	else if (i == (trims ? 1 : 0))
		say_arena_limit(to, &w->snapshot->malloc.settings);
	return i < (trims ? 2 : 1);
}

static bool advise_threshold(struct text *to, const struct why_words *w, const struct cause *cause,
			     size_t i)
{
	(void)w;
	(void)cause;
	if (i == 0)
		text_add(to, TRIM_NOW);
	else if (i == 1)
		text_add(to, "for good: start it with MALLOC_TRIM_THRESHOLD_=131072 (that also "
			     "keeps the threshold for mappings from moving)");
	return i < 2;
}

static bool advise_environment(struct text *to, const struct why_words *w,
			       const struct cause *cause, size_t i)
{
	(void)w;
	bool trims = why_trims(cause);
	if (i == 0)
		text_add(to, "set the variable before the process starts (in the unit file, the "
			     "container's environment, a wrapper), not in Python");
	else if (i == 1 && trims)
		text_add(to, TRIM_NOW);
	return i < (trims ? 2 : 1);
}

static bool advise_garbage(struct text *to, const struct why_words *w, const struct cause *cause,
			   size_t i)
{
	const struct maybe enabled = w->snapshot->holders.gc_enabled;
	(void)cause;
	if (i == 0)
		text_add(
			to,
			enabled.known && !enabled.value
				? "call gc.collect() now and then, or leave the collector on"
				: "call gc.collect() after each peak, or lower gc.set_threshold()");
	else if (i == 1)
		text_add(to, "for good: break the cycles (weakref, or clear the back reference)");
	return i < 2;
}

static bool advise_frozen(struct text *to, const struct why_words *w, const struct cause *cause,
			  size_t i)
{
	(void)w;
	(void)cause;
	if (i == 0)
		text_add(to, "call gc.unfreeze(), then gc.collect(), then gc.freeze() again: "
			     "gc.collect() alone frees nothing of it");
	else if (i == 1)
		text_add(to, "for good: call gc.collect() before gc.freeze(), and break the cycles "
			     "of what is let go later (weakref, or clear the back reference)");
	return i < 2;
}

static bool advise_fork(struct text *to, const struct why_words *w, const struct cause *cause,
			size_t i)
{
	(void)cause;
	if (i == 0)
		text_add(
			to,
			"call gc.freeze() in the parent before it forks (after gc.collect()): then the "
			"collector leaves it alone; what this process uses is copied all the same");
	else if (i == 1 && w->snapshot->target.version_hex < 0x030c0000)
		text_add(to, "from Python 3.12 on constants are immortal, and many such copies do "
			     "not happen");
	return i == 0 || (i == 1 && w->snapshot->target.version_hex < 0x030c0000);
}

static bool advise_plain(struct text *to, const struct cause *cause, size_t i)
{
	static const char *const words[CAUSE_KINDS] = {
		[CAUSE_PYMALLOC_FREE_POOLS] = "nothing: the next requests use it",
		[CAUSE_MALLOC_FREE_STUCK] = "restart it; for good: allocate what lives long before "
					    "what does not, or try another malloc (jemalloc by "
					    "LD_PRELOAD)",
		[CAUSE_MIMALLOC_RETAINED] = "restart it; what is free serves the next requests of "
					    "the same size",
		[CAUSE_NATIVE_LIVE] = "look at the libraries that the ledger names: their own "
				      "caches and pools are set there",
		[CAUSE_NATIVE_LOST] = "find who allocates these sizes: valgrind, or heaptrack on a "
				      "test of it",
		[CAUSE_LEAKED_REFERENCES] = "find the extension that makes these types: a missing "
					    "Py_DECREF",
		[CAUSE_THREAD_STACKS] = "use fewer threads, or smaller stacks "
					"(threading.stack_size())",
		[CAUSE_FILE_MAPPINGS] = "nothing: the kernel takes these pages when it needs them",
		[CAUSE_SHARED_MEMORY] = "close and unlink what is not needed any more",
		[CAUSE_HUGE_PAGES] = "start it with glibc.malloc.hugetlb=0, or switch transparent "
				     "huge pages to madvise",
		[CAUSE_SWAPPED_OUT] = "nothing, as long as it is not slow",
	};
	if (i == 0 && words[cause->kind])
		text_add(to, words[cause->kind]);
	return i == 0 && words[cause->kind];
}

bool why_advice(struct text *to, const struct why_words *w, const struct cause *cause, size_t i)
{
	switch ((int)cause->kind) {
	case CAUSE_PYMALLOC_PINNED:
		return advise_pinned(to, w, cause, i);
	case CAUSE_LIVE_OBJECTS:
		return advise_live(to, w, cause, i);
	case CAUSE_MALLOC_FREE_TRIMMABLE:
		return advise_trim(to, w, cause, i);
	case CAUSE_MALLOC_ARENA_PER_THREAD:
		return advise_per_thread(to, w, cause, i);
	case CAUSE_MALLOC_THRESHOLD_RAISED:
		return advise_threshold(to, w, cause, i);
	case CAUSE_MALLOC_ENV_INEFFECTIVE:
		return advise_environment(to, w, cause, i);
	case CAUSE_UNCOLLECTED_GARBAGE:
		return advise_garbage(to, w, cause, i);
	case CAUSE_FROZEN_GARBAGE:
		return advise_frozen(to, w, cause, i);
	case CAUSE_FORK_PRIVATE_COPIES:
		return advise_fork(to, w, cause, i);
	default:
		return advise_plain(to, cause, i);
	}
}
