/*
 * mimalloc_walk: the facts of one interpreter, out of the copy.
 *
 * A page belongs to the interpreter of its heap's thread; an abandoned one to the interpreter in whose
 * pool its segment hangs; a segment to that of most of its pages: all of a segment are of one thread.
 */
#include "inspector/mimalloc/mimalloc_image.h"

#include "base/cleanup.h"
#include "inspector/mimalloc/mimalloc_copy.h"

#define KINDS 4 /* heaps of a thread */

struct walker {
	const struct mimalloc_image *image;
	uint32_t interpreter;
	struct mimalloc m;
};

static void walker_fini(struct walker *w)
{
	mimalloc_fini(&w->m);
}

static uint32_t owner_of(const struct mimalloc_image *image,
			 const struct mimalloc_segment_image *segment,
			 const struct mimalloc_page_image *page)
{
	const struct mimalloc_heap_image *heap = mimalloc_image_heap(image, page->heap);
	return heap ? heap->owner : segment->owner;
}

/* The heap's place in m.heaps, added where it is new. */
static bool find_heap(struct walker *w, pid_t thread, enum mimalloc_kind kind, uint32_t *ret)
{
	for (size_t i = 0; i < w->m.heaps.count; i++) {
		const struct mimalloc_heap *h = &w->m.heaps.items[i];
		if (h->thread == thread && h->kind == kind) {
			*ret = (uint32_t)i;
			return true;
		}
	}
	struct mimalloc_heap *heap = vec_push(&w->m.heaps);
	if (!heap)
		return false;
	heap->thread = thread;
	heap->kind = kind;
	*ret = (uint32_t)(w->m.heaps.count - 1);
	return true;
}

static bool heap_of_page(struct walker *w, const struct mimalloc_page_image *page, uint32_t *ret)
{
	const struct mimalloc_heap_image *heap = mimalloc_image_heap(w->image, page->heap);
	if (raddr_is_null(page->heap))
		return find_heap(w, 0, MIMALLOC_ABANDONED, ret);
	enum mimalloc_kind kind = page->tag < KINDS ? (enum mimalloc_kind)page->tag : MIMALLOC_MEM;
	return find_heap(w, heap ? heap->thread : 0, kind, ret);
}

static bool add_page(struct walker *w, const struct mimalloc_page_image *from)
{
	uint32_t heap_index;
	struct mimalloc *m = &w->m;
	if (!heap_of_page(w, from, &heap_index))
		return false;
	struct mimalloc_page *page = vec_push(&m->pages);
	if (!page)
		return false;
	uint32_t live = mimalloc_image_live(from);
	uint64_t used = live * from->block_size;
	uint64_t free = (size_subtract(from->capacity, live)) * from->block_size;
	*page = (struct mimalloc_page){
		.start = from->start,
		.block_size = from->block_size,
		.capacity = from->capacity,
		.reserved = from->reserved,
		.used = live,
		.heap = heap_index,
		.size = mimalloc_image_extent(from),
		.delayed = from->waits && live == 0,
		.agrees = from->agrees,
	};
	struct mimalloc_heap *heap = &m->heaps.items[heap_index];
	heap->n_pages++;
	heap->used_blocks += live;
	heap->used_bytes += used;
	heap->free_bytes += free;
	m->used_blocks += live;
	m->used_bytes += used;
	m->free_bytes += free;
	m->delayed_bytes += page->delayed ? page->size : 0;
	return true;
}

static bool add_segment(struct walker *w, const struct mimalloc_segment_image *from)
{
	const struct mimalloc_page_image *pages = mimalloc_image_pages(w->image, from);
	size_t first = w->m.pages.count;
	bool any = false;
	for (uint32_t slice = 0; slice < from->entries; slice++) {
		if (!pages[slice].slice_count)
			continue;
		any = true;
		if (owner_of(w->image, from, &pages[slice]) == w->interpreter &&
		    !add_page(w, &pages[slice]))
			return false;
	}
	/* One whose pages are all in the making is the main interpreter's. */
	if (w->m.pages.count == first && (any || w->interpreter != 0))
		return true;
	struct mimalloc_segment *segment = vec_push(&w->m.segments);
	if (!segment)
		return false;
	*segment = (struct mimalloc_segment){
		.start = from->start,
		.size = from->size,
		.first_page = (uint32_t)first,
		.n_pages = (uint32_t)(w->m.pages.count - first),
	};
	if (w->image->has_residency)
		residency_count(&w->image->residency, from->start, from->size, &segment->resident,
				&segment->swapped);
	return true;
}

/* ---- heaps in order --------------------------------------------------------------------- */

struct order {
	struct mimalloc_heap heap;
	uint32_t before; /* its index until now */
};

