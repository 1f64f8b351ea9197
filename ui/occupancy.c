/*
 * occupancy: one pass over the pools gives each arena its used and held bytes;
 * histogram and map are sums over those.
 *
 *	arenas, by address   [a0][a1][a2][a3][a4][a5] …
 *	many arenas          [  cell  ][  cell  ][  …       2, 3, 4, 6, 8, 12 … arenas a cell
 *	few arenas           [c|c|c|c][c|c|c|c][c|c|…       2, 4, 8 … cells an arena, of some units
 *
 * The order is that of addresses and nothing else: an arena keeps its neighbours
 * however its use changes.
 */
#include "ui/occupancy.h"

#include "base/cleanup.h"
#include "ui/occupancy_pools.h"

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

static bool arenas_add(struct occupancy *o, const struct pymalloc *heap, size_t interpreter)
{
	if (!vec_reserve(&o->arenas, o->arenas.count + heap->arenas.count))
		return false;
	for (size_t i = 0; i < heap->arenas.count; i++) {
		const struct pymalloc_arena *arena = &heap->arenas.items[i];
		struct occupancy_arena *one = vec_push(&o->arenas);
		if (!one)
			return false;
		*one = (struct occupancy_arena){
			.heap = heap,
			.arena = arena,
			.address = arena->address,
			.size = heap->arena_size,
			.interpreter = interpreter,
			.used_blocks = arena->used_blocks,
			.resident = arena->resident,
			.swapped = arena->swapped,
			.n_pools = arena->n_pools,
			.n_pieces = arena->n_pools,
			.n_free = arena->n_free,
			.settled = arena->settled,
			.first_unit = arena->first_pool,
			.unit_size = heap->pool_size,
			.n_units = arena->n_pools,
		};
		struct occupancy_sums sums = occupancy_units_sum(one, 0, one->n_units);
		one->used = sums.used;
		one->held = sums.held;
		one->n_unread = sums.n_unread;
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
	return raddr_compare(x->address, y->address);
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
		bucket->size += one->size;
		bucket->used += one->used;
		bucket->held += one->held;
	}
}

/* One interpreter's arenas and, where they are wanted, segments. */
static bool interpreter_add(struct occupancy *o, const struct snapshot_interpreter *one,
			    size_t index, bool any)
{
	if (one->shares_main)
		return true;
	if (one->pymalloc.used) {
		if (!arenas_add(o, &one->pymalloc, index))
			return false;
		totals_add(&o->totals, &one->pymalloc);
	}
	return !any || !one->mimalloc.used || occupancy_add_segments(o, &one->mimalloc, index);
}

static struct error *sum_up(const struct snapshot *snapshot, size_t interpreter, bool any,
			    struct occupancy *ret)
{
	struct occupancy o = {.totals.has_residency = true};
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		if (interpreter != OCCUPANCY_ALL && interpreter != i)
			continue;
		if (!interpreter_add(&o, &snapshot->interpreters.items[i], i, any)) {
			occupancy_fini(&o);
			return error_out_of_memory();
		}
	}
	if (o.arenas.count)
		qsort(o.arenas.items, o.arenas.count, sizeof(*o.arenas.items), arena_compare);
	else
		o.totals.has_residency = false;
	occupancy_tie_pages(&o);
	buckets_fill(&o);
	*ret = o;
	return NULL;
}

struct error *occupancy_of(const struct snapshot *snapshot, size_t interpreter,
			   struct occupancy *ret)
{
	return sum_up(snapshot, interpreter, false, ret);
}

struct error *occupancy_of_any(const struct snapshot *snapshot, size_t interpreter,
			       struct occupancy *ret)
{
	return sum_up(snapshot, interpreter, true, ret);
}

void occupancy_fini(struct occupancy *o)
{
	vec_fini(&o->arenas);
	vec_fini(&o->pages);
}

