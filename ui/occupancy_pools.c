/*
 * occupancy_pools: what an arena is made of, of whichever allocator.
 *
 *	pymalloc   [pool][pool][pool][pool][pool] …        a pool is one unit
 *	mimalloc   [h][ page  ][page][ free      ][page] …  a page is a run of slices; h: the header,
 *	              0  1  2   3     4  5  6  7   8        which is no unit
 *
 * Free slices are what lies between the pages and after the last one.
 */
#include "ui/occupancy_pools.h"

#include <string.h>

#define SLICE \
	(64 * \
	 KIB) /* MI_SEGMENT_SLICE_SIZE: Include/internal/mimalloc/mimalloc/types.h, 3.13 to 3.15 */

const char *occupancy_word(const struct occupancy *o, const char *word)
{
	static const char *const words[][2] = {
		{"pymalloc", "mimalloc"},
		{"arena", "segment"},
		{"arenas", "segments"},
		{"Arenas", "Segments"},
		{"ARENA", "SEGMENT"},
		{"ARENAS", "SEGMENTS"},
		{"pool", "page"},
		{"pools", "pages"},
		{"pools+-", "pages+-"},
		/* Free slices are mostly not in RAM: nothing is held there. */
		{"held", "free"},
	};
	for (size_t i = 0; o->segments && i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i][0], word))
			return words[i][1];
	return word;
}

/* ---- pools ------------------------------------------------------------------------------- */

static struct occupancy_pool pool_of(const struct pymalloc *heap,
				     const struct pymalloc_arena *arena, uint32_t i,
				     const struct pymalloc_pool *from)
{
	struct occupancy_pool pool = {
		.address = pymalloc_pool_address(heap, arena, i),
		.first_unit = i,
		.n_units = 1,
		.state = (enum pool_state)from->state,
	};
	if (pool.state == POOL_VIRGIN || pool.state == POOL_EMPTY) {
		pool.held = heap->pool_size;
	} else if (pool.state != POOL_UNREAD) {
		pool.block_size = ((uint64_t)from->class + 1) * heap->alignment;
		pool.n_used = from->used;
		pool.n_blocks = from->capacity;
		pool.used = from->used * pool.block_size;
		pool.held = size_subtract(from->capacity, from->used) * pool.block_size;
	}
	return pool;
}

bool occupancy_pool_at(const struct occupancy_arena *one, size_t i, struct occupancy_pool *ret)
{
	if (i >= one->n_pieces)
		return false;
	if (!one->heap) {
		*ret = one->pages[i];
		return true;
	}
	size_t at = (size_t)one->arena->pools_at + i;
	if (at >= one->heap->pools.count)
		return false;
	*ret = pool_of(one->heap, one->arena, (uint32_t)i, &one->heap->pools.items[at]);
	return true;
}

