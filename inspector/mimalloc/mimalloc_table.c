/*
 * mimalloc_table: a segment's table of slices, run by run; what was found out of a page before stays where it is the same.
 *
 *	slice    0     1    2    3    4    5    6 …
 *	table  [info][page          ][page][free      ]     the runs must end exactly where the table does
 *
 * Source: Objects/mimalloc/segment.c (mi_slices_start_iterate), 3.13 to 3.15.
 */
#include "inspector/mimalloc/mimalloc_round.h"
#include "inspector/mimalloc/mimalloc_run.h"

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

/* One run; *ret_next: behind it. False: there is none. */
static bool parse_run(struct mimalloc_copy *copy, struct mimalloc_segment_image *segment,
		      uint32_t slice, uint32_t *ret_next)
{
	struct mimalloc_page_image *pages = mimalloc_image_pages(&copy->image, segment);
	struct mimalloc_run run;
	if (!mimalloc_run_read(&copy->image.shape, segment, copy->table, slice, &run))
		return false;
	segment->n_pages += run.used;
	segment->spans += run.used ? 0 : run.count * MIMALLOC_SLICE;
	if (run.made)
		renew(&pages[slice], &run.page);
	else
		pages[slice].slice_count = 0;
	for (uint32_t i = slice + 1; i < run.next; i++)
		pages[i].slice_count = 0;
	*ret_next = run.next;
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