/* Index of the first arena that starts above the address. */
static size_t arenas_above(const struct occupancy *o, raddr address)
{
	size_t low = 0, high = o->arenas.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (raddr_compare(o->arenas.items[middle].address, address) > 0)
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
	return raddr_in(address, one->address, one->size) ? above - 1 : o->arenas.count;
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

/* Units in the largest arena. */
static uint64_t units_most(const struct occupancy *o)
{
	uint64_t most = 1;
	for (size_t i = 0; i < o->arenas.count; i++)
		most = size_max(most, o->arenas.items[i].n_units);
	return most;
}

/* Cells that all arenas need at `per` units a cell. */
static uint64_t cells_needed(const struct occupancy *o, uint64_t per)
{
	uint64_t n = 0;
	for (size_t i = 0; i < o->arenas.count; i++)
		n += (o->arenas.items[i].n_units + per - 1) / per;
	return n;
}

/* Units a cell when an arena may have several cells: the least of 1, 2, 4 … that fits; 0: none. */
static uint64_t units_per_cell(const struct occupancy *o, uint64_t n_max)
{
	uint64_t units = units_most(o);
	for (uint64_t per = 1; per < units; per *= 2)
		if (cells_needed(o, per) <= n_max)
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
	*cell = (struct occupancy_cell){
		.address = o->arenas.items[first].address, .arena = first, .n_arenas = end - first};
	uint64_t swapped = 0, size = 0;
	for (size_t i = first; i < end; i++) {
		const struct occupancy_arena *one = &o->arenas.items[i];
		cell->n_units += one->n_units;
		cell->used += one->used;
		cell->held += one->held;
		swapped += one->swapped;
		size += one->size;
	}
	cell_classify(cell, swapped, size);
	return true;
}

static bool cell_add_units(struct occupancy_map *map, const struct occupancy *o, size_t index,
			   uint32_t first, uint32_t n)
{
	const struct occupancy_arena *one = &o->arenas.items[index];
	struct occupancy_cell *cell = vec_push(&map->cells);
	if (!cell)
		return false;
	uint32_t rest = one->n_units - first;
	struct occupancy_sums sums = occupancy_units_sum(one, first, n);
	*cell = (struct occupancy_cell){
		.address = raddr_plus(one->first_unit, first * one->unit_size),
		.arena = index,
		.n_arenas = 1,
		.first_unit = first,
		.n_units = n < rest ? n : rest,
		.used = sums.used,
		.held = sums.held,
	};
	cell_classify(cell, one->swapped, one->size);
	return true;
}

static bool map_fill(struct occupancy_map *map, const struct occupancy *o)
{
	if (!map->units_per_cell) {
		for (size_t i = 0; i < o->arenas.count; i += (size_t)map->arenas_per_cell)
			if (!cell_add_arenas(map, o, i))
				return false;
		return true;
	}
	uint32_t per = (uint32_t)map->units_per_cell;
	for (size_t i = 0; i < o->arenas.count; i++)
		for (uint64_t k = 0; k < o->arenas.items[i].n_units; k += per)
			if (!cell_add_units(map, o, i, (uint32_t)k, per))
				return false;
	return true;
}

/* A cell of whole arenas is told by the size of the least of them. */
static void scale_set(struct occupancy_map *map, const struct occupancy *o)
{
	uint64_t least = o->arenas.items[0].size, most = least;
	for (size_t i = 0; i < o->arenas.count; i++) {
		least = size_min(least, o->arenas.items[i].size);
		most = size_max(most, o->arenas.items[i].size);
	}
	map->cell_size = map->units_per_cell ? map->units_per_cell * o->arenas.items[0].unit_size
					     : size_multiply(map->arenas_per_cell, least);
	map->larger = !map->units_per_cell && most > least;
}

struct error *occupancy_map_of(const struct occupancy *o, size_t n_max, struct occupancy_map *ret)
{
	struct occupancy_map map = {.arenas_per_cell = 1};
	if (o->arenas.count && n_max) {
		map.arenas_per_cell = arenas_per_cell(o->arenas.count, n_max);
		map.units_per_cell = map.arenas_per_cell == 1 ? units_per_cell(o, n_max) : 0;
		scale_set(&map, o);
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
	if (!above || !raddr_equal(before->arenas.items[above - 1].address, address))
		return NULL;
	return &before->arenas.items[above - 1];
}

static bool cell_changed(const struct occupancy_cell *cell, const struct occupancy *now,
			 const struct occupancy *before)
{
	for (size_t i = cell->arena; i < cell->arena + cell->n_arenas; i++) {
		const struct occupancy_arena *one = &now->arenas.items[i];
		const struct occupancy_arena *old = arena_before(before, one->address);
		if (!old)
			return true;
		if (cell->n_arenas > 1 && (one->used != old->used || one->held != old->held))
			return true;
		if (cell->n_arenas > 1)
			continue;
		struct occupancy_sums sums =
			occupancy_units_sum(old, cell->first_unit, (uint32_t)cell->n_units);
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
			arena_before(before, now->arenas.items[i].address);
		if (old && cell->n_arenas > 1)
			used += old->used;
		else if (old)
			used += occupancy_units_sum(old, cell->first_unit, (uint32_t)cell->n_units)
					.used;
	}
	return used;
}
