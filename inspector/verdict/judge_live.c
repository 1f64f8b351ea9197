/*
 * judge_live: what is in use, or looks like it: garbage that waits, references that leaked, chunks that are lost, and at last
 * what a program really holds.
 *
 *	reached by a root     one root keeps most of private memory, in many objects   live_objects
 *	                      chunks that are no Python objects                         native_live
 *	reached by nothing    cycles · frozen ones · too many references · chunks      garbage, frozen, leaked, lost
 *
 * One look cannot tell growth from size. What it can tell: a loaded table or an array is few large blocks, a server that
 * idles holds nothing, a cache that is bounded says so by its type. Many small objects below one root that are most
 * of a process's memory are said to be that, as inferred; growth between two looks is measured, and decides. Where nothing grew
 * from one to the other, size does all the same: what stood there before the first of them stands there still.
 */
#include "inspector/verdict/judge.h"

#include <string.h>

/* Where Python objects and their buffers lie, in the order in which a holder's bytes are looked for. */
static const enum leaf python_leaves[] = {
	LEAF_PYMALLOC_LIVE,     LEAF_MIMALLOC_LIVE,        LEAF_MALLOC_LIVE,
	LEAF_MALLOC_MMAPPED,    LEAF_PYMALLOC_FREE_BLOCKS, LEAF_PYMALLOC_FREE_POOLS,
	LEAF_PYMALLOC_OVERHEAD, LEAF_MIMALLOC_FREE,        LEAF_MALLOC_OPAQUE,
	LEAF_ANON_OWNED,        LEAF_ANON_UNKNOWN,
};

#define N_LIVE_LEAVES 4 /* the first of them */

static const enum leaf native_leaves[] = {LEAF_MALLOC_LIVE, LEAF_MALLOC_MMAPPED,
					  LEAF_MALLOC_OPAQUE};

/* Until the portion has so many bytes. */
static void take_more(const struct judge *j, struct portion *portion, const enum leaf *leaves,
		      size_t n, uint64_t bytes)
{
	for (size_t i = 0; i < n; i++)
		portion_add(j, portion, leaves[i], size_subtract(bytes, portion->sum));
}

static struct portion take_from(const struct judge *j, const enum leaf *leaves, size_t n,
				uint64_t bytes)
{
	struct portion portion = {.sum = 0};
	take_more(j, &portion, leaves, n, bytes);
	return portion;
}

/* What others have left of memory in use, of a thousand. What a fork has copied is told as that, whoever holds it. */
static uint64_t intact(const struct judge *j)
{
	uint64_t all = 0, left = 0;
	for (size_t i = 0; i < N_LIVE_LEAVES; i++) {
		all = size_add(all, judge_leaf(j, python_leaves[i]));
		left = size_add(left, j->left[python_leaves[i]]);
	}
	return judge_share(1000, left, all);
}

/* ---- reached by nothing ----------------------------------------------------------------------------------- */

/* Of bytes that nothing reaches, what would go back, when `part` of them went. */
static uint64_t unreached_gain(const struct judge *j, uint64_t part)
{
	const struct pins *pins = &j->s->pins;
	if (!pins->filled || !pins->unreached_bytes)
		return part;
	return judge_share(pins->unreached_returned, part, pins->unreached_bytes);
}

/* free: of what would go back, what is free in arenas that only these keep. */
static struct cause *judge_lot(struct judge *j, enum cause_kind kind, const struct holder_type *lot,
			       uint64_t permille, uint64_t free)
{
	static const enum leaf kept[] = {LEAF_PYMALLOC_FREE_POOLS, LEAF_PYMALLOC_FREE_BLOCKS,
					 LEAF_PYMALLOC_OVERHEAD};
	uint64_t gain = judge_share(unreached_gain(j, lot->bytes), permille, 1000);
	uint64_t bytes = judge_share(lot->bytes, permille, 1000);
	struct portion portion = take_from(j, kept, ARRAY_SIZE(kept), size_min(free, gain));
	take_more(j, &portion, python_leaves, ARRAY_SIZE(python_leaves), size_max(bytes, gain));
	struct cause *cause = judge_cause(j, kind, &portion);
	if (!cause)
		return NULL;
	cause->bytes = size_min(cause->bytes, gain);
	judge_count(cause, "objects", lot->count);
	judge_bytes(cause, "object_bytes", lot->bytes);
	judge_text(j, cause, "type", lot->type);
	return cause;
}

static void judge_garbage(struct judge *j, uint64_t permille)
{
	const struct holders *h = &j->s->holders;
	struct cause *cause = judge_lot(j, CAUSE_UNCOLLECTED_GARBAGE, &h->garbage, permille, 0);
	if (cause && h->gc_enabled.known)
		judge_count(cause, "gc_enabled", h->gc_enabled.value);
}

