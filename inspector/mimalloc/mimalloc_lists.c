/*
 * mimalloc_lists: which blocks of a page are free, by its three lists.
 *
 *	page	[b0 b1 b2 b3 b4 b5 │ never made ]
 *	free        b4 → b1 → ∎			to be handed out next
 *	local_free  b3 → ∎			freed by the owner since
 *	thread_free b0 → ∎			freed by others; counted as used until the owner comes by
 *
 * The first word of a free block is the link, as it is or (debug builds) encoded with two keys. A page of small
 * blocks is read whole; of larger ones, word by word.
 *
 * Source: Include/internal/mimalloc/mimalloc/internal.h (mi_block_nextx, mi_ptr_decode), types.h;
 * Objects/mimalloc/alloc.c (_mi_free_block_mt), 3.13 to 3.15.
 */
#include "inspector/mimalloc/mimalloc_round.h"

#include "base/bytes.h"

#define WHOLE_MAX 2048 /* bytes of a block, up to which its page is read whole */

/* ---- words ----------------------------------------------------------------------------- */

/* The page's blocks into copy->body. */
static struct error *read_body(struct mimalloc_copy *copy, const struct mimalloc_page_image *page)
{
	const struct residency *residency =
		copy->image.has_residency ? &copy->image.residency : NULL;
	raddr end = raddr_plus(page->start, page->capacity * page->block_size);
	copy->body_start = raddr_align_down(page->start, OS_PAGE);
	uint64_t extent = raddr_distance(copy->body_start, end);
	copy->body_pieces = 0;
	if (page->block_size > WHOLE_MAX || extent > sizeof(copy->body))
		return NULL;
	copy->body_pieces = (size_t)((extent + OS_PAGE - 1) / OS_PAGE);
	struct space_slice slice = {.start = copy->body_start,
				    .stride = OS_PAGE,
				    .size = OS_PAGE,
				    .count = copy->body_pieces,
				    .bytes = copy->body,
				    .got = copy->body_got};
	memset(copy->body_got, SLICE_UNREADABLE, sizeof(copy->body_got));
	return space_gather(copy->space, &slice, 1, residency);
}

/* A word outside the body: of a page in memory. One that is not there by the residency may have come since:
 * under a stop a list that leads to it proves that. */
static struct error *read_word(struct mimalloc_copy *copy, raddr at, uint64_t *ret, bool *ret_read)
{
	*ret_read = false;
	if (copy->image.has_residency &&
	    !residency_present_near(&copy->image.residency, at, sizeof(*ret), &copy->near)) {
		if (!copy->frozen)
			return NULL;
		return mimalloc_read(copy, at, ret, sizeof(*ret), ret_read);
	}
	struct error *err = space_read(copy->space, at, ret, sizeof(*ret));
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	*ret_read = true;
	return NULL;
}

static struct error *word_at(struct mimalloc_copy *copy, raddr at, uint64_t *ret, bool *ret_read)
{
	uint64_t offset = raddr_distance(copy->body_start, at), piece = offset / OS_PAGE;
	if (piece < copy->body_pieces && copy->body_got[piece] == SLICE_READ) {
		struct bytes b = bytes_of(copy->body, copy->body_pieces * OS_PAGE);
		*ret = bytes_u64(&b, (size_t)offset);
		*ret_read = !b.overrun;
		return NULL;
	}
	return read_word(copy, at, ret, ret_read);
}

uint64_t mimalloc_decode(uint64_t word, const uint64_t keys[2], raddr null)
{
	unsigned turn = (unsigned)(keys[0] & 63);
	uint64_t mixed = word - keys[0];
	uint64_t plain = (turn ? mixed >> turn | mixed << (64 - turn) : mixed) ^ keys[1];
	return plain == null.value ? 0 : plain;
}

/* ---- lists ----------------------------------------------------------------------------- */

struct walk {
	struct mimalloc_copy *copy;
	const struct mimalloc_page_image *page;
	raddr null; /* address of the page's struct, which ends encoded lists */
	bool encoded;
};

/* Whether a block of this page begins there. */
static bool find_block(const struct walk *w, raddr at, uint64_t *ret_index)
{
	uint64_t before = raddr_distance(w->page->start, at);
	*ret_index = before / w->page->block_size;
	return at.value >= w->page->start.value && before % w->page->block_size == 0 &&
	       *ret_index < w->page->capacity;
}

