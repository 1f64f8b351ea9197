/*
 * why_words: who has a part in a cause, what would come back, what it is not. What a cause is: why_causes.c.
 */
#include "ui/report/why_words.h"

#include "base/size.h"
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

bool why_trims(const struct cause *cause)
{
	struct maybe trims = why_evidence(cause, "trims");
	return !trims.known || trims.value;
}

bool why_collects(const struct cause *cause)
{
	return why_evidence(cause, "collected_arenas").known;
}

void why_escape(struct text *to, const struct why_words *w, const char *string)
{
	const struct style style = {.ascii = w->ascii};
	page_escape(to, &style, string);
}

void why_add_bytes(struct text *to, const struct why_words *w, uint64_t bytes)
{
	char amount[UNITS_MAX];
	units_said(amount, w->units, bytes);
	text_add(to, amount);
}

void why_add_count(struct text *to, uint64_t count)
{
	char n[UNITS_MAX];
	units_count(n, count);
	text_add(to, n);
}

void why_add_share(struct text *to, uint64_t part, uint64_t whole)
{
	char share[UNITS_MAX];
	units_percent(share, part, whole);
	text_add(to, share);
}

const struct holder_root *why_holder(const struct why_words *w, const struct cause *cause)
{
	const struct holders *h = &w->snapshot->holders;
	return cause->holder_root < h->roots.count ? &h->roots.items[cause->holder_root] : NULL;
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

void why_since(struct text *to, const struct why_words *w)
{
	const double seconds = w->snapshot->verdict.since.seconds;
	char age[UNITS_MAX];
	text_add(to, " since ");
	why_escape(to, w, w->since ?: "the earlier look");
	if (seconds <= 0) /* not known, or the other one is later */
		return;
	units_duration(age, seconds < 1 ? 1 : (uint64_t)seconds);
	text_addf(to, " (%s%s ago)", seconds < 1 ? "less than " : "", age);
}

/* So many of a type. Of one type the plural of a unit is the name. */
static void add_objects(struct text *to, const struct why_words *w, uint64_t count,
			const char *type)
{
	why_add_count(to, count);
	text_add(to, " ");
	why_escape(to, w, type);
	text_add(to, strcmp(type, "bytes") == 0 ? " objects" : "");
}

static void who_pins(struct text *to, const struct why_words *w, const struct pin_root *root)
{
	add_objects(to, w, root->type_count ?: root->count, root->type ?: "blocks");
	text_add(to, " (");
	why_add_bytes(to, w, root->bytes);
	text_add(to, ", all they own included) keep ");
	why_add_count(to, root->sole_arenas ?: root->arenas);
	text_addf(to, " arena%s, ", (root->sole_arenas ?: root->arenas) == 1 ? "" : "s");
	why_add_bytes(to, w, root->returned);
}

/* Of a type that many hold a little of each, or a free list all: then none is alive, and none is counted. */
static void who_pins_all_over(struct text *to, const struct why_words *w, const struct pin *pin)
{
	if (pin->count)
		add_objects(to, w, pin->count, pin->type ?: "blocks");
	else
		why_escape(to, w, pin->type ?: "blocks");
	text_add(to, " (");
	why_add_bytes(to, w, pin->bytes);
	text_add(to, ") keep ");
	why_add_count(to, pin->sole_arenas);
	text_addf(to, " arena%s, ", pin->sole_arenas == 1 ? "" : "s");
	why_add_bytes(to, w, pin->returned);
	text_add(to, ", and no one holder has most of them");
}

static void who_holds(struct text *to, const struct why_words *w, const struct cause *cause,
		      const struct holder_root *root)
{
	struct maybe in_ram = why_evidence(cause, "in_ram_bytes");
	why_add_bytes(to, w, root->bytes);
	if (in_ram.known) {
		text_add(to, ", of which no more than ");
		why_add_bytes(to, w, in_ram.value);
		text_add(to, " can be in RAM,");
	}
	text_add(to, " under ");
	why_root(to, w, root->name ?: "?", root->kind);
	for (size_t i = 0; i < root->types.count && i < 3; i++) {
		text_add(to, i ? ", " : ": ");
		add_objects(to, w, root->types.items[i].count, root->types.items[i].type ?: "?");
	}
}

static void who_types(struct text *to, const struct why_words *w, const struct holder_type *types,
		      size_t n)
{
	for (size_t i = 0; i < n && i < 5; i++) {
		text_add(to, i ? ", " : "");
		add_objects(to, w, types[i].count, types[i].type ?: "?");
		text_add(to, " ");
		why_add_bytes(to, w, types[i].bytes);
	}
}

void why_who(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct snapshot *s = w->snapshot;
	const struct holder_root *root = why_holder(w, cause);
	if (cause->pin_root < s->pins.roots.count)
		who_pins(to, w, &s->pins.roots.items[cause->pin_root]);
	else if (root)
		who_holds(to, w, cause, root);
	else if (cause->kind == CAUSE_PYMALLOC_PINNED && s->pins.types.count)
		who_pins_all_over(to, w, &s->pins.types.items[0]);
	else if (cause->kind == CAUSE_UNCOLLECTED_GARBAGE)
		who_types(to, w, s->holders.garbage_types.items, s->holders.garbage_types.count);
	else if (cause->kind == CAUSE_FROZEN_GARBAGE)
		who_types(to, w, s->holders.frozen_types.items, s->holders.frozen_types.count);
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
	const struct holder_root *root = why_holder(w, cause);
	if (cause->pin_root < pins->roots.count) {
		const struct pin_root *pin = &pins->roots.items[cause->pin_root];
		add_links(to, w, pin->links.items, pin->links.count, pin->kind);
	} else if (root && root->chains.count) {
		const struct holder_chain *chain = &root->chains.items[0];
		add_links(to, w, chain->links.items, chain->links.count, chain->kind);
	}
}

/* ---- gain, theories, sentence ------------------------------------------------------------ */

static bool has_mimalloc(const struct why_words *w)
{
	const struct snapshot_target *target = &w->snapshot->target;
	return target->free_threaded || target->allocator == ALLOCATOR_MIMALLOC;
}

static bool is_of_objects(enum cause_kind kind)
{
	return kind == CAUSE_LIVE_OBJECTS || kind == CAUSE_UNCOLLECTED_GARBAGE ||
	       kind == CAUSE_FROZEN_GARBAGE;
}

/* Objects that are let go leave free blocks in pages of mimalloc's: what of it goes back, and when, it decides itself (seen in 3.13: half
 * of it after a while, or nothing). */
static bool is_kept_by_mimalloc(const struct why_words *w, enum cause_kind kind)
{
	return has_mimalloc(w) && is_of_objects(kind);
}

/* Arenas and pages go back whole. */
static bool lies_between_others(const struct cause *cause)
{
	return is_of_objects(cause->kind) && cause->bytes < cause->symptom / 2;
}

/* What brings it back. */
static const char *how_it_comes(const struct cause *cause)
{
	static const char *const hows[CAUSE_KINDS] = {
		[CAUSE_PYMALLOC_PINNED] = "goes back by itself once those objects are gone",
		[CAUSE_LIVE_OBJECTS] = "goes back when they are let go, by the calls under DO",
		[CAUSE_MALLOC_FREE_TRIMMABLE] = "malloc_trim(0) gives back now",
		[CAUSE_MALLOC_ARENA_PER_THREAD] = "malloc_trim(0) gives back now",
		[CAUSE_MALLOC_THRESHOLD_RAISED] = "malloc_trim(0) gives back now",
		[CAUSE_MALLOC_ENV_INEFFECTIVE] = "malloc_trim(0) gives back now",
		[CAUSE_UNCOLLECTED_GARBAGE] = "gc.collect() gives back",
		[CAUSE_FROZEN_GARBAGE] = "gc.collect() gives back after gc.unfreeze()",
		[CAUSE_SHARED_MEMORY] = "goes back when the last user unmaps it",
		[CAUSE_FILE_MAPPINGS] = "the kernel takes when it needs to",
		[CAUSE_FORK_PRIVATE_COPIES] = "would have stayed common with its parent",
		[CAUSE_SWAPPED_OUT] = "is on swap, not in RAM",
	};
	if (cause->bytes == 0 && !lies_between_others(cause))
		return "without a restart";
	if (!why_trims(cause))
		return "a process with fewer arenas does not have";
	if (cause->kind == CAUSE_PYMALLOC_PINNED && why_collects(cause))
		return "goes back once those objects are gone and gc.collect() was called";
	return hows[cause->kind] ?: "a new process does not have";
}

/* There may be several who hold: each gain says whose it is. */
static void add_how(struct text *to, const struct why_words *w, const struct cause *cause)
{
	const struct holder_root *root = why_holder(w, cause);
	if (cause->kind != CAUSE_LIVE_OBJECTS || !cause->bytes || !root || !root->name) {
		text_add(to, how_it_comes(cause));
		return;
	}
	text_add(to, "goes back when ");
	why_escape(to, w, root->name);
	text_add(to, " lets it go, by the calls under DO");
}

void why_gain(struct text *to, const struct why_words *w, const struct cause *cause)
{
	if (cause->kind == CAUSE_NOTHING_WRONG)
		return;
	text_add(to, why_trims(cause) ? "" : "up to ");
	why_add_bytes(to, w, cause->bytes);
	text_add(to, " ");
	add_how(to, w, cause);
	if (lies_between_others(cause))
		text_add(to, "; the rest lies between objects that stay, free for new ones then");
	if (cause->bytes && is_kept_by_mimalloc(w, cause->kind))
		text_add(to, "; mimalloc gives that back late, or keeps it for objects to come");
}

/* Between looks that lie closer together than this a slow leak does not show. */
#define SOON 60 /* seconds */

static void not_growing(struct text *to, const struct why_words *w, struct maybe bytes)
{
	const double seconds = w->snapshot->verdict.since.seconds;
	text_add(to, "growing? ");
	if (!w->snapshot->verdict.since.used) {
		text_add(to, "one look cannot tell: use --since FILE");
		return;
	}
	text_add(to, bytes.value ? "by no more than " : "nothing grew");
	if (bytes.value)
		why_add_bytes(to, w, bytes.value);
	why_since(to, w);
	if (seconds > 0 && seconds < SOON)
		text_add(to, ", which is too short a time to tell");
}

void why_not(struct text *to, const struct why_words *w, const struct ruled_out *theory)
{
	static const char *const words[THEORY_KINDS] = {
		[THEORY_MALLOC_TRIM] = "malloc_trim(0) gives",
		[THEORY_ARENA_MAX] = "MALLOC_ARENA_MAX: other arenas than the main one keep",
		[THEORY_THREADS] = "stacks of threads",
		[THEORY_SWAP] = "swap",
		[THEORY_GC] = "gc.collect() alone frees",
		[THEORY_PYTHON_LEAK] = "live Python objects",
		[THEORY_KEPT_ARENAS] = "kept in pymalloc's arenas",
	};
	if (theory->theory == THEORY_GROWTH) {
		not_growing(to, w, theory->bytes);
		return;
	}
	bool pages = theory->theory == THEORY_KEPT_ARENAS && has_mimalloc(w);
	text_addf(to, "%s ", pages ? "kept in mimalloc's pages" : words[theory->theory]);
	if (theory->bytes.known)
		why_add_bytes(to, w, theory->bytes.value);
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
	    why_holder(w, &v->causes.items[0])) {
		text_add(to, " Suspect: ");
		why_who(to, w, &v->causes.items[0]);
		text_add(to, ".");
	}
	/* A sentence begins with a capital, whatever its figure. */
	if (to->length > before && to->data[before] == 'n')
		to->data[before] = 'N';
}
