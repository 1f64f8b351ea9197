/*
 * pymalloc_image: the theory of one arena, executable.
 *
 *	first pool                    pool_address            end
 *	│ used │ empty │ used │ empty │ virgin │ virgin │ … │
 *	           ▲               │
 *	freepools ─┼───────────────┘   every empty pool once, no other
 *	nfreepools = empty + virgin
 */
#include "inspector/heap/pymalloc_image.h"

bool pymalloc_image_index(const struct pymalloc_image *image, raddr at, uint32_t *ret)
{
	uint64_t base = image->words.word[WORD_ARENAS];
	uint64_t offset = at.value - base;
	if (at.value < base || offset % image->shape.arena_size != 0 ||
	    offset / image->shape.arena_size >= image->n_table)
		return false;
	*ret = (uint32_t)(offset / image->shape.arena_size);
	return true;
}

bool pymalloc_image_plausible(const struct pymalloc_image *image,
			      const struct pymalloc_header *header, uint32_t arena_index)
{
	const struct pymalloc_geometry *g = &image->geometry;
	if (header->szidx >= g->n_classes || header->arenaindex != arena_index)
		return false;
	uint32_t block = pymalloc_geometry_block(g, header->szidx);
	if (header->maxnextoffset != g->pool_size - block || header->nextoffset < g->overhead ||
	    header->nextoffset > g->pool_size || (header->nextoffset - g->overhead) % block != 0)
		return false;
	return header->count <= (header->nextoffset - g->overhead) / block;
}

struct counts {
	uint32_t empty, unread, invalid;
};

static struct counts count_pools(const struct pymalloc_image *image, uint32_t index)
{
	const struct image_arena *arena = &image->arenas[index];
	struct counts c = {0};
	for (uint32_t i = 0; i < arena->carved; i++) {
		size_t place = pymalloc_image_place(image, arena, i);
		if (pymalloc_image_got(image, place) != SLICE_READ) {
			c.unread++;
			continue;
		}
		struct pymalloc_header h = pymalloc_image_header(image, place);
		c.empty += h.count == 0;
		c.invalid += h.count != 0 && !pymalloc_image_plausible(image, &h, index);
	}
	return c;
}

/* Whether freepools links exactly `empty` empty pools. One that was not read hides the rest. */
static bool chain_agrees(const struct pymalloc_image *image, uint32_t index, uint32_t empty)
{
	const struct image_arena *arena = &image->arenas[index];
	raddr first = pymalloc_geometry_first_pool(&image->geometry, arena->seen.address);
	raddr at = arena->seen.freepools;
	uint32_t length = 0;
	for (; !raddr_is_null(at) && length <= empty; length++) {
		uint64_t offset = raddr_distance(first, at);
		uint64_t pool = offset / image->geometry.pool_size;
		if (at.value < first.value || offset % image->geometry.pool_size != 0 ||
		    pool >= arena->carved)
			return false;
		size_t place = pymalloc_image_place(image, arena, (uint32_t)pool);
		if (pymalloc_image_got(image, place) != SLICE_READ)
			return true;
		struct pymalloc_header h = pymalloc_image_header(image, place);
		if (h.count != 0)
			return false;
		at = h.next;
	}
	return length == empty;
}

bool pymalloc_image_agrees(const struct pymalloc_image *image, uint32_t index)
{
	const struct image_arena *arena = &image->arenas[index];
	struct counts c = count_pools(image, index);
	uint32_t virgin = arena->seen.ntotalpools - arena->carved;
	uint32_t least = virgin + c.empty;
	return c.invalid == 0 && arena->seen.nfreepools >= least &&
	       arena->seen.nfreepools <= least + c.unread && chain_agrees(image, index, c.empty);
}

bool pymalloc_image_settled(const struct pymalloc_image *image, uint32_t index)
{
	const struct image_arena *arena = &image->arenas[index];
	if (!arena->copied || arena->unsettled)
		return false;
	return !arena->unchecked || pymalloc_image_agrees(image, index);
}

static int compare_starts(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* Arenas cannot share memory: of two that claim it, the lower one keeps it. */
static void drop_overlapping(struct image_order *order, uint64_t arena_size)
{
	size_t kept = 0;
	for (size_t i = 0; i < order->count; i++) {
		if (kept > 0 && order->items[i].start - order->items[kept - 1].start < arena_size)
			order->n_overlapping++;
		else
			order->items[kept++] = order->items[i];
	}
	order->count = kept;
}

struct error *pymalloc_image_sort(const struct pymalloc_image *image, struct image_order *ret)
{
	struct image_order order = {0};
	order.items = calloc((size_t)image->n_table + 1, sizeof(*order.items));
	if (!order.items)
		return error_out_of_memory();
	for (uint32_t i = 0; i < image->n_table; i++) {
		if (!image->arenas[i].copied)
			continue;
		order.items[order.count].start = image->arenas[i].seen.address.value;
		order.items[order.count++].index = i;
	}
	qsort(order.items, order.count, sizeof(*order.items), compare_starts);
	drop_overlapping(&order, image->geometry.arena_size);
	*ret = order;
	return NULL;
}

void pymalloc_image_order_fini(struct image_order *order)
{
	free(order->items);
	*order = (struct image_order){0};
}

bool pymalloc_image_find(const struct pymalloc_image *image, const struct image_order *order,
			 raddr at, uint32_t *ret_arena, uint32_t *ret_pool)
{
	size_t low = 0, high = order->count; /* the last that starts at or below `at` */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (order->items[middle].start <= at.value)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	uint32_t index = order->items[low - 1].index;
	const struct image_arena *arena = &image->arenas[index];
	raddr first = pymalloc_geometry_first_pool(&image->geometry, arena->seen.address);
	uint64_t offset = raddr_distance(first, at);
	if (at.value < first.value || offset % image->geometry.pool_size != 0 ||
	    offset / image->geometry.pool_size >= arena->carved)
		return false;
	*ret_arena = index;
	*ret_pool = (uint32_t)(offset / image->geometry.pool_size);
	return true;
}