/* Sets the block's bit; false: no block of this page, or one that was met already. */
static bool mark(const struct walk *w, raddr block)
{
	uint64_t index;
	if (!find_block(w, block, &index))
		return false;
	uint64_t bit = UINT64_C(1) << (index % 64), *word = &w->copy->freed[index / 64];
	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}

/* *ret_whole false: it leads where no block of this page is. Its end comes after capacity steps at most, as
 * each block is met once. */
static struct error *follow(const struct walk *w, raddr head, uint32_t *ret_n, bool *ret_whole)
{
	*ret_n = 0;
	*ret_whole = false;
	while (!raddr_is_null(head)) {
		uint64_t word, index;
		bool read;
		if (!mark(w, head))
			return NULL;
		struct error *err = word_at(w->copy, head, &word, &read);
		if (err || !read)
			return err;
		++*ret_n;
		raddr next =
			raddr_at(w->encoded ? mimalloc_decode(word, w->page->keys, w->null) : word);
		/* Else the block is in use by now, and the word is the program's. */
		if (raddr_is_null(next) || find_block(w, next, &index))
			mimalloc_tell(w->copy, head, &word, sizeof(word));
		head = next;
	}
	*ret_whole = true;
	return NULL;
}

static struct error *follow_all(struct mimalloc_copy *copy, struct mimalloc_page_image *page,
				raddr slot)
{
	const struct walk w = {copy, page, slot,
			       mimalloc_has(&copy->image.shape, MIMALLOC_PAGE_KEYS)};
	uint32_t free = 0, local = 0, others = 0;
	bool whole = true;
	memset(copy->freed, 0, (page->capacity + 63) / 64 * 8);
	copy->body_pieces = 0;
	page->followed = page->agrees = false;
	struct error *err = NULL;
	if (!raddr_is_null(page->free) || !raddr_is_null(page->local_free) ||
	    !raddr_is_null(page->thread_free))
		err = read_body(copy, page);
	if (!err)
		err = follow(&w, page->free, &free, &whole);
	if (!err && whole)
		err = follow(&w, page->local_free, &local, &whole);
	page->followed = whole;
	page->n_free = free + local;
	if (!err)
		err = follow(&w, page->thread_free, &others, &whole);
	page->n_thread_free = whole ? others : 0;
	page->agrees = page->followed && whole && page->reserved > 0 &&
		       (uint64_t)page->used + page->n_free == page->capacity &&
		       others <= page->used;
	return err;
}

/* ---- tallies --------------------------------------------------------------------------- */

static void tally(struct mimalloc_copy *copy, raddr start, uint64_t size,
		  struct residency_tally *to)
{
	residency_tally(&copy->image.residency, start, size, &copy->near, to);
}

static bool is_freed(const struct mimalloc_copy *copy, uint32_t block)
{
	return copy->freed[block / 64] >> (block % 64) & 1;
}

/* Run by run: what lies side by side and is used alike. */
static void tally_blocks(struct mimalloc_copy *copy, struct mimalloc_page_image *page)
{
	for (uint32_t first = 0, end; first < page->capacity; first = end) {
		bool freed = is_freed(copy, first);
		for (end = first + 1; end < page->capacity && is_freed(copy, end) == freed; end++)
			;
		tally(copy, raddr_plus(page->start, first * page->block_size),
		      (end - first) * page->block_size, freed ? &page->kept : &page->live);
	}
}

static void tally_page(struct mimalloc_copy *copy, struct mimalloc_page_image *page, raddr area)
{
	uint64_t made = page->capacity * page->block_size;
	uint64_t room = page->reserved * page->block_size;
	raddr made_end = raddr_plus(page->start, made), end = raddr_plus(page->start, room);
	page->live = page->kept = page->overhead = (struct residency_tally){0};
	if (!page->reserved) { /* nothing is known of it */
		tally(copy, area, mimalloc_image_extent(page), &page->overhead);
		return;
	}
	tally(copy, area, raddr_distance(area, page->start), &page->overhead);
	tally_blocks(copy, page);
	tally(copy, made_end, raddr_distance(made_end, end), &page->kept);
	tally(copy, end, raddr_distance(end, raddr_plus(area, mimalloc_image_extent(page))),
	      &page->overhead);
}

