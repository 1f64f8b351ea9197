/*
 * why_words: a sentence for each cause. Each begins with the bytes and says what is the case, then why that keeps
 * memory; figures come from the same snapshot that the tables are made of.
 */
#include "ui/report/why_words.h"

#include "base/size.h"
#include "ui/report/malloc_words.h"
#include "ui/text/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct maybe why_evidence(const struct cause *cause, const char *name)
{
	for (size_t i = 0; i < cause->n_evidence; i++) {
		if (strcmp(cause->evidence[i].name, name) == 0 &&
		    cause->evidence[i].unit != EVIDENCE_TEXT)
			return maybe_known(cause->evidence[i].value);
	}
	return (struct maybe){.known = false};
}

void why_escape(struct text *to, const struct why_words *w, const char *string)
{
	const struct style style = {.ascii = w->ascii};
	page_escape(to, &style, string);
}

static void add_bytes(struct text *to, const struct why_words *w, uint64_t bytes)
{
	char amount[UNITS_MAX];
	units_said(amount, w->units, bytes);
	text_add(to, amount);
}

static void add_count(struct text *to, uint64_t count)
{
	char n[UNITS_MAX];
	units_count(n, count);
	text_add(to, n);
}

static void add_share(struct text *to, uint64_t part, uint64_t whole)
{
	char share[UNITS_MAX];
	units_percent(share, part, whole);
	text_add(to, share);
}

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
	add_count(to, a.sparse);
	text_add(to, " of ");
	add_count(to, a.all);
	units_percent(share, a.used, a.whole);
	text_addf(to, " pymalloc arenas are only %s used. ", share[0] == '<' ? share + 1 : share);
	if (a.highwater > a.all) {
		text_add(to, "A peak (");
		add_count(to, a.highwater);
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

static const struct holder_root *holder_of(const struct why_words *w, const struct cause *cause)
{
	const struct holders *h = &w->snapshot->holders;
	return cause->holder_root < h->roots.count ? &h->roots.items[cause->holder_root] : NULL;
}

static void say_live(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct holder_root *root = holder_of(w, cause);
	text_add(to, "not kept but in use: these are live objects");
	if (root) {
		text_add(to, ", all of them under ");
		why_root(to, w, root->name ?: "?", root->kind);
	}
	text_add(to, ". They stay for as long as something refers to them.");
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
	add_count(to, h->lost_count);
	text_add(to, " chunks of malloc's are in use and nothing points to them any more: native "
		     "code lost them");
	if (h->lost_sizes.count) {
		text_add(to, "; most are of ");
		add_bytes(to, w, h->lost_sizes.items[0].size);
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
	add_count(to, h->garbage.count);
	text_add(to, " objects are in cycles that nothing reaches, and wait for the collector");
	if (h->gc_enabled.known)
		text_add(to, h->gc_enabled.value ? ", which is on but has not come so far"
						 : ", which is switched off (gc.disable())");
	text_add(to, ".");
}

static void say_leaked(struct text *to, const struct why_words *w, const struct cause *cause)
{
	(void)cause;
	add_count(to, w->snapshot->holders.leaked.count);
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
	text_addf(to,
		  "malloc keeps freed memory in %zu arenas, one for each thread that once met "
		  "another",
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
	add_bytes(to, w, s->mmap_threshold);
	text_add(to, " come from its heap, and of its free end up to ");
	add_bytes(to, w, s->trim_threshold);
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
		  "stacks of %" PRIu64 " threads, those that ended and are cached for the next "
		  "included.",
		  w->snapshot->target.n_threads);
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
	add_share(to, f->refcounts_only, f->private_bytes);
	text_add(to, " differ in reference counts alone, ");
	add_share(to, f->gc_links_only, f->private_bytes);
	text_add(to, " in the collector's links, ");
	add_share(to, f->identical, f->private_bytes);
	text_add(to, " not at all.");
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
	(void)cause;
	text_add(to, "nothing is wrong: ");
	add_bytes(to, w, s->ledger.rss);
	text_add(to, " are in RAM, ");
	add_bytes(to, w,
		  size_add(resident(w, LEAF_PYMALLOC_LIVE), resident(w, LEAF_MIMALLOC_LIVE)));
	text_add(to,
		 " of that live in Python's allocator, and what its allocators keep although it "
		 "is free is what a process needs to go on.");
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
		[CAUSE_LEAKED_REFERENCES] = say_leaked,
		[CAUSE_SWAPPED_OUT] = say_swapped,
		[CAUSE_NOTHING_WRONG] = say_nothing,
	};
	if (cause->kind != CAUSE_NOTHING_WRONG) {
		add_bytes(to, w, cause->symptom);
		text_add(to, ": ");
	}
	sayings[cause->kind](to, w, cause);
}

/* ---- who --------------------------------------------------------------------------------- */

void why_root(struct text *to, const struct why_words *w, const char *name, enum holder_kind kind)
{
	static const char *const kinds[] = {
		[HOLDER_MODULE_GLOBAL] = " (module global)",
		[HOLDER_FRAME_LOCAL] = " (frame local)",
		[HOLDER_CLASS_ATTRIBUTE] = " (class attribute)",
		[HOLDER_STATIC] = " (static data)",
		[HOLDER_THREAD] = "",
		[HOLDER_UNKNOWN] = "",
	};
	why_escape(to, w, name);
	text_add(to, kinds[kind]);
}

static void who_pins(struct text *to, const struct why_words *w, const struct pin_root *root)
{
	add_count(to, root->type_count ?: root->count);
	text_add(to, " ");
	why_escape(to, w, root->type ?: "blocks");
	text_add(to, " (");
	add_bytes(to, w, root->bytes);
	text_add(to, ", all they own included) keep ");
	add_count(to, root->sole_arenas ?: root->arenas);
	text_addf(to, " arena%s, ", (root->sole_arenas ?: root->arenas) == 1 ? "" : "s");
	add_bytes(to, w, root->returned);
}

static void who_holds(struct text *to, const struct why_words *w, const struct holder_root *root)
{
	add_bytes(to, w, root->bytes);
	text_add(to, " under ");
	why_root(to, w, root->name ?: "?", root->kind);
	for (size_t i = 0; i < root->types.count && i < 3; i++) {
		text_add(to, i ? ", " : ": ");
		add_count(to, root->types.items[i].count);
		text_add(to, " ");
		why_escape(to, w, root->types.items[i].type ?: "?");
	}
}

static void who_types(struct text *to, const struct why_words *w, const struct holder_type *types,
		      size_t n)
{
	for (size_t i = 0; i < n && i < 5; i++) {
		text_add(to, i ? ", " : "");
		add_count(to, types[i].count);
		text_add(to, " ");
		why_escape(to, w, types[i].type ?: "?");
		text_add(to, " ");
		add_bytes(to, w, types[i].bytes);
	}
}

void why_who(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct snapshot *s = w->snapshot;
	const struct holder_root *root = holder_of(w, cause);
	if (cause->pin_root < s->pins.roots.count)
		who_pins(to, w, &s->pins.roots.items[cause->pin_root]);
	else if (root)
		who_holds(to, w, root);
	else if (cause->kind == CAUSE_UNCOLLECTED_GARBAGE)
		who_types(to, w, s->holders.garbage_types.items, s->holders.garbage_types.count);
	else if (cause->kind == CAUSE_LEAKED_REFERENCES)
		who_types(to, w, s->holders.leaked_types.items, s->holders.leaked_types.count);
}

static void add_links(struct text *to, const struct why_words *w, char *const *links, size_t n,
		      enum holder_kind kind)
{
	for (size_t i = 0; i < n; i++) {
		text_add(to, i ? " > " : "");
		if (i == 0)
			why_root(to, w, links[i], kind);
		else
			why_escape(to, w, links[i]);
	}
}

void why_chain(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct pins *pins = &w->snapshot->pins;
	const struct holder_root *root = holder_of(w, cause);
	if (cause->pin_root < pins->roots.count) {
		const struct pin_root *pin = &pins->roots.items[cause->pin_root];
		add_links(to, w, pin->links.items, pin->links.count, pin->kind);
	} else if (root && root->chains.count) {
		const struct holder_chain *chain = &root->chains.items[0];
		add_links(to, w, chain->links.items, chain->links.count, chain->kind);
	}
}

/* ---- gain, theories, sentence ------------------------------------------------------------ */

void why_gain(struct text *to, const struct why_words *w, const struct cause *cause)
{
	static const char *const hows[CAUSE_KINDS] = {
		[CAUSE_PYMALLOC_PINNED] = "goes back by itself once those objects are gone",
		[CAUSE_LIVE_OBJECTS] = "is freed when they are let go",
		[CAUSE_MALLOC_FREE_TRIMMABLE] = "malloc_trim(0) gives back now",
		[CAUSE_MALLOC_ARENA_PER_THREAD] = "malloc_trim(0) gives back now",
		[CAUSE_MALLOC_THRESHOLD_RAISED] = "malloc_trim(0) gives back now",
		[CAUSE_MALLOC_ENV_INEFFECTIVE] = "malloc_trim(0) gives back now",
		[CAUSE_UNCOLLECTED_GARBAGE] = "gc.collect() frees",
		[CAUSE_SHARED_MEMORY] = "goes back when the last user unmaps it",
		[CAUSE_FILE_MAPPINGS] = "the kernel takes when it needs to",
		[CAUSE_FORK_PRIVATE_COPIES] = "would have stayed common with its parent",
		[CAUSE_SWAPPED_OUT] = "is on swap, not in RAM",
	};
	if (cause->kind == CAUSE_NOTHING_WRONG)
		return;
	add_bytes(to, w, cause->bytes);
	text_add(to, " ");
	text_add(to, cause->bytes == 0   ? "without a restart"
		     : hows[cause->kind] ? hows[cause->kind]
					 : "a new process does not have");
}

void why_not(struct text *to, const struct why_words *w, const struct ruled_out *theory)
{
	static const char *const words[THEORY_KINDS] = {
		[THEORY_MALLOC_TRIM] = "malloc_trim(0) gives",
		[THEORY_ARENA_MAX] = "MALLOC_ARENA_MAX: other arenas than the main one keep",
		[THEORY_THREADS] = "stacks of threads",
		[THEORY_SWAP] = "swap",
		[THEORY_GC] = "gc.collect() frees",
		[THEORY_PYTHON_LEAK] = "live Python objects",
		[THEORY_KEPT_ARENAS] = "kept in pymalloc's arenas",
	};
	if (theory->theory == THEORY_GROWTH) {
		text_add(to, "growing? one look cannot tell: use --since FILE");
		return;
	}
	text_addf(to, "%s ", words[theory->theory]);
	if (theory->bytes.known)
		add_bytes(to, w, theory->bytes.value);
	else
		text_add(to, "?");
}

void why_sentence(struct text *to, const struct why_words *w)
{
	const struct verdict *v = &w->snapshot->verdict;
	size_t before = to->length;
	if (!v->filled || !v->causes.count)
		return;
	why_cause(to, w, &v->causes.items[0]);
	if (v->causes.items[0].pin_root < w->snapshot->pins.roots.count ||
	    holder_of(w, &v->causes.items[0])) {
		text_add(to, " Suspect: ");
		why_who(to, w, &v->causes.items[0]);
		text_add(to, ".");
	}
	/* A sentence begins with a capital, whatever its figure. */
	if (to->length > before && to->data[before] == 'n')
		to->data[before] = 'N';
}
