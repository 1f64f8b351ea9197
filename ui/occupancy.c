/*
 * occupancy: one pass over the pools gives each arena its used and held bytes;
 * histogram and map are sums over those.
 *
 *	arenas, by address   [a0][a1][a2][a3][a4][a5] …
 *	many arenas          [  cell  ][  cell  ][  …       2, 3, 4, 6, 8, 12 … arenas a cell
 *	few arenas           [c|c|c|c][c|c|c|c][c|c|…       2, 4, 8 … cells an arena
 *
 * The order is that of addresses and nothing else: an arena keeps its neighbours
 * however its use changes.
 */
#include "ui/occupancy.h"

#include "base/cleanup.h"

double occupancy_share(uint64_t used, uint64_t held)
{
	double space = (double)used + (double)held;
	return used ? (double)used / space : 0;
}

enum occupancy_class occupancy_class_of(uint64_t used, uint64_t held)
{
	double share = occupancy_share(used, held);
	if (!used)
		return held ? OCCUPANCY_EMPTY : OCCUPANCY_UNREAD;
	if (share < 0.05)
		return OCCUPANCY_PINNED;
	if (share < 0.25)
		return OCCUPANCY_LOW;
	return share < 0.75 ? OCCUPANCY_MIDDLE : OCCUPANCY_HIGH;
}

static enum occupancy_bucket_id bucket_of(uint64_t used, uint64_t held)
{
	double share = occupancy_share(used, held);
	if (!used)
		return OCCUPANCY_NONE_USED;
	if (share < 0.05)
		return OCCUPANCY_0_5;
	if (share < 0.25)
		return OCCUPANCY_5_25;
	if (share < 0.5)
		return OCCUPANCY_25_50;
	return share < 0.75 ? OCCUPANCY_50_75 : OCCUPANCY_75_100;
}

const char *occupancy_bucket_name(enum occupancy_bucket_id id)
{
	static const char *const names[OCCUPANCY_BUCKET_COUNT] = {
		" 0- 5 %", " 5-25 %", "25-50 %", "50-75 %", "75-100%", "empty  ",
	};
	return names[id];
}

struct pool_sums {
	uint64_t used, held;
	uint32_t n_unread;
};

/* The pools [first, first + n) of one arena; a range beyond what the snapshot holds adds nothing. */
static struct pool_sums pools_sum(const struct pymalloc *heap, const struct pymalloc_arena *arena,
				  uint32_t first, uint32_t n)
{
	struct pool_sums sums = {0};
	for (uint32_t i = first; i < arena->n_pools && i - first < n; i++) {
		size_t at = (size_t)arena->pools_at + i;
		if (at >= heap->pools.count)
			break;
		const struct pymalloc_pool *pool = &heap->pools.items[at];
		uint64_t block = ((uint64_t)pool->class + 1) * heap->alignment;
		uint64_t unused = pool->capacity > pool->used ? pool->capacity - pool->used : 0;
		if (pool->state == POOL_UNREAD) {
			sums.n_unread++;
		} else if (pool->state == POOL_VIRGIN || pool->state == POOL_EMPTY) {
			sums.held += heap->pool_size;
		} else {
			sums.used += pool->used * block;
			sums.held += unused * block;
		}
	}
	return sums;
}

static bool arenas_add(struct occupancy *o, const struct pymalloc *heap, size_t interpreter)
{
	if (!vec_reserve(&o->arenas, o->arenas.count + heap->arenas.count))
		return false;
	for (size_t i = 0; i < heap->arenas.count; i++) {
		const struct pymalloc_arena *arena = &heap->arenas.items[i];
		struct pool_sums sums = pools_sum(heap, arena, 0, arena->n_pools);
		struct occupancy_arena *one = vec_push(&o->arenas);
		if (!one)
			return false;
		*one = (struct occupancy_arena){heap,      arena,     interpreter,
						sums.used, sums.held, sums.n_unread};
	}
	return true;
}

static void totals_add(struct occupancy_totals *t, const struct pymalloc *heap)
{
	t->live += heap->allocated_bytes;
	t->kept += heap->available_bytes + heap->unused_pools_bytes;
	t->overhead +=
		heap->pool_headers_bytes + heap->quantization_bytes + heap->arena_alignment_bytes;
	t->total += heap->total_bytes;
	t->has_residency = t->has_residency && heap->has_residency;
	for (size_t i = 0; i < heap->arenas.count; i++) {
		t->resident += heap->arenas.items[i].resident;
		t->swapped += heap->arenas.items[i].swapped;
		t->n_pools += heap->arenas.items[i].n_pools;
	}
}

