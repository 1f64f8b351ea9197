/*
 * mimalloc_copy: the rounds, and the room they work in.
 *
 *	find ─ tables ─ owners ─ lists ─ does it contradict itself? ─ again, of what does
 *
 * A live copy is repeated a few times, as each repetition follows only the lists of pages that moved; what then
 * still moves is left for a stop.
 */
#include "inspector/mimalloc/mimalloc_round.h"

#include "base/cleanup.h"

#define LIVE_ROUNDS 3
#define FEWEST      16 /* segments, threads that there is always room for */

struct mimalloc_copy *mimalloc_copy_new(void)
{
	return calloc(1, sizeof(struct mimalloc_copy));
}

void mimalloc_copy_free(struct mimalloc_copy *copy)
{
	if (!copy)
		return;
	mimalloc_image_fini(&copy->image);
	vec_fini(&copy->found);
	vec_fini(&copy->slot_used);
	residency_fini(&copy->probe);
	free(copy);
}

/* ---- room ------------------------------------------------------------------------------ */

static uint64_t slots_size(uint64_t slots)
{
	return size_multiply(slots, MIMALLOC_SLICES * sizeof(struct mimalloc_page_image));
}

static struct error *reserve_slots(struct mimalloc_copy *copy, uint64_t slots, uint64_t max_memory)
{
	struct mimalloc_image *image = &copy->image;
	if (slots <= image->n_slots)
		return NULL;
	uint64_t size = slots_size(slots);
	if ((max_memory && size > max_memory) || slots > UINT32_MAX)
		return error_new(ERROR_RESOURCE,
				 "what mimalloc has takes %" PRIu64
				 " MiB of our own memory, more than is allowed",
				 size / MIB);
	struct mimalloc_page_image *pages = realloc(image->pages, size);
	if (!pages)
		return error_out_of_memory();
	image->pages = pages;
	if (!vec_reserve(&copy->slot_used, slots))
		return error_out_of_memory();
	memset(copy->slot_used.items + image->n_slots, 0, slots - image->n_slots);
	memset(&pages[(size_t)image->n_slots * MIMALLOC_SLICES], 0,
	       (size_t)(size - slots_size(image->n_slots)));
	image->n_slots = (uint32_t)slots;
	return NULL;
}

struct error *mimalloc_copy_prepare(struct mimalloc_copy *copy, uint64_t max_memory)
{
	struct mimalloc_image *image = &copy->image;
	size_t segments = image->segments.count + image->segments.count / 2 + FEWEST;
	if (!vec_reserve(&image->segments, segments) || !vec_reserve(&copy->found, segments) ||
	    !vec_reserve(&image->heaps, image->heaps.count * 2 + 4 * FEWEST) ||
	    !vec_reserve(&image->threads, image->threads.count * 2 + FEWEST) ||
	    !vec_reserve(&image->delayed, image->delayed.count * 2 + 4096))
		return error_out_of_memory();
	return reserve_slots(copy, segments, max_memory);
}

/* ---- segments -------------------------------------------------------------------------- */

static bool take_slot(struct mimalloc_copy *copy, uint32_t *ret)
{
	for (uint32_t i = 0; i < copy->image.n_slots; i++) {
		if (copy->slot_used.items[i])
			continue;
		copy->slot_used.items[i] = 1;
		memset(&copy->image.pages[(size_t)i * MIMALLOC_SLICES], 0, (size_t)slots_size(1));
		*ret = i;
		return true;
	}
	return false;
}

/* A segment keeps its slot, and with it what is known of its pages, from round to round. */
static struct error *give_slots(struct mimalloc_copy *copy)
{
	struct mimalloc_image *image = &copy->image;
	size_t n = 0;
	if (!copy->frozen) {
		struct error *err =
			reserve_slots(copy, copy->found.count, copy->request.max_memory);
		if (err)
			return err;
	}
	if (image->n_slots)
		memset(copy->slot_used.items, 0, image->n_slots);
	for (size_t i = 0; i < copy->found.count; i++) {
		struct mimalloc_segment_image *now = &copy->found.items[i];
		const struct mimalloc_segment_image *before =
			mimalloc_image_segment(image, now->start);
		now->slot = UINT32_MAX;
		if (before && raddr_equal(before->start, now->start)) {
			now->slot = before->slot;
			copy->slot_used.items[now->slot] = 1;
		}
	}
	for (size_t i = 0; i < copy->found.count; i++) {
		struct mimalloc_segment_image *now = &copy->found.items[i];
		if (now->slot == UINT32_MAX && !take_slot(copy, &now->slot))
			image->complete = false;
		else
			copy->found.items[n++] = *now;
	}
	copy->found.count = n;
	return NULL;
}

