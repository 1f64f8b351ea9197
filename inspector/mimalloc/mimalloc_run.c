/*
 * mimalloc_run: what one slot of a segment's table says.
 *
 *	slice    0     1    2    3    4    5    6 …
 *	table  [info][page          ][page][free      ]     each begins a run of slice_count slices
 *
 * A run is a page where its block size is set: 1 while it is being made, 0 where it is free.
 *
 * Source: Objects/mimalloc/segment.c (_mi_segment_page_start_from_slice) and internal.h (mi_slice_is_used,
 * mi_page_block_size), 3.13 to 3.15.
 */
#include "inspector/mimalloc/mimalloc_run.h"

#include "base/size.h"

/* 2.1.2 keeps 32 bits of it: this is "all of the page", as its struct is too small for more. */
#define HUGE_BLOCK_SIZE UINT64_C(0x80000000)

static uint64_t field(const struct mimalloc_shape *shape, const uint8_t *slot,
		      enum mimalloc_field field)
{
	return mimalloc_get(shape, field, slot, shape->page_size);
}

static void place_blocks(const struct mimalloc_shape *shape, const uint8_t *slot, raddr area,
			 struct mimalloc_page_image *page)
{
	uint64_t extent = mimalloc_image_extent(page),
		 offset = mimalloc_start_offset(page->block_size);
	bool old = !mimalloc_has(shape, MIMALLOC_PAGE_START);
	page->start =
		old ? raddr_plus(area, offset) : raddr_at(field(shape, slot, MIMALLOC_PAGE_START));
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

static struct mimalloc_page_image describe(const struct mimalloc_shape *shape, const uint8_t *slot,
					   raddr area, uint32_t slice_count)
{
	struct mimalloc_page_image page = {
		.slice_count = slice_count,
		.block_size = field(shape, slot, MIMALLOC_PAGE_BLOCK_SIZE),
		.capacity = (uint32_t)field(shape, slot, MIMALLOC_PAGE_CAPACITY),
		.reserved = (uint32_t)field(shape, slot, MIMALLOC_PAGE_RESERVED),
		.used = (uint32_t)field(shape, slot, MIMALLOC_PAGE_USED),
		.free = raddr_at(field(shape, slot, MIMALLOC_PAGE_FREE)),
		.local_free = raddr_at(field(shape, slot, MIMALLOC_PAGE_LOCAL_FREE)),
		/* the two lowest bits are its state */
		.thread_free =
			raddr_at(field(shape, slot, MIMALLOC_PAGE_THREAD_FREE) & ~UINT64_C(3)),
		.heap = raddr_at(field(shape, slot, MIMALLOC_PAGE_HEAP)),
		.tag = (uint8_t)mimalloc_page_tag(shape, slot, shape->page_size),
		.waits = field(shape, slot, MIMALLOC_PAGE_QSBR_GOAL) != 0,
	};
	mimalloc_get_keys(shape, MIMALLOC_PAGE_KEYS, slot, shape->page_size, page.keys);
	place_blocks(shape, slot, area, &page);
	if (!fits(&page, area)) /* in the midst of a change, or damaged: nothing of it is used */
		page.capacity = page.reserved = 0;
	return page;
}

bool mimalloc_run_read(const struct mimalloc_shape *shape,
		       const struct mimalloc_segment_image *segment, const uint8_t *table,
		       uint32_t slice, struct mimalloc_run *ret)
{
	const uint8_t *slot = table + shape->header_size + (size_t)slice * shape->page_size;
	uint64_t count = field(shape, slot, MIMALLOC_PAGE_SLICE_COUNT);
	uint64_t block_size = field(shape, slot, MIMALLOC_PAGE_BLOCK_SIZE);
	uint64_t left =
		segment->huge ? segment->size / MIMALLOC_SLICE - slice : segment->entries - slice;
	if (count == 0 || count > left)
		return false;
	*ret = (struct mimalloc_run){.slice = slice,
				     .next = (uint32_t)size_min(slice + count, segment->entries),
				     .count = count,
				     .used = block_size > 0,
				     .made = block_size > 1};
	raddr area = raddr_plus(segment->start, slice * MIMALLOC_SLICE);
	if (ret->made)
		ret->page = describe(shape, slot, area, (uint32_t)count);
	return true;
}