/* Index of the first pool that ends above the unit. */
static size_t pools_from(const struct occupancy_arena *one, uint64_t unit)
{
	size_t low = 0, high = one->n_pieces;
	if (one->heap)
		return (size_t)size_min(unit, high);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((uint64_t)one->pages[middle].first_unit + one->pages[middle].n_units > unit)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t occupancy_pool_find(const struct occupancy_arena *one, raddr address)
{
	struct occupancy_pool pool;
	if (!one->unit_size || raddr_compare(address, one->first_unit) < 0)
		return one->n_pieces;
	uint64_t unit = raddr_distance(one->first_unit, address) / one->unit_size;
	size_t i = pools_from(one, unit);
	return occupancy_pool_at(one, i, &pool) && pool.first_unit <= unit ? i : one->n_pieces;
}

enum occupancy_class occupancy_pool_class(const struct occupancy_pool *pool)
{
	if (pool->state == POOL_UNREAD)
		return OCCUPANCY_UNREAD;
	if (!pool->block_size)
		return OCCUPANCY_EMPTY;
	return occupancy_class_of(pool->n_used, size_subtract(pool->n_blocks, pool->n_used));
}

/* The part of `all` that `part` of `of` units have; all of them together have exactly `all`. */
static uint64_t part_of(uint64_t all, uint64_t from, uint64_t to, uint64_t of)
{
	if (to - from == of)
		return all;
	return (uint64_t)((unsigned __int128)all * to / of) -
	       (uint64_t)((unsigned __int128)all * from / of);
}

struct occupancy_sums occupancy_units_sum(const struct occupancy_arena *one, uint32_t first,
					  uint32_t n)
{
	struct occupancy_sums sums = {0};
	struct occupancy_pool pool;
	uint64_t end = (uint64_t)first + n;
	for (size_t i = pools_from(one, first); occupancy_pool_at(one, i, &pool); i++) {
		if (pool.first_unit >= end)
			break;
		uint64_t from = size_subtract(first, pool.first_unit);
		uint64_t to = size_min(end - pool.first_unit, pool.n_units);
		sums.used += part_of(pool.used, from, to, pool.n_units);
		sums.held += part_of(pool.held, from, to, pool.n_units);
		sums.n_unread += pool.state == POOL_UNREAD;
	}
	return sums;
}

/* ---- segments ---------------------------------------------------------------------------- */

static bool free_add(struct occupancy *o, struct occupancy_arena *one, uint64_t from, uint64_t to)
{
	if (from >= to)
		return true;
	struct occupancy_pool *free = vec_push(&o->pages);
	if (!free)
		return false;
	*free = (struct occupancy_pool){
		.address = raddr_plus(one->first_unit, from * SLICE),
		.first_unit = (uint32_t)from,
		.n_units = (uint32_t)(to - from),
		.state = POOL_EMPTY,
		.held = (to - from) * SLICE,
	};
	one->n_pieces++;
	one->held += free->held;
	return true;
}

static bool page_add(struct occupancy *o, struct occupancy_arena *one,
		     const struct mimalloc_page *from, uint64_t unit, uint64_t n_units)
{
	struct occupancy_pool *page = vec_push(&o->pages);
	if (!page)
		return false;
	uint64_t room = n_units * SLICE;
	uint64_t used = size_min(size_multiply(from->used, from->block_size), room);
	*page = (struct occupancy_pool){
		.address = raddr_plus(one->first_unit, unit * SLICE),
		.first_unit = (uint32_t)unit,
		.n_units = (uint32_t)n_units,
		.state = from->used >= from->reserved ? POOL_FULL : POOL_PARTIAL,
		.block_size = from->block_size,
		.n_used = from->used,
		.n_blocks = from->reserved,
		.used = used,
		.held = room - used,
	};
	one->n_pieces++;
	one->n_pools++;
	one->n_free += !from->used;
	one->used += used;
	one->held += page->held;
	one->used_blocks += from->used;
	one->settled = one->settled && from->agrees;
	return true;
}

/* Pages in order, free slices between them; what does not lie in the segment or over another page is
 * left out. */
static bool pages_add(struct occupancy *o, struct occupancy_arena *one, const struct mimalloc *m,
		      const struct mimalloc_segment *segment)
{
	uint64_t above = 0; /* the first slice that nothing was said of */
	for (size_t i = segment->first_page, n = segment->n_pages; n && i < m->pages.count;
	     i++, n--) {
		const struct mimalloc_page *page = &m->pages.items[i];
		if (raddr_compare(page->start, one->first_unit) < 0)
			continue;
		uint64_t unit = raddr_distance(one->first_unit, page->start) / SLICE;
		uint64_t size = size_min(size_add(page->size, SLICE - 1) / SLICE,
					 size_subtract(one->n_units, unit));
		if (unit < above || !size)
			continue;
		if (!free_add(o, one, above, unit) || !page_add(o, one, page, unit, size))
			return false;
		above = unit + size;
	}
	return free_add(o, one, above, one->n_units);
}

static void segment_totals_add(struct occupancy_totals *t, const struct occupancy_arena *one)
{
	t->live += one->used;
	t->kept += one->held;
	t->overhead += size_subtract(one->size, size_add(one->used, one->held));
	t->total += one->size;
	t->resident += one->resident;
	t->swapped += one->swapped;
	t->n_pools += one->n_pools;
}

bool occupancy_add_segments(struct occupancy *o, const struct mimalloc *m, size_t interpreter)
{
	o->totals.has_residency = o->totals.has_residency && m->has_residency;
	for (size_t i = 0; i < m->segments.count; i++) {
		const struct mimalloc_segment *segment = &m->segments.items[i];
		struct occupancy_arena *one = vec_push(&o->arenas);
		if (!one)
			return false;
		*one = (struct occupancy_arena){
			.address = segment->start,
			.size = segment->size,
			.first_page = o->pages.count,
			.interpreter = interpreter,
			.resident = segment->resident,
			.swapped = segment->swapped,
			.settled = true,
			.first_unit = raddr_plus(segment->start, SLICE),
			.unit_size = SLICE,
			.n_units = (uint32_t)size_min(size_subtract(segment->size, SLICE) / SLICE,
						      UINT32_MAX),
		};
		if (!pages_add(o, one, m, segment))
			return false;
		segment_totals_add(&o->totals, one);
	}
	return true;
}

void occupancy_tie_pages(struct occupancy *o)
{
	o->segments = o->arenas.count;
	for (size_t i = 0; i < o->arenas.count; i++) {
		struct occupancy_arena *one = &o->arenas.items[i];
		if (one->heap)
			o->segments = false;
		else
			one->pages = &o->pages.items[one->first_page];
	}
}