/* The found segments become the image's; the old ones' array is used for the next find. */
static void accept_found(struct mimalloc_copy *copy)
{
	struct mimalloc_image *image = &copy->image;
	struct mimalloc_segment_image *items = image->segments.items;
	size_t room = image->segments.room;
	image->segments.items = copy->found.items;
	image->segments.count = copy->found.count;
	image->segments.room = copy->found.room;
	copy->found.items = items;
	copy->found.room = room;
	copy->found.count = 0;
}

static void tell_table(const struct mimalloc_copy *copy, raddr at, size_t size)
{
	for (size_t i = 0; i < size / OS_PAGE; i++)
		if (copy->table_got[i] == SLICE_READ)
			mimalloc_tell(copy, raddr_plus(at, i * OS_PAGE), copy->table + i * OS_PAGE,
				      OS_PAGE);
}

static struct error *read_tables(struct mimalloc_copy *copy)
{
	for (size_t i = 0; i < copy->image.segments.count; i++) {
		struct mimalloc_segment_image *s = &copy->image.segments.items[i];
		size_t size;
		if (s->retired)
			continue;
		struct error *err =
			mimalloc_table_read(copy, s->start, mimalloc_find_pieces(copy, s), &size);
		if (err)
			return err;
		if (mimalloc_find_again(copy, s, size)) {
			mimalloc_table_parse(copy, s);
			tell_table(copy, s->start, size);
			continue;
		}
		s->agrees = false;
		for (uint32_t slice = 0; slice < MIMALLOC_SLICES; slice++)
			mimalloc_image_pages(&copy->image, s)[slice].slice_count = 0;
	}
	return NULL;
}

static struct error *take_residency(struct mimalloc_copy *copy)
{
	struct mimalloc_image *image = &copy->image;
	residency_clear(&image->residency);
	image->has_residency = space_has_residency(copy->space);
	for (size_t i = 0; image->has_residency && i < image->segments.count; i++) {
		const struct mimalloc_segment_image *s = &image->segments.items[i];
		struct error *err = copy->request.in_detail
					    ? space_residency_in_detail(copy->space, s->start,
									s->size, &image->residency)
					    : space_residency(copy->space, s->start, s->size,
							      &image->residency);
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
	}
	return NULL;
}

/* ---- rounds ---------------------------------------------------------------------------- */

/* Residency is taken before anything inside is read, and never under a stop: it takes too long. */
static struct error *round_run(struct mimalloc_copy *copy)
{
	copy->image.complete = true;
	copy->image.n_lost = 0;
	struct error *err = mimalloc_find(copy);
	err = err ?: give_slots(copy);
	if (err)
		return err;
	accept_found(copy);
	if (!copy->frozen)
		err = take_residency(copy);
	err = err ?: read_tables(copy);
	err = err ?: mimalloc_owners(copy);
	return err ?: mimalloc_lists(copy);
}

static bool same_flavour(const struct mimalloc_request *a, const struct mimalloc_request *b)
{
	return a->layout == b->layout && a->in_detail == b->in_detail;
}

struct error *mimalloc_copy_take(struct mimalloc_copy *copy, struct space *space,
				 const struct mimalloc_request *request, bool frozen)
{
	if (!same_flavour(&copy->request, request)) { /* nothing of before can be kept */
		copy->image.segments.count = 0;
		copy->image.has_shape = false;
		copy->image.key = 0;
	}
	copy->request = *request;
	copy->space = space;
	copy->frozen = frozen;
	copy->tap = space->tap;
	space->tap = NULL;
	struct error *err = round_run(copy);
	for (int i = 1; !err && !frozen && i < LIVE_ROUNDS && mimalloc_copy_unsettled(copy); i++)
		err = round_run(copy);
	space->tap = copy->tap;
	return err;
}

bool mimalloc_copy_complete(const struct mimalloc_copy *copy)
{
	return copy->image.complete;
}

static size_t unsettled_pages(const struct mimalloc_image *image,
			      const struct mimalloc_segment_image *s)
{
	const struct mimalloc_page_image *pages = mimalloc_image_pages(image, s);
	size_t n = 0;
	for (uint32_t slice = 0; slice < s->entries; slice++)
		n += pages[slice].slice_count && !pages[slice].agrees;
	return n;
}

size_t mimalloc_copy_unsettled(const struct mimalloc_copy *copy)
{
	const struct mimalloc_image *image = &copy->image;
	size_t n = 0;
	for (size_t i = 0; i < image->segments.count; i++) {
		const struct mimalloc_segment_image *s = &image->segments.items[i];
		if (!s->retired)
			n += !s->agrees + unsettled_pages(image, s);
	}
	for (size_t i = 0; i < image->heaps.count; i++) {
		const struct mimalloc_heap_image *h = &image->heaps.items[i];
		n += h->read && h->page_count != h->n_pages;
	}
	return n;
}

const struct mimalloc_image *mimalloc_copy_image(const struct mimalloc_copy *copy)
{
	return &copy->image;
}
