/*
 * why_causes: a sentence for each cause. Each begins with the bytes and says what is the case, then why that keeps
 * memory; figures come from the same snapshot that the tables are made of.
 */
#include "ui/report/why_words.h"

#include "base/count.h"
#include "base/size.h"
#include "ui/report/malloc_words.h"

#include <inttypes.h>

static uint64_t resident(const struct why_words *w, enum leaf leaf)
{
	return w->snapshot->ledger.lines[leaf].tally.present;
}

/* ---- pymalloc ---------------------------------------------------------------------------- */

struct arenas {
	uint64_t all, sparse, used, whole, highwater;
};

/* The same border as pins.h has, for when only the ledger is known. */
static struct arenas arenas_of(const struct snapshot *s)
{
	struct arenas a = {0};
	for (size_t i = 0; i < s->interpreters.count; i++) {
		const struct pymalloc *p = &s->interpreters.items[i].pymalloc;
		for (size_t k = 0; k < p->arenas.count; k++) {
			const struct pymalloc_arena *arena = &p->arenas.items[k];
			bool sparse =
				arena->used_blocks && pymalloc_arena_occupancy(p, arena) < 0.25;
			a.all++;
			a.sparse += sparse;
			a.used += sparse ? arena->used_bytes : 0;
			a.whole += sparse ? p->arena_size : 0;
		}
		a.highwater = size_add(a.highwater,
				       p->arenas_highwater.known ? p->arenas_highwater.value : 0);
	}
	return a;
}

static void say_pinned(struct text *to, const struct why_words *w, const struct cause *cause)
{
	struct arenas a = arenas_of(w->snapshot);
	char share[UNITS_MAX];
	(void)cause;
	why_add_count(to, a.sparse);
	text_add(to, " of ");
	why_add_count(to, a.all);
	units_percent(share, a.used, a.whole);
	text_addf(to, " pymalloc arenas are only %s used. ", share[0] == '<' ? share + 1 : share);
	if (a.highwater > a.all) {
		text_add(to, "A peak (");
		why_add_count(to, a.highwater);
		text_add(to, " arenas) is over, but each still has");
	} else {
		text_add(to, "Each still has");
	}
	text_add(to, " a live object, so none goes back.");
}

static void say_free_pools(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to,
		 "pymalloc keeps empty pools in arenas that are well used otherwise. They serve "
		 "the next requests, and go back only with their whole arena.");
}

static void say_mimalloc(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to, "mimalloc keeps freed blocks and pages in its segments: each still has a live "
		     "block, or waits for its thread to use it again.");
}

/* ---- live memory ------------------------------------------------------------------------- */

/* With an earlier look: by how much it grew. */
static void say_age(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct maybe grown = why_evidence(cause, "grown_bytes");
	if (!grown.known)
		return;
	text_add(to, " This has ");
	text_add(to, !grown.value      ? "not grown"
		     : cause->measured ? "grown by "
				       : "grown by no more than ");
	if (grown.value)
		why_add_bytes(to, w, grown.value);
	why_since(to, w);
	text_add(to, ".");
}

static void say_live(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct holder_root *root = why_holder(w, cause);
	text_add(to, "not kept but in use: these are live objects");
	if (root) {
		text_add(to, ", all of them under ");
		why_root(to, w, root->name ?: "?", root->kind);
	}
	text_add(to, ". They stay for as long as something refers to them.");
	say_age(to, w, cause);
}

static void say_native_live(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to, "native code holds it: memory of malloc's in use that is no Python object and "
		     "no buffer of one, and that something points to.");
}

static void say_native_lost(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct holders *h = &w->snapshot->holders;
	(void)cause;
	why_add_count(to, h->lost_count);
	text_add(to, " chunks of malloc's are in use and nothing points to them any more: native "
		     "code lost them");
	if (h->lost_sizes.count) {
		text_add(to, "; most are of ");
		why_add_bytes(to, w, h->lost_sizes.items[0].size);
	}
	if (h->lost_library) {
		text_add(to, "; what they hold points into ");
		why_escape(to, w, h->lost_library);
	}
	text_add(to, ".");
}

static void say_garbage(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct holders *h = &w->snapshot->holders;
	(void)cause;
	why_add_count(to, h->garbage.count);
	text_add(to, " objects are in cycles that nothing reaches, and wait for the collector");
	if (h->gc_enabled.known)
		text_add(to, h->gc_enabled.value ? ", which is on but has not come so far"
						 : ", which is switched off (gc.disable())");
	text_add(to, ".");
}

static void say_frozen(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)cause;
	why_add_count(to, w->snapshot->holders.frozen.count);
	text_add(
		to,
		" objects are in cycles that nothing reaches, or held by such, and gc.freeze() has "
		"put these where no collection looks.");
}

static void say_leaked(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)cause;
	why_add_count(to, w->snapshot->holders.leaked.count);
	text_add(to, " objects have more references counted than pointers to them exist anywhere, "
		     "and nothing reaches them: some native code took references and never gave "
		     "them back.");
}

/* ---- malloc ------------------------------------------------------------------------------ */

static void say_trimmable(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct malloc_account *m = &w->snapshot->malloc;
	(void)cause;
	text_addf(to,
		  "malloc keeps freed memory in %zu arena%s: whole pages that it gives back only "
		  "when it is asked to.",
		  m->arenas.count, m->arenas.count == 1 ? "" : "s");
}

static void say_stuck(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to,
		 "malloc keeps freed memory between what is in use: crumbs of less than a page, "
		 "and free ends of its threads' arenas, which no call gives back.");
}

