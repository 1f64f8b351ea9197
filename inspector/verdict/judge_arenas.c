/*
 * judge_arenas: Python's own allocators, which give memory back only where nothing at all is left in it.
 *
 *	use of an arena   0 %                 25 %                                   100 %
 *	                  │ sparse: pinned     │ free pools among full ones            │
 *
 * A sparse arena is there for a few objects: it is told with whoever holds them. In the others what is
 * free is as good as in use: it waits for the next objects, and only a new process is denser.
 */
#include "inspector/verdict/judge.h"

#define FREE_BLOCKS_PERMILLE \
	250 /* of what the arenas hold: so much in free blocks alone is a finding */

struct sparse {
	uint64_t arenas, all_arenas, highwater;
	uint64_t blocks, used, resident, free, free_pools;
};

/* What of an arena is in RAM; where that is not known, what was ever carved. */
static uint64_t arena_resident(const struct pymalloc *p, const struct pymalloc_arena *a)
{
	return p->has_residency ? a->resident
				: size_min(size_multiply(a->n_carved, p->pool_size), p->arena_size);
}

static void add_arena(const struct pymalloc *p, const struct pymalloc_arena *a, struct sparse *to)
{
	uint64_t free_pools = size_subtract(a->n_free, size_subtract(a->n_pools, a->n_carved));
	uint64_t resident = arena_resident(p, a);
	to->all_arenas++;
	if (!a->used_blocks || pymalloc_arena_occupancy(p, a) >= JUDGE_SPARSE_BELOW)
		return;
	uint64_t free = size_subtract(resident, a->used_bytes);
	to->arenas++;
	to->blocks += a->used_blocks;
	to->used = size_add(to->used, a->used_bytes);
	to->resident = size_add(to->resident, resident);
	to->free = size_add(to->free, free);
	to->free_pools =
		size_add(to->free_pools, size_min(size_multiply(free_pools, p->pool_size), free));
}

static void find_sparse(const struct snapshot *s, struct sparse *ret)
{
	for (size_t i = 0; i < s->interpreters.count; i++) {
		const struct pymalloc *p = &s->interpreters.items[i].pymalloc;
		for (size_t k = 0; k < p->arenas.count; k++)
			add_arena(p, &p->arenas.items[k], ret);
		if (p->arenas_highwater.known)
			ret->highwater = size_add(ret->highwater, p->arenas_highwater.value);
	}
}

/* Arenas that frozen garbage keeps are told with that (judge_live.c), and are not pinned by anybody. */
static void leave_frozen(const struct pins *pins, struct sparse *sparse)
{
	uint64_t used = size_subtract(pins->frozen_bytes, pins->frozen_free);
	sparse->arenas = size_subtract(sparse->arenas, pins->frozen_arenas);
	sparse->used = size_subtract(sparse->used, used);
	sparse->resident = size_subtract(sparse->resident, pins->frozen_bytes);
	sparse->free = size_subtract(sparse->free, pins->frozen_free);
	sparse->free_pools = size_min(sparse->free_pools, sparse->free);
}

/* ---- who holds them, and what would go back without ------------------------------------------------- */

/* Said only where there are such: without gc.collect() these arenas stay. */
static void judge_collected(struct cause *cause, uint64_t arenas)
{
	if (arenas)
		judge_count(cause, "collected_arenas", arenas);
}

/* The leading roots, or where no few of them do it the leading type: whichever brings more. */
static void name_holder(struct judge *j, struct cause *cause)
{
	const struct pins *pins = &j->s->pins;
	uint64_t by_root = pins->lead_returned;
	uint64_t by_type = pins->types.count ? pins->types.items[0].returned : 0;
	if (pins->roots.count && by_root >= by_type / 2) {
		const struct pin_root *root = &pins->roots.items[0];
		cause->pin_root = 0;
		cause->bytes = size_min(cause->bytes, by_root);
		judge_text(j, cause, "type", root->type);
		judge_count(cause, "type_count", root->type_count);
		judge_count(cause, "holders", pins->lead_roots);
		judge_count(cause, "emptied_arenas", root->sole_arenas);
		judge_collected(cause, pins->lead_collected);
		judge_ways_of_pin(cause, root);
		return;
	}
	if (!pins->types.count)
		return;
	const struct pin *type = &pins->types.items[0];
	cause->bytes = size_min(cause->bytes, by_type);
	judge_text(j, cause, "type", type->type);
	judge_count(cause, "type_count", type->count);
	judge_count(cause, "holders", 0);
	judge_count(cause, "emptied_arenas", type->sole_arenas);
	judge_collected(cause, type->collected);
}