/* ---- all pages ------------------------------------------------------------------------- */

/* The delayed blocks of this page, which pages ask for in ascending order. */
static void count_delayed(struct mimalloc_copy *copy, struct mimalloc_page_image *page, raddr area,
			  size_t *near)
{
	raddr end = raddr_plus(area, mimalloc_image_extent(page));
	uint32_t n = 0;
	while (*near < copy->image.delayed.count &&
	       raddr_compare(copy->image.delayed.items[*near], area) < 0)
		++*near;
	for (; *near < copy->image.delayed.count; ++*near, n++)
		if (raddr_compare(copy->image.delayed.items[*near], end) >= 0)
			break;
	page->n_delayed = n;
}

/* Blocks on the heap's list are in none of the page's: here they get their bit. */
static void mark_delayed(struct mimalloc_copy *copy, const struct mimalloc_page_image *page,
			 size_t end)
{
	const struct walk w = {copy, page, RADDR_NULL, false};
	for (size_t i = end - page->n_delayed; i < end; i++)
		(void)mark(&w, copy->image.delayed.items[i]);
}

/* Whether what is known of a page that did not change need not be found again. Tallies are of the last
 * residency, which under a stop is not taken anew; and who listens must hear links that are encoded: they look like
 * no address, by which others are known. */
static bool may_keep(const struct mimalloc_copy *copy)
{
	if (copy->tap && mimalloc_has(&copy->image.shape, MIMALLOC_PAGE_KEYS))
		return false;
	return copy->frozen || !copy->request.in_detail;
}

static struct error *one_page(struct mimalloc_copy *copy, struct mimalloc_page_image *page,
			      raddr area, raddr slot, size_t *delayed)
{
	uint32_t before = page->n_delayed;
	count_delayed(copy, page, area, delayed);
	if (may_keep(copy) && page->agrees && raddr_is_null(page->thread_free) &&
	    page->n_thread_free == 0 && before == page->n_delayed)
		return NULL;
	struct error *err = follow_all(copy, page, slot);
	if (err)
		return err;
	if (page->reserved)
		mark_delayed(copy, page, *delayed);
	if (copy->request.in_detail)
		tally_page(copy, page, area);
	return NULL;
}

/* Slices of a segment that are in no page, its header, and what lies behind the table's last. */
static void tally_segment(struct mimalloc_copy *copy, struct mimalloc_segment_image *s)
{
	uint32_t slice = s->retired ? 0 : s->info_slices;
	uint64_t header = slice * MIMALLOC_SLICE;
	s->info = s->span = (struct residency_tally){0};
	tally(copy, s->start, header, &s->info);
	if (s->retired) {
		tally(copy, s->start, s->size, &s->span);
		return;
	}
	const struct mimalloc_page_image *pages = mimalloc_image_pages(&copy->image, s);
	while (slice < s->entries) {
		if (!pages[slice].slice_count) {
			tally(copy, raddr_plus(s->start, slice * MIMALLOC_SLICE), MIMALLOC_SLICE,
			      &s->span);
			slice++;
			continue;
		}
		slice += pages[slice].slice_count;
	}
	uint64_t told = slice * MIMALLOC_SLICE;
	tally(copy, raddr_plus(s->start, told), size_subtract(s->size, told), &s->span);
}

struct error *mimalloc_lists(struct mimalloc_copy *copy)
{
	const struct mimalloc_shape *shape = &copy->image.shape;
	size_t delayed = 0;
	copy->near = 0;
	for (size_t i = 0; i < copy->image.segments.count; i++) {
		struct mimalloc_segment_image *s = &copy->image.segments.items[i];
		struct mimalloc_page_image *pages = mimalloc_image_pages(&copy->image, s);
		for (uint32_t slice = 0; !s->retired && slice < s->entries; slice++) {
			if (!pages[slice].slice_count)
				continue;
			raddr area = raddr_plus(s->start, slice * MIMALLOC_SLICE);
			raddr slot = raddr_plus(
				s->start, shape->header_size + (uint64_t)slice * shape->page_size);
			struct error *err = one_page(copy, &pages[slice], area, slot, &delayed);
			if (err)
				return err;
		}
		if (copy->request.in_detail)
			tally_segment(copy, s);
	}
	return NULL;
}