static int compare_orders(const void *a, const void *b)
{
	const struct order *left = a, *right = b;
	bool left_none = left->heap.kind == MIMALLOC_ABANDONED;
	bool right_none = right->heap.kind == MIMALLOC_ABANDONED;
	if (left_none != right_none)
		return left_none - right_none;
	if (left->heap.thread != right->heap.thread)
		return (left->heap.thread > right->heap.thread) -
		       (left->heap.thread < right->heap.thread);
	return (left->heap.kind > right->heap.kind) - (left->heap.kind < right->heap.kind);
}

/* By thread, then kind; abandoned pages last. */
static bool order_heaps(struct mimalloc *m)
{
	size_t n = m->heaps.count;
	_cleanup_(free_pointer) struct order *orders = calloc(n + 1, sizeof(*orders));
	_cleanup_(free_pointer) uint32_t *places = calloc(n + 1, sizeof(*places));
	if (!orders || !places)
		return false;
	for (size_t i = 0; i < n; i++)
		orders[i] = (struct order){m->heaps.items[i], (uint32_t)i};
	qsort(orders, n, sizeof(*orders), compare_orders);
	for (size_t i = 0; i < n; i++) {
		m->heaps.items[i] = orders[i].heap;
		places[orders[i].before] = (uint32_t)i;
	}
	for (size_t i = 0; i < m->pages.count; i++)
		m->pages.items[i].heap = places[m->pages.items[i].heap];
	return true;
}

/* ---- doubts ------------------------------------------------------------------------------ */

static void doubt_pages(const struct mimalloc_image *image, struct doubts *doubts)
{
	size_t segments = 0, pages = 0;
	raddr example = RADDR_NULL;
	for (size_t i = 0; i < image->segments.count; i++) {
		const struct mimalloc_segment_image *s = &image->segments.items[i];
		segments += !s->retired && !s->agrees;
		for (uint32_t slice = 0; !s->retired && slice < s->entries; slice++) {
			const struct mimalloc_page_image *p =
				&mimalloc_image_pages(image, s)[slice];
			if (!p->slice_count || p->agrees)
				continue;
			pages++;
			example = raddr_plus(s->start, slice * MIMALLOC_SLICE);
		}
	}
	if (segments)
		doubts_add(doubts, DOUBT_SEGMENT_UNSETTLED, DOUBT_INCONSISTENT, segments,
			   "the pages of a mimalloc segment do not make up the segment");
	if (pages)
		doubts_add(doubts, DOUBT_PAGE_UNSETTLED, DOUBT_INCONSISTENT, pages,
			   "the used and free blocks of the mimalloc page at " RADDR_FORMAT
			   " do not make up what it has",
			   example.value);
}

static void doubt_heaps(const struct mimalloc_image *image, struct doubts *doubts)
{
	size_t n = 0;
	for (size_t i = 0; i < image->heaps.count; i++) {
		const struct mimalloc_heap_image *h = &image->heaps.items[i];
		n += h->read && h->page_count != h->n_pages;
	}
	if (n)
		doubts_add(doubts, DOUBT_COUNTERS, DOUBT_INCONSISTENT, n,
			   "a mimalloc heap counts other pages than were found");
	if (image->n_lost)
		doubts_add(doubts, DOUBT_PAGE_UNSETTLED, DOUBT_PARTIAL, image->n_lost,
			   "a mimalloc heap cannot be read: what other threads freed of it may "
			   "be missing");
	if (image->n_foreign)
		doubts_add(doubts, DOUBT_SEGMENT_FOREIGN, DOUBT_NOTE, image->n_foreign,
			   "memory of another copy of mimalloc, which is not Python's");
	if (!image->complete)
		doubts_add(doubts, DOUBT_SEGMENT_UNSETTLED, DOUBT_PARTIAL, 1,
			   "there was no room for all of mimalloc's segments");
}

/* ---- the door ------------------------------------------------------------------------------ */

struct error *mimalloc_walk(const struct mimalloc_copy *copy, size_t interpreter,
			    struct mimalloc *ret, struct doubts *doubts)
{
	const struct mimalloc_image *image = mimalloc_copy_image(copy);
	_cleanup_(walker_fini) struct walker w = {.image = image,
						  .interpreter = (uint32_t)interpreter};
	for (size_t i = 0; i < image->segments.count; i++) {
		if (!image->segments.items[i].retired &&
		    !add_segment(&w, &image->segments.items[i]))
			return error_out_of_memory();
	}
	if (!order_heaps(&w.m))
		return error_out_of_memory();
	w.m.used = w.m.segments.count > 0;
	w.m.has_residency = image->has_residency;
	if (interpreter == 0) {
		doubt_pages(image, doubts);
		doubt_heaps(image, doubts);
	}
	*ret = w.m;
	w.m = (struct mimalloc){0};
	return NULL;
}