static int arena_compare(const void *a, const void *b)
{
	const struct occupancy_arena *x = a, *y = b;
	return raddr_compare(x->arena->address, y->arena->address);
}

static void buckets_fill(struct occupancy *o)
{
	for (size_t i = 0; i < o->arenas.count; i++) {
		const struct occupancy_arena *one = &o->arenas.items[i];
		o->totals.n_unread += one->n_unread;
		if (!one->used && !one->held)
			continue;
		struct occupancy_bucket *bucket = &o->buckets[bucket_of(one->used, one->held)];
		bucket->n_arenas++;
		bucket->size += one->heap->arena_size;
		bucket->used += one->used;
		bucket->held += one->held;
	}
}

struct error *occupancy_of(const struct snapshot *snapshot, size_t interpreter,
			   struct occupancy *ret)
{
	struct occupancy o = {.totals.has_residency = true};
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct snapshot_interpreter *one = &snapshot->interpreters.items[i];
		bool wanted = interpreter == OCCUPANCY_ALL || interpreter == i;
		if (!wanted || one->shares_main || !one->pymalloc.used)
			continue;
		if (!arenas_add(&o, &one->pymalloc, i)) {
			occupancy_fini(&o);
			return error_out_of_memory();
		}
		totals_add(&o.totals, &one->pymalloc);
	}
	if (o.arenas.count)
		qsort(o.arenas.items, o.arenas.count, sizeof(*o.arenas.items), arena_compare);
	else
		o.totals.has_residency = false;
	buckets_fill(&o);
	*ret = o;
	return NULL;
}

void occupancy_fini(struct occupancy *o)
{
	vec_fini(&o->arenas);
}