static void judge_lost(struct judge *j)
{
	const struct holders *h = &j->s->holders;
	struct portion portion =
		take_from(j, native_leaves, ARRAY_SIZE(native_leaves), h->lost_bytes);
	struct cause *cause = judge_cause(j, CAUSE_NATIVE_LOST, &portion);
	if (!cause)
		return;
	cause->measured = false; /* only whoever lost them could free them */
	judge_count(cause, "chunks", h->lost_count);
	judge_bytes(cause, "chunk_bytes", h->lost_bytes);
	judge_text(j, cause, "library", h->lost_library);
	if (h->lost_sizes.count) {
		judge_bytes(cause, "most_size", h->lost_sizes.items[0].size);
		judge_count(cause, "most_count", h->lost_sizes.items[0].count);
	}
}

void judge_frozen(struct judge *j)
{
	const struct holders *h = &j->s->holders;
	if (!h->filled)
		return;
	struct cause *cause =
		judge_lot(j, CAUSE_FROZEN_GARBAGE, &h->frozen, intact(j), j->s->pins.frozen_free);
	if (cause && j->s->pins.frozen_arenas)
		judge_count(cause, "frozen_arenas", j->s->pins.frozen_arenas);
}

/* Whether a file tells all chunks of malloc's: who refers to an object may lie in one that it does not. A process was asked
 * until it did. */
static bool knows_chunks(const struct judge *j)
{
	const struct malloc_account *m = &j->s->malloc;
	for (size_t i = 0; i < m->arenas.count; i++)
		if (!m->arenas.items[i].verified)
			return j->s->target.kind == ORIGIN_LIVE;
	return true;
}

void judge_unreached(struct judge *j)
{
	if (!j->s->holders.filled)
		return;
	uint64_t permille = intact(j);
	judge_garbage(j, permille);
	if (!judge_has(j, CAUSE_FROZEN_GARBAGE))
		judge_frozen(j);
	if (j->s->target.at_work) /* who refers to them may be of another moment */
		return;
	if (knows_chunks(j))
		judge_lot(j, CAUSE_LEAKED_REFERENCES, &j->s->holders.leaked, permille, 0);
	judge_lost(j);
}

/* ---- reached: one root keeps most, or a few ------------------------------------------------------------------------ */

/* Types that drop old entries by themselves, by a piece of their name: cachetools', and what resembles them. */
static bool is_bounded_type(const char *type)
{
	static const char *const pieces[] = {"LRU",       "LFU",     "TTLCache",
					     "FIFOCache", "RRCache", "cachetools."};
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		if (strstr(type, pieces[i]))
			return true;
	}
	return false;
}

/* Whether most of a root's bytes hang on something that bounds itself. */
static bool is_bounded(const struct holder_root *root)
{
	const bool drops = judge_drops_entries(root);
	uint64_t bounded = 0;
	for (size_t i = 0; i < root->chains.count; i++) {
		const struct holder_chain *chain = &root->chains.items[i];
		bool bounds = false;
		for (size_t k = 1; k < chain->links.count && !bounds; k++)
			bounds = is_bounded_type(chain->links.items[k]) ||
				 (drops && strstr(chain->links.items[k], "_lru_cache_wrapper"));
		bounded = size_max(bounded, bounds ? chain->bytes : 0);
	}
	return bounded > root->bytes / 2;
}

/* Growth of a root between two looks, in bytes; 0: none, or there is only one look. */
static uint64_t growth_of(const struct judge *j, const struct holder_root *root)
{
	for (size_t i = 0; j->since && i < j->since->rows.count; i++) {
		const struct difference_row *row = &j->since->rows.items[i];
		if (row->part == DIFFERENCE_ROOT && row->bytes > 0 &&
		    strcmp(row->name, root->name) == 0)
			return (uint64_t)row->bytes;
	}
	return 0;
}

static bool has_grown(const struct judge *j)
{
	const struct holders *h = &j->s->holders;
	for (size_t i = 0; j->since && i < h->roots.count; i++)
		if (judge_counts(j, growth_of(j, &h->roots.items[i])))
			return true;
	return false;
}

/* Of a root's bytes as many as can be in RAM at most: zeros that nobody has written to, and what is swapped out, are not. */
static uint64_t in_ram(const struct judge *j, const struct holder_root *root)
{
	uint64_t all = 0;
	for (size_t i = 0; i < ARRAY_SIZE(python_leaves); i++) {
		enum leaf_group group = leaf_group(python_leaves[i]);
		if (group != LEAF_GROUP_KEPT && group != LEAF_GROUP_OVERHEAD)
			all = size_add(all, judge_leaf(j, python_leaves[i]));
	}
	return size_min(root->bytes, all);
}

/* Whether so much is under one root that it belongs to those that fill the process, if they do. */
static bool is_large(const struct judge *j, const struct holder_root *root)
{
	uint64_t bytes = in_ram(j, root);
	return bytes >= JUDGE_LEAST_LIVE && root->count >= JUDGE_HOLDER_COUNT &&
	       bytes / JUDGE_HOLDER_EACH >= j->private / 1000 && !is_bounded(root);
}