static void judge_pinned(struct judge *j, const struct sparse *sparse)
{
	struct portion portion = {.sum = 0};
	uint64_t pools = portion_add(j, &portion, LEAF_PYMALLOC_FREE_POOLS, sparse->free_pools);
	uint64_t blocks = portion_add(j, &portion, LEAF_PYMALLOC_FREE_BLOCKS,
				      size_subtract(sparse->free, pools));
	portion_add(j, &portion, LEAF_PYMALLOC_OVERHEAD,
		    size_subtract(sparse->free, pools + blocks));
	if (!judge_counts(j, portion.sum))
		return;
	portion_add(j, &portion, LEAF_PYMALLOC_LIVE, sparse->used);
	struct cause *cause = judge_cause(j, CAUSE_PYMALLOC_PINNED, &portion);
	if (!cause)
		return;
	judge_count(cause, "arenas", sparse->all_arenas);
	judge_count(cause, "sparse_arenas", sparse->arenas);
	judge_permille(cause, "sparse_use", sparse->used, size_add(sparse->used, sparse->free));
	judge_bytes(cause, "free_bytes", sparse->free);
	judge_count(cause, "pinning_blocks", sparse->blocks);
	judge_bytes(cause, "pinning_bytes", sparse->used);
	if (sparse->highwater)
		judge_count(cause, "peak_arenas", sparse->highwater);
	cause->measured = j->s->pins.filled && j->s->ledger.has_residency;
	if (j->s->pins.filled)
		name_holder(j, cause);
}

/* What sparse arenas have left: pools without a block, or so many free blocks that no pool is dense. */
static void judge_free_pools(struct judge *j, const struct sparse *sparse)
{
	uint64_t free_blocks = j->left[LEAF_PYMALLOC_FREE_BLOCKS];
	uint64_t all = size_add(judge_leaf(j, LEAF_PYMALLOC_LIVE),
				size_add(judge_leaf(j, LEAF_PYMALLOC_FREE_BLOCKS),
					 judge_leaf(j, LEAF_PYMALLOC_FREE_POOLS)));
	struct portion portion = {.sum = 0};
	uint64_t pools = portion_add(j, &portion, LEAF_PYMALLOC_FREE_POOLS, UINT64_MAX);
	if (free_blocks / FREE_BLOCKS_PERMILLE >= all / 1000)
		portion_add(j, &portion, LEAF_PYMALLOC_FREE_BLOCKS, UINT64_MAX);
	struct cause *cause = judge_cause(j, CAUSE_PYMALLOC_FREE_POOLS, &portion);
	if (!cause)
		return;
	cause->measured =
		false; /* a new process has the same objects, but nobody knows how dense */
	judge_count(cause, "arenas", sparse->all_arenas);
	judge_count(cause, "sparse_arenas", sparse->arenas);
	judge_bytes(cause, "free_pools_bytes", pools);
	judge_bytes(cause, "free_blocks_bytes", free_blocks);
	judge_bytes(cause, "live_bytes", judge_leaf(j, LEAF_PYMALLOC_LIVE));
}

void judge_pymalloc(struct judge *j)
{
	struct sparse sparse = {.arenas = 0};
	find_sparse(j->s, &sparse);
	if (judge_counts(j, j->s->pins.frozen_free))
		judge_frozen(j);
	if (judge_has(j, CAUSE_FROZEN_GARBAGE))
		leave_frozen(&j->s->pins, &sparse);
	judge_pinned(j, &sparse);
	judge_free_pools(j, &sparse);
}

/* ---- mimalloc -------------------------------------------------------------------------------------- */

struct mimalloc_kept {
	uint64_t pages, delayed, abandoned, segments;
	uint64_t empty; /* bytes of pages without a used block */
};

static void count_pages(const struct mimalloc *m, struct mimalloc_kept *ret)
{
	ret->delayed = size_add(ret->delayed, m->delayed_bytes);
	ret->segments += m->segments.count;
	ret->pages += m->pages.count;
	for (size_t i = 0; i < m->pages.count; i++) {
		const struct mimalloc_page *page = &m->pages.items[i];
		bool known = page->heap < m->heaps.count;
		ret->abandoned += known && m->heaps.items[page->heap].kind == MIMALLOC_ABANDONED;
		if (!page->used)
			ret->empty = size_add(ret->empty,
					      size_multiply(page->capacity, page->block_size));
	}
}

void judge_mimalloc(struct judge *j)
{
	struct mimalloc_kept kept = {.pages = 0};
	const struct pins *pins = &j->s->pins;
	for (size_t i = 0; i < j->s->interpreters.count; i++)
		count_pages(&j->s->interpreters.items[i].mimalloc, &kept);
	struct portion portion = {.sum = 0};
	portion_add(j, &portion, LEAF_MIMALLOC_FREE, UINT64_MAX);
	if (!judge_counts(j, portion.sum))
		return;
	bool pinned = pins->filled && pins->mimalloc;
	if (pinned)
		portion_add(j, &portion, LEAF_MIMALLOC_LIVE, pins->sparse_used);
	struct cause *cause = judge_cause(j, CAUSE_MIMALLOC_RETAINED, &portion);
	if (!cause)
		return;
	judge_bytes(cause, "free_bytes", judge_leaf(j, LEAF_MIMALLOC_FREE));
	judge_bytes(cause, "live_bytes", judge_leaf(j, LEAF_MIMALLOC_LIVE));
	judge_count(cause, "segments", kept.segments);
	judge_count(cause, "pages", kept.pages);
	judge_bytes(cause, "empty_pages_bytes", kept.empty);
	judge_bytes(cause, "delayed_bytes", kept.delayed);
	judge_count(cause, "abandoned_pages", kept.abandoned);
	cause->measured = false;
	if (pinned)
		name_holder(j, cause);
}
