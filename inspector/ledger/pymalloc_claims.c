/*
 * pymalloc_claims: an arena cut into pools, a pool into four.
 *
 *	arena   [ to first pool ][ pool ][ pool ][ pool ][ carved, empty ][ virgin ][ rest ]
 *	          overhead          │                        free_pools               overhead
 *	pool    [ header │ used blocks │ free blocks │ loss ]
 *	          overhead  live          free_blocks  overhead
 *
 * Where in a pool its used blocks lie does not matter while all of it is resident, which is so
 * but for the last pages of one that was never filled.
 */
#include "inspector/ledger/pymalloc_claims.h"

#include "base/size.h"

#define PAGE UINT64_C(4096)

/* A part of some bytes, filled from what is left of their tally. */
static struct residency_tally take_part(struct residency_tally *left, uint64_t size)
{
	struct residency_tally part = {.present = size_min(left->present, size)};
	part.swapped = size_min(left->swapped, size - part.present);
	part.file = size_min(left->file, part.present);
	part.huge = size_min(left->huge, part.present);
	part.shared = size_min(left->shared, part.present);
	left->present -= part.present;
	left->swapped -= part.swapped;
	left->file -= part.file;
	left->huge -= part.huge;
	left->shared -= part.shared;
	return part;
}

static void charge_part(struct claim *claim, enum leaf leaf, uint64_t size,
			struct residency_tally *left)
{
	struct residency_tally part = take_part(left, size);
	claim_charge(claim, leaf, size, &part);
}

static void charge_pool(const struct pymalloc *p, const struct pymalloc_pool *pool,
			struct residency_tally *left, struct claim *claim)
{
	switch ((enum pool_state)pool->state) {
	case POOL_VIRGIN:
	case POOL_EMPTY:
		charge_part(claim, LEAF_PYMALLOC_FREE_POOLS, p->pool_size, left);
		return;
	case POOL_UNREAD: /* nothing is known, but that it is carved */
		charge_part(claim, LEAF_PYMALLOC_LIVE, p->pool_size, left);
		return;
	case POOL_PARTIAL:
	case POOL_FULL:
		break;
	}
	uint64_t rest = size_subtract(p->pool_size, p->pool_overhead);
	uint64_t block = p->classes[pool->class].size;
	uint64_t used = size_min(pool->used * block, rest);
	uint64_t unused = size_min(size_subtract(pool->capacity, pool->used) * block, rest - used);
	charge_part(claim, LEAF_PYMALLOC_OVERHEAD, p->pool_size - rest, left);
	charge_part(claim, LEAF_PYMALLOC_LIVE, used, left);
	charge_part(claim, LEAF_PYMALLOC_FREE_BLOCKS, unused, left);
	charge_part(claim, LEAF_PYMALLOC_OVERHEAD, rest - used - unused, left);
}

struct walk {
	const struct pymalloc *p;
	const struct residency *residency; /* or NULL */
	size_t near;
};

static struct residency_tally tally_of(struct walk *w, raddr start, uint64_t size)
{
	struct residency_tally tally = {0};
	if (w->residency)
		residency_tally(w->residency, start, size, &w->near, &tally);
	return tally;
}

static void charge_overhead(struct walk *w, raddr start, uint64_t size, struct claim *claim)
{
	struct residency_tally tally = tally_of(w, start, size);
	if (size)
		claim_charge(claim, LEAF_PYMALLOC_OVERHEAD, size, &tally);
}

static void charge_arena(struct walk *w, const struct pymalloc_arena *a, struct claim *claim)
{
	const struct pymalloc *p = w->p;
	uint64_t before = size_min(raddr_distance(a->address, a->first_pool), p->arena_size);
	uint64_t room = p->arena_size - before, done = 0;
	charge_overhead(w, a->address, before, claim);
	for (uint32_t i = 0; i < a->n_pools && room - done >= p->pool_size; i++) {
		raddr at = pymalloc_pool_address(p, a, i);
		struct residency_tally left = tally_of(w, at, p->pool_size);
		charge_pool(p, &p->pools.items[a->pools_at + i], &left, claim);
		done += p->pool_size;
	}
	charge_overhead(w, raddr_plus(a->address, before + done), room - done, claim);
}

struct error *pymalloc_claim(const struct pymalloc *p, const struct residency *residency,
			     struct claims *to)
{
	struct walk walk = {.p = p, .residency = residency};
	for (size_t i = 0; i < p->arenas.count; i++) {
		const struct pymalloc_arena *a = &p->arenas.items[i];
		if (a->address.value % PAGE != 0)
			continue;
		struct claim *claim = claims_add(to, a->address, p->arena_size);
		if (!claim)
			return error_out_of_memory();
		charge_arena(&walk, a, claim);
	}
	return NULL;
}
