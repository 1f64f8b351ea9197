/*
 * redact_segments: blocks are told by the page's struct, which lies far from them and may have changed since a look.
 *
 *	table   [page: 48 bytes a block, 1000 made]   read after each window, and believed where it says what it said before
 *	page    [b0][b1][b2] … [b999] never made      a cell each, and words
 *	none    free slices, pages in the making, pages that changed: words
 *
 * A window is read between two readings of the table: a page that both tell the same of was that page when its blocks were
 * read. Of another the blocks may begin elsewhere, and a cell that began inside of a text could take it for something else.
 */
#include "inspector/save/redact_segments.h"

#include "base/cleanup.h"

#include <string.h>

#define TABLE_MAX (MIMALLOC_HEADER_MAX + MIMALLOC_SLICES * MIMALLOC_PAGE_MAX)

struct error *redact_segments_init(const struct mimalloc_image *image, struct redact_segments *ret)
{
	*ret = (struct redact_segments){.image = image};
	if (!image)
		return NULL;
	ret->before = calloc(MIMALLOC_SLICES, sizeof(*ret->before));
	ret->now = calloc(MIMALLOC_SLICES, sizeof(*ret->now));
	ret->table = malloc(TABLE_MAX);
	return ret->before && ret->now && ret->table ? NULL : error_out_of_memory();
}

void redact_segments_fini(struct redact_segments *s)
{
	free(s->before);
	free(s->now);
	free(s->table);
}

/* ---- the table ------------------------------------------------------------------------ */

/* Nobody listens: between slots that are used lies what earlier ones left. */
static bool read_table(const struct redact_segments *s, const struct redact_window *w)
{
	const struct mimalloc_shape *shape = &s->image->shape;
	size_t size = shape->header_size + (size_t)s->segment->entries * shape->page_size;
	return size <= TABLE_MAX &&
	       grounds_read(w->grounds, w->space, s->segment->start, s->table, size);
}

static void parse_table(const struct redact_segments *s)
{
	struct mimalloc_run run;
	for (uint32_t slice = s->segment->info_slices;
	     slice < s->segment->entries &&
	     mimalloc_run_read(&s->image->shape, s->segment, s->table, slice, &run);
	     slice = run.next)
		if (run.made)
			s->now[slice] = run.page;
}

/* The slice of an address; what lies behind the table's end is of its last page. */
static uint32_t slice_of(const struct redact_segments *s, uint64_t at)
{
	uint64_t slice = (at - s->segment->start.value) / MIMALLOC_SLICE;
	return (uint32_t)size_min(slice, MIMALLOC_SLICES - 1);
}

/* The page whose slices hold an address; NULL: there is none. */
static const struct mimalloc_page_image *page_at(const struct redact_segments *s, uint64_t at,
						 uint64_t *ret_end)
{
	uint32_t slice = slice_of(s, at);
	while (slice > 0 && !s->now[slice].slice_count)
		slice--;
	const struct mimalloc_page_image *page = &s->now[slice];
	*ret_end = s->segment->start.value + slice * MIMALLOC_SLICE + mimalloc_image_extent(page);
	return at < *ret_end ? page : NULL;
}

/* How many of its blocks were made, before the window was read and after it; 0: it is not the page that it was. */
static uint64_t count_blocks(const struct redact_segments *s,
			     const struct mimalloc_page_image *page)
{
	const struct mimalloc_page_image *before = &s->before[page - s->now];
	bool same = raddr_equal(before->start, page->start) &&
		    before->block_size == page->block_size &&
		    before->slice_count == page->slice_count;
	return same ? size_min(before->capacity, page->capacity) : 0;
}

/* ---- the window ----------------------------------------------------------------------- */

static bool is_block(const struct redact_segments *s, uint64_t start, uint64_t end)
{
	uint64_t end_of_page;
	const struct mimalloc_page_image *page = page_at(s, start, &end_of_page);
	if (!page || start < page->start.value)
		return false;
	uint64_t inside = start - page->start.value;
	return end - start == page->block_size && inside % page->block_size == 0 &&
	       inside / page->block_size < count_blocks(s, page);
}

static void look_again(struct redact_segments *s, const struct redact_window *w,
		       const struct mimalloc_segment_image *segment)
{
	const size_t size = MIMALLOC_SLICES * sizeof(*s->now);
	struct mimalloc_page_image *earlier = s->before;
	s->before = s->now;
	s->now = earlier;
	if (segment != s->segment)
		memcpy(s->before, mimalloc_image_pages(s->image, segment), size);
	s->segment = segment;
	memset(s->now, 0, size);
	if (read_table(s, w))
		parse_table(s);
}

void redact_segments_see(struct redact_segments *s, struct redact_window *w)
{
	raddr base = raddr_at(w->base);
	const struct mimalloc_segment_image *segment =
		s->image ? mimalloc_image_segment(s->image, base) : NULL;
	if (!segment) {
		s->segment = NULL;
		return;
	}
	look_again(s, w, segment);
	if (w->cell_end > w->base &&
	    raddr_in(raddr_at(w->cell_start), segment->start, segment->size) &&
	    !is_block(s, w->cell_start, w->cell_end))
		w->cell_end = w->cell_start;
}

/* From `at`, which lies in the page, to `to` or the end of its blocks. */
static uint64_t blank_blocks(const struct mimalloc_page_image *page, uint64_t n,
			     struct redact_window *w, uint64_t at, uint64_t to)
{
	uint64_t first = page->start.value, size = page->block_size, end = first + n * size;
	uint64_t begun = (at - first) % size;
	if (begun) { /* what it began with is not at hand */
		uint64_t next = size_min(at - begun + size, to);
		redact_window_keep_words(w, at, next);
		at = next;
	}
	for (; at < to && at < end; at = size_min(w->cell_end, to)) {
		redact_window_begin_cell(w, at, at + size, to);
		redact_window_apply(w, at, size_min(w->cell_end, to));
	}
	return at;
}

uint64_t redact_segments_step(const struct redact_segments *s, struct redact_window *w, uint64_t at,
			      uint64_t to)
{
	uint64_t end = to;
	const struct mimalloc_page_image *page = s->segment ? page_at(s, at, &end) : NULL;
	uint64_t n = page ? count_blocks(s, page) : 0, first = n ? page->start.value : 0;
	if (n && at >= first && at < first + n * page->block_size)
		return blank_blocks(page, n, w, at, to);
	uint64_t slice = size_align_up(at + 1, MIMALLOC_SLICE);
	uint64_t next = size_min(n && at < first ? first : page ? end : slice, to);
	redact_window_keep_words(w, at, next);
	return next;
}
