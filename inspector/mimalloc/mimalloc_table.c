/*
 * mimalloc_table: a segment's table of slices, read as pages.
 *
 *	slice    0     1    2    3    4    5    6 …
 *	table  [info][page          ][page][free      ]     each begins a run of slice_count slices
 *
 * A run is a page where its block size is set: 1 while it is being made, 0 where it is free. The runs must
 * end exactly where the table does.
 *
 * Source: Objects/mimalloc/segment.c (mi_slices_start_iterate, _mi_segment_page_start_from_slice) and
 * internal.h (mi_slice_is_used, mi_page_block_size), 3.13 to 3.15.
 */
#include "inspector/mimalloc/mimalloc_round.h"

/* 2.1.2 keeps 32 bits of it: this is "all of the page", as its struct is too small for more. */
#define HUGE_BLOCK_SIZE UINT64_C(0x80000000)

static uint64_t field(const struct mimalloc_copy *copy, const uint8_t *slot,
		      enum mimalloc_field field)
{
	return mimalloc_get(&copy->image.shape, field, slot, copy->image.shape.page_size);
}

static void place_blocks(const struct mimalloc_copy *copy, const uint8_t *slot, raddr area,
			 struct mimalloc_page_image *page)
{
	uint64_t extent = mimalloc_image_extent(page),
		 offset = mimalloc_start_offset(page->block_size);
	bool old = !mimalloc_has(&copy->image.shape, MIMALLOC_PAGE_START);
	page->start =
		old ? raddr_plus(area, offset) : raddr_at(field(copy, slot, MIMALLOC_PAGE_START));
	if (old && page->block_size >= HUGE_BLOCK_SIZE)
		page->block_size = size_subtract(extent, offset);
}

/* Whether its blocks lie in its slices. A huge block may begin anywhere in its only page. */
static bool fits(const struct mimalloc_page_image *page, raddr area)
{
	uint64_t before = raddr_distance(area, page->start), extent = mimalloc_image_extent(page);
	return page->start.value >= area.value && page->block_size >= 8 &&
	       page->capacity <= page->reserved && page->used <= page->capacity &&
	       size_add(before, size_multiply(page->reserved, page->block_size)) <= extent;
}

static struct mimalloc_page_image describe(const struct mimalloc_copy *copy, const uint8_t *slot,
					   raddr area, uint32_t slice_count)
{
	const struct mimalloc_shape *shape = &copy->image.shape;
	struct mimalloc_page_image page = {
		.slice_count = slice_count,
		.block_size = field(copy, slot, MIMALLOC_PAGE_BLOCK_SIZE),
		.capacity = (uint32_t)field(copy, slot, MIMALLOC_PAGE_CAPACITY),
		.reserved = (uint32_t)field(copy, slot, MIMALLOC_PAGE_RESERVED),
		.used = (uint32_t)field(copy, slot, MIMALLOC_PAGE_USED),
		.free = raddr_at(field(copy, slot, MIMALLOC_PAGE_FREE)),
		.local_free = raddr_at(field(copy, slot, MIMALLOC_PAGE_LOCAL_FREE)),
		/* the two lowest bits are its state */
		.thread_free =
			raddr_at(field(copy, slot, MIMALLOC_PAGE_THREAD_FREE) & ~UINT64_C(3)),
		.heap = raddr_at(field(copy, slot, MIMALLOC_PAGE_HEAP)),
		.tag = (uint8_t)mimalloc_page_tag(shape, slot, shape->page_size),
		.waits = field(copy, slot, MIMALLOC_PAGE_QSBR_GOAL) != 0,
	};
	mimalloc_get_keys(shape, MIMALLOC_PAGE_KEYS, slot, shape->page_size, page.keys);
	place_blocks(copy, slot, area, &page);
	if (!fits(&page, area)) /* in the midst of a change, or damaged: nothing of it is used */
		page.capacity = page.reserved = 0;
	return page;
}

static bool is_same(const struct mimalloc_page_image *a, const struct mimalloc_page_image *b)
{
	return raddr_equal(a->start, b->start) && a->block_size == b->block_size &&
	       a->slice_count == b->slice_count && a->capacity == b->capacity &&
	       a->reserved == b->reserved && a->used == b->used && raddr_equal(a->free, b->free) &&
	       raddr_equal(a->local_free, b->local_free) && a->keys[0] == b->keys[0] &&
	       a->keys[1] == b->keys[1];
}

/* What was found out of it before is kept where it did not change. */
static void renew(struct mimalloc_page_image *page, const struct mimalloc_page_image *now)
{
	struct mimalloc_page_image before = *page;
	*page = *now;
	if (!is_same(&before, now) || !before.agrees)
		return;
	page->followed = before.followed;
	page->agrees = before.agrees;
	page->n_free = before.n_free;
	page->n_thread_free = before.n_thread_free;
	page->n_delayed = before.n_delayed;
	page->live = before.live;
	page->kept = before.kept;
	page->overhead = before.overhead;
}

/* One run of slices; *ret_next: behind it. False: there is none, the table is in the midst of a change. */
static bool parse_run(struct mimalloc_copy *copy, struct mimalloc_segment_image *segment,
		      uint32_t slice, uint32_t *ret_next)
{
	const struct mimalloc_shape *shape = &copy->image.shape;
	const uint8_t *slot = copy->table + shape->header_size + (size_t)slice * shape->page_size;
	struct mimalloc_page_image *page = &mimalloc_image_pages(&copy->image, segment)[slice];
	uint64_t count = field(copy, slot, MIMALLOC_PAGE_SLICE_COUNT);
	uint64_t block_size = field(copy, slot, MIMALLOC_PAGE_BLOCK_SIZE);
	uint64_t left =
		segment->huge ? segment->size / MIMALLOC_SLICE - slice : segment->entries - slice;
	if (count == 0 || count > left)
		return false;
	*ret_next = (uint32_t)size_min(slice + count, segment->entries);
	segment->n_pages += block_size > 0;
	if (block_size <= 1) {
		segment->spans += block_size ? 0 : count * MIMALLOC_SLICE;
		page->slice_count = 0;
	} else {
		raddr area = raddr_plus(segment->start, slice * MIMALLOC_SLICE);
		const struct mimalloc_page_image now = describe(copy, slot, area, (uint32_t)count);
		renew(page, &now);
	}
	for (uint32_t i = slice + 1; i < *ret_next; i++)
		mimalloc_image_pages(&copy->image, segment)[i].slice_count = 0;
	return true;
}

void mimalloc_table_parse(struct mimalloc_copy *copy, struct mimalloc_segment_image *segment)
{
	struct mimalloc_page_image *pages = mimalloc_image_pages(&copy->image, segment);
	uint32_t slice = segment->info_slices;
	segment->n_pages = 0;
	segment->spans = 0;
	for (uint32_t i = 0; i < slice; i++)
		pages[i].slice_count = 0;
	while (slice < segment->entries && parse_run(copy, segment, slice, &slice))
		;
	segment->agrees = slice == segment->entries && segment->n_pages == segment->used;
	for (; slice < MIMALLOC_SLICES; slice++)
		pages[slice].slice_count = 0;
}