/* Index of the first arena that starts above the address. */
static size_t arenas_above(const struct occupancy *o, raddr address)
{
	size_t low = 0, high = o->arenas.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (raddr_compare(o->arenas.items[middle].arena->address, address) > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t occupancy_find(const struct occupancy *o, raddr address)
{
	size_t above = arenas_above(o, address);
	if (!above)
		return o->arenas.count;
	const struct occupancy_arena *one = &o->arenas.items[above - 1];
	return raddr_in(address, one->arena->address, one->heap->arena_size) ? above - 1
									     : o->arenas.count;
}

/* ---- the map ------------------------------------------------------------------------- */

/* The least of 1, 2, 3, 4, 6, 8, 12 … that puts n arenas into n_max cells. */
static uint64_t arenas_per_cell(uint64_t n, uint64_t n_max)
{
	uint64_t power = 1;
	for (;; power *= 2) {
		if (size_multiply(power, n_max) >= n)
			return power;
		if (power > 1 && size_multiply(power + power / 2, n_max) >= n)
			return power + power / 2;
	}
}

/* Pools in the largest arena. */
static uint64_t pools_most(const struct occupancy *o)
{
	uint64_t most = 1;
	for (size_t i = 0; i < o->arenas.count; i++)
		most = size_max(most, o->arenas.items[i].arena->n_pools);
	return most;
}

/* Pools a cell when an arena may have several cells: the least of 1, 2, 4 … that fits; 0: none. */
static uint64_t pools_per_cell(const struct occupancy *o, uint64_t n_max)
{
	uint64_t pools = pools_most(o);
	for (uint64_t per = 1; per < pools; per *= 2)
		if (size_multiply((pools + per - 1) / per, o->arenas.count) <= n_max)
			return per;
	return 0;
}

static void cell_classify(struct occupancy_cell *cell, uint64_t swapped, uint64_t size)
{
	cell->class = occupancy_class_of(cell->used, cell->held);
	cell->swapped = size ? (double)size_min(swapped, size) / (double)size : 0;
}

static bool cell_add_arenas(struct occupancy_map *map, const struct occupancy *o, size_t first)
{
	struct occupancy_cell *cell = vec_push(&map->cells);
	if (!cell)
		return false;
	size_t end = (size_t)size_min(first + map->arenas_per_cell, o->arenas.count);
	*cell = (struct occupancy_cell){.address = o->arenas.items[first].arena->address,
					.arena = first,
					.n_arenas = end - first};
	uint64_t swapped = 0, size = 0;
	for (size_t i = first; i < end; i++) {
		const struct occupancy_arena *one = &o->arenas.items[i];
		cell->n_pools += one->arena->n_pools;
		cell->used += one->used;
		cell->held += one->held;
		swapped += one->arena->swapped;
		size += one->heap->arena_size;
	}
	cell_classify(cell, swapped, size);
	return true;
}

static bool cell_add_pools(struct occupancy_map *map, const struct occupancy *o, size_t index,
			   uint32_t first, uint32_t n)
{
	const struct occupancy_arena *one = &o->arenas.items[index];
	struct occupancy_cell *cell = vec_push(&map->cells);
	if (!cell)
		return false;
	uint32_t rest = one->arena->n_pools - first;
	struct pool_sums sums = pools_sum(one->heap, one->arena, first, n);
	*cell = (struct occupancy_cell){
		.address = pymalloc_pool_address(one->heap, one->arena, first),
		.arena = index,
		.n_arenas = 1,
		.first_pool = first,
		.n_pools = n < rest ? n : rest,
		.used = sums.used,
		.held = sums.held,
	};
	cell_classify(cell, one->arena->swapped, one->heap->arena_size);
	return true;
}

static bool map_fill(struct occupancy_map *map, const struct occupancy *o)
{
	if (!map->pools_per_cell) {
		for (size_t i = 0; i < o->arenas.count; i += (size_t)map->arenas_per_cell)
			if (!cell_add_arenas(map, o, i))
				return false;
		return true;
	}
	uint32_t per = (uint32_t)map->pools_per_cell;
	for (size_t i = 0; i < o->arenas.count; i++)
		for (uint32_t k = 0; k < o->arenas.items[i].arena->n_pools; k += per)
			if (!cell_add_pools(map, o, i, k, per))
				return false;
	return true;
}

struct error *occupancy_map_of(const struct occupancy *o, size_t n_max, struct occupancy_map *ret)
{
	struct occupancy_map map = {.arenas_per_cell = 1};
	if (o->arenas.count && n_max) {
		const struct pymalloc *heap = o->arenas.items[0].heap;
		map.arenas_per_cell = arenas_per_cell(o->arenas.count, n_max);
		map.pools_per_cell = map.arenas_per_cell == 1 ? pools_per_cell(o, n_max) : 0;
		map.cell_size = map.pools_per_cell ? map.pools_per_cell * heap->pool_size
						   : map.arenas_per_cell * heap->arena_size;
		if (!map_fill(&map, o)) {
			occupancy_map_fini(&map);
			return error_out_of_memory();
		}
	}
	*ret = map;
	return NULL;
}

void occupancy_map_fini(struct occupancy_map *map)
{
	vec_fini(&map->cells);
}

/* The arena of `before` at the same address, or NULL. */
static const struct occupancy_arena *arena_before(const struct occupancy *before, raddr address)
{
	size_t above = arenas_above(before, address);
	if (!above || !raddr_equal(before->arenas.items[above - 1].arena->address, address))
		return NULL;
	return &before->arenas.items[above - 1];
}

static bool cell_changed(const struct occupancy_cell *cell, const struct occupancy *now,
			 const struct occupancy *before)
{
	for (size_t i = cell->arena; i < cell->arena + cell->n_arenas; i++) {
		const struct occupancy_arena *one = &now->arenas.items[i];
		const struct occupancy_arena *old = arena_before(before, one->arena->address);
		if (!old)
			return true;
		if (cell->n_arenas > 1 && (one->used != old->used || one->held != old->held))
			return true;
		if (cell->n_arenas > 1)
			continue;
		struct pool_sums sums =
			pools_sum(old->heap, old->arena, cell->first_pool, cell->n_pools);
		return sums.used != cell->used || sums.held != cell->held;
	}
	return false;
}

void occupancy_mark_changes(struct occupancy_map *map, const struct occupancy *now,
			    const struct occupancy *before)
{
	for (size_t i = 0; i < map->cells.count; i++)
		map->cells.items[i].changed = cell_changed(&map->cells.items[i], now, before);
}

uint64_t occupancy_used_before(const struct occupancy_cell *cell, const struct occupancy *now,
			       const struct occupancy *before)
{
	uint64_t used = 0;
	for (size_t i = cell->arena; i < cell->arena + cell->n_arenas; i++) {
		const struct occupancy_arena *old =
			arena_before(before, now->arenas.items[i].arena->address);
		if (old && cell->n_arenas > 1)
			used += old->used;
		else if (old)
			used += pools_sum(old->heap, old->arena, cell->first_pool, cell->n_pools)
					.used;
	}
	return used;
}