/* Two caches of 40 % each are what fills a process, as one of 80 % is. */
static bool large_roots_fill(const struct judge *j)
{
	const struct holders *h = &j->s->holders;
	uint64_t together = 0;
	for (size_t i = 0; i < h->roots.count; i++)
		if (is_large(j, &h->roots.items[i]))
			together = size_add(together, in_ram(j, &h->roots.items[i]));
	return together / JUDGE_HOLDER_SHARE >= j->private / 1000;
}

/* What there are many of; where nobody looked for that, what there is most of. */
static void tell_type(struct judge *j, struct cause *cause, const struct holder_root *root)
{
	if (root->many) {
		judge_text(j, cause, "type", root->many);
		judge_count(cause, "type_count", root->many_count);
		judge_bytes(cause, "type_bytes", root->many_bytes);
	} else if (root->types.count) {
		judge_text(j, cause, "type", root->types.items[0].type);
		judge_count(cause, "type_count", root->types.items[0].count);
		judge_bytes(cause, "type_bytes", root->types.items[0].bytes);
	}
}

/* What lies between others' objects fills the process all the same; what another cause has taken does not. */
static struct cause *live_cause(struct judge *j, const struct portion *portion, uint64_t whole,
				uint64_t symptom)
{
	if (!judge_counts(j, whole))
		return judge_symptom(j, CAUSE_LIVE_OBJECTS, portion, symptom);
	struct cause *cause = judge_cause(j, CAUSE_LIVE_OBJECTS, portion);
	if (cause)
		cause->symptom = size_max(cause->bytes, symptom);
	return cause;
}

/* Growth decides where there is any; else size alone. */
static void judge_root(struct judge *j, size_t i, uint64_t permille)
{
	const struct holder_root *root = &j->s->holders.roots.items[i];
	uint64_t grown = growth_of(j, root);
	if (j->grew ? !judge_counts(j, grown) : !is_large(j, root))
		return;
	uint64_t returned = root->returned || j->s->pins.filled ? root->returned : root->bytes;
	uint64_t whole = j->grew ? size_min(returned, grown) : returned;
	struct portion portion = take_from(j, python_leaves, ARRAY_SIZE(python_leaves),
					   judge_share(whole, permille, 1000));
	struct cause *cause = live_cause(j, &portion, whole, j->grew ? grown : in_ram(j, root));
	if (!cause)
		return;
	cause->holder_root = i;
	cause->measured = j->grew;
	judge_text(j, cause, "root", root->name);
	judge_bytes(cause, "root_bytes", root->bytes);
	judge_count(cause, "root_objects", root->count);
	judge_permille(cause, "root_share", root->bytes, j->private);
	tell_type(j, cause, root);
	judge_ways(cause, root);
	if (in_ram(j, root) < root->bytes)
		judge_bytes(cause, "in_ram_bytes", in_ram(j, root));
	if (j->since) {
		judge_bytes(cause, "grown_bytes", grown);
		judge_count(cause, "seconds",
			    (uint64_t)(j->since->seconds > 0 ? j->since->seconds : 0));
	}
}

/* ---- reached: native code's ---------------------------------------------------------------------------------- */

static void judge_native(struct judge *j)
{
	const struct holders *h = &j->s->holders;
	struct portion portion =
		take_from(j, native_leaves, ARRAY_SIZE(native_leaves) - 1, h->native_bytes);
	uint64_t chunks = portion.sum;
	uint64_t opaque = portion_add(j, &portion, LEAF_MALLOC_OPAQUE, UINT64_MAX);
	uint64_t owned = portion_add(j, &portion, LEAF_ANON_OWNED, UINT64_MAX);
	if (portion.sum < JUDGE_LEAST_LIVE || portion.sum / JUDGE_NATIVE_SHARE < j->private / 1000)
		return;
	struct cause *cause = judge_cause(j, CAUSE_NATIVE_LIVE, &portion);
	if (!cause)
		return;
	cause->measured = false;
	judge_count(cause, "chunks", h->native_count);
	judge_bytes(cause, "chunk_bytes", chunks);
	judge_bytes(cause, "opaque_bytes", opaque);
	judge_bytes(cause, "owned_bytes", owned);
	const struct ledger_line *line = &j->s->ledger.lines[LEAF_ANON_OWNED];
	if (owned && line->details.count)
		judge_text(j, cause, "library", line->details.items[0].name);
}

void judge_live(struct judge *j)
{
	const struct holders *h = &j->s->holders;
	if (!h->filled)
		return;
	uint64_t permille = intact(j);
	j->grew = has_grown(j);
	for (size_t i = 0; (j->grew || large_roots_fill(j)) && i < h->roots.count; i++)
		judge_root(j, i, permille);
	judge_native(j);
}