static void say_per_thread(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct malloc_account *m = &w->snapshot->malloc;
	size_t deserted = malloc_words_n_deserted(m);
	(void)cause;
	text_addf(
		to,
		"malloc keeps freed memory in %zu arenas: a thread that finds the others busy gets "
		"one of its own",
		m->arenas.count);
	if (deserted)
		text_addf(to, "; %zu of them serve%s no thread any more", deserted,
			  deserted == 1 ? "s" : "");
	text_add(to, ".");
}

static void say_threshold(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct malloc_settings *s = &w->snapshot->malloc.settings;
	(void)cause;
	text_add(to, "large blocks that were freed raised malloc's thresholds: requests under ");
	why_add_bytes(to, w, s->mmap_threshold);
	text_add(to, " come from its heap, and of its free end up to ");
	why_add_bytes(to, w, s->trim_threshold);
	text_add(to, " stays.");
}

static void say_ineffective(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct malloc_settings *s = &w->snapshot->malloc.settings;
	(void)cause;
	for (size_t i = 0; i < s->ineffective.count; i++)
		text_addf(to, "%s%s", i ? ", " : "", s->ineffective.items[i]);
	text_add(to, s->ineffective.count == 1 ? " is" : " are");
	text_add(to,
		 " in the environment, but malloc does not have the value: it was set after the "
		 "start, or is misspelt. So freed memory stays as without it.");
}

/* ---- the system -------------------------------------------------------------------------- */

static void say_stacks(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)cause;
	text_addf(to,
		  "stacks of %s threads, those that ended and are cached for the next "
		  "included.",
		  COUNT(w->snapshot->target.n_threads));
}

static void say_files(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to,
		 "pages of files that it has mapped. The kernel takes them by itself when memory "
		 "is short.");
}

static void say_shared(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to,
		 "shared memory (shm, memfd, shared anonymous mappings): it stays until all who "
		 "have it mapped are gone, and the last name with them.");
}

static void say_huge(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to,
		 "lies in huge pages of which only a part is in use: the kernel gave 2 MiB where "
		 "less was touched.");
}

static void say_fork(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct fork_copies *f = &w->snapshot->verdict.fork;
	(void)cause;
	text_addf(to,
		  "private copies of pages that this process had in common with its parent, pid "
		  "%d, when it was forked: ",
		  f->parent);
	why_add_share(to, f->refcounts_only, f->private_bytes);
	text_add(to, " differ in reference counts alone, ");
	why_add_share(to, f->gc_links_only, f->private_bytes);
	text_add(to, " in the collector's links, ");
	why_add_share(to, f->identical, f->private_bytes);
	text_add(to, " not at all: what was written there went up and down again.");
}

static void say_swapped(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)w;
	(void)cause;
	text_add(to, "lies on swap: it is not in RSS, and comes back into RAM when it is touched.");
}

static void say_nothing(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct snapshot *s = w->snapshot;
	const struct maybe grown = why_evidence(cause, "grown_bytes");
	text_add(to, "nothing is wrong: ");
	why_add_bytes(to, w, s->ledger.rss);
	text_add(to, " are in RAM, ");
	why_add_bytes(to, w,
		      size_add(resident(w, LEAF_PYMALLOC_LIVE), resident(w, LEAF_MIMALLOC_LIVE)));
	text_add(to,
		 " of that live in Python's allocator, and what its allocators keep although it "
		 "is free is what a process needs to go on.");
	if (!grown.known)
		return;
	text_add(to, " It grew by ");
	why_add_bytes(to, w, grown.value);
	why_since(to, w);
	text_add(to, ", but no one holder by what is worth a word.");
}

/* ---- one cause --------------------------------------------------------------------------- */

typedef void say(struct text *to, const struct why_words *w, const struct cause *cause);

void why_cause(struct text *to, const struct why_words *w, const struct cause *cause)
{
	static say *const sayings[CAUSE_KINDS] = {
		[CAUSE_PYMALLOC_PINNED] = say_pinned,
		[CAUSE_PYMALLOC_FREE_POOLS] = say_free_pools,
		[CAUSE_LIVE_OBJECTS] = say_live,
		[CAUSE_MALLOC_FREE_TRIMMABLE] = say_trimmable,
		[CAUSE_MALLOC_FREE_STUCK] = say_stuck,
		[CAUSE_MALLOC_ARENA_PER_THREAD] = say_per_thread,
		[CAUSE_MALLOC_THRESHOLD_RAISED] = say_threshold,
		[CAUSE_MALLOC_ENV_INEFFECTIVE] = say_ineffective,
		[CAUSE_MIMALLOC_RETAINED] = say_mimalloc,
		[CAUSE_NATIVE_LIVE] = say_native_live,
		[CAUSE_NATIVE_LOST] = say_native_lost,
		[CAUSE_THREAD_STACKS] = say_stacks,
		[CAUSE_FILE_MAPPINGS] = say_files,
		[CAUSE_SHARED_MEMORY] = say_shared,
		[CAUSE_HUGE_PAGES] = say_huge,
		[CAUSE_FORK_PRIVATE_COPIES] = say_fork,
		[CAUSE_UNCOLLECTED_GARBAGE] = say_garbage,
		[CAUSE_FROZEN_GARBAGE] = say_frozen,
		[CAUSE_LEAKED_REFERENCES] = say_leaked,
		[CAUSE_SWAPPED_OUT] = say_swapped,
		[CAUSE_NOTHING_WRONG] = say_nothing,
	};
	if (cause->kind != CAUSE_NOTHING_WRONG) {
		why_add_bytes(to, w, cause->symptom);
		text_add(to, ": ");
	}
	sayings[cause->kind](to, w, cause);
}
