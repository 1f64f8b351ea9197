/*
 * mimalloc_owners: whose pages are.
 *
 *	page.heap ──▶ mi_heap_t ── in a PyThreadState (free-threaded) ──▶ thread, interpreter
 *	                        └─ thread_id = PyThreadState.thread_id ──▶ thread
 *	page.heap 0: abandoned; its segment hangs in the pool of an interpreter
 *
 * Sources: Include/internal/pycore_tstate.h and pycore_mimalloc.h, Python/pystate.c (tstate_mimalloc_bind),
 * Objects/mimalloc/segment.c (mi_abandoned_pop), 3.13 to 3.15.
 */
#include "inspector/mimalloc/mimalloc_round.h"

#include "base/bytes.h"
#include "inspector/python/runtime.h"

#define STATE_SIZE_MAX (UINT64_C(64) << 10) /* of a PyThreadState with its heaps */
#define THREADS_MAX    100000

/* ---- threads --------------------------------------------------------------------------- */

static bool has_room(struct mimalloc_copy *copy, size_t count, size_t room)
{
	if (!copy->frozen || count < room)
		return true;
	copy->image.complete = false;
	return false;
}

static struct error *read_field(struct mimalloc_copy *copy, raddr at, enum layout_entry_id entry,
				uint64_t *ret, bool *ret_read)
{
	const struct layout_entry *e = &copy->request.layout->entries[entry];
	uint8_t bytes[8] = {0};
	*ret = 0;
	*ret_read = false;
	if (!layout_has(copy->request.layout, entry) || e->width > sizeof(bytes))
		return NULL;
	struct error *err =
		mimalloc_read(copy, raddr_plus(at, e->offset), bytes, (size_t)e->width, ret_read);
	struct bytes b = bytes_of(bytes, sizeof(bytes));
	*ret = bytes_unsigned(&b, 0, (unsigned)e->width);
	if (!err && *ret_read)
		mimalloc_tell(copy, raddr_plus(at, e->offset), bytes, (size_t)e->width);
	return err;
}

static struct error *read_thread(struct mimalloc_copy *copy, raddr state, uint32_t owner,
				 raddr *ret_next)
{
	uint64_t next = 0, thread_id = 0, tid = 0;
	bool read = false, told;
	*ret_next = RADDR_NULL;
	struct error *err = read_field(copy, state, LAYOUT_TSTATE_NEXT, &next, &read);
	if (!err)
		err = read_field(copy, state, LAYOUT_TSTATE_THREAD_ID, &thread_id, &told);
	if (!err)
		err = read_field(copy, state, LAYOUT_TSTATE_NATIVE_THREAD_ID, &tid, &told);
	if (err || !read || !has_room(copy, copy->image.threads.count, copy->image.threads.room))
		return err;
	struct mimalloc_thread_image *thread = vec_push(&copy->image.threads);
	if (!thread)
		return error_out_of_memory();
	*thread = (struct mimalloc_thread_image){
		state, thread_id, tid > 0 && tid < INT32_MAX ? (pid_t)tid : 0, owner};
	*ret_next = raddr_at(next);
	return NULL;
}

static struct error *read_threads(struct mimalloc_copy *copy, raddr interpreter, uint32_t owner)
{
	uint64_t head;
	bool read;
	struct error *err = read_field(copy, interpreter, LAYOUT_INTERP_THREADS_HEAD, &head, &read);
	raddr at = raddr_at(head);
	for (unsigned i = 0; !err && !raddr_is_null(at) && i < THREADS_MAX; i++)
		err = read_thread(copy, at, owner, &at);
	return err;
}

static int compare_threads(const void *a, const void *b)
{
	const struct mimalloc_thread_image *left = a, *right = b;
	return raddr_compare(left->state, right->state);
}

/* ---- heaps ----------------------------------------------------------------------------- */

/* Where in image.heaps the heap at `at` is, or would be. */
static size_t heap_place(const struct mimalloc_image *image, raddr at)
{
	size_t low = 0, high = image->heaps.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (raddr_compare(image->heaps.items[middle].at, at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct error *count_page(struct mimalloc_copy *copy, raddr heap)
{
	struct mimalloc_image *image = &copy->image;
	size_t place = heap_place(image, heap);
	if (place == image->heaps.count || !raddr_equal(image->heaps.items[place].at, heap)) {
		if (!has_room(copy, image->heaps.count, image->heaps.room))
			return NULL;
		if (!vec_push(&image->heaps))
			return error_out_of_memory();
		struct mimalloc_heap_image *at = &image->heaps.items[place];
		memmove(at + 1, at, (image->heaps.count - 1 - place) * sizeof(*at));
		*at = (struct mimalloc_heap_image){.at = heap};
	}
	image->heaps.items[place].n_pages++;
	return NULL;
}

static struct error *collect_heaps(struct mimalloc_copy *copy)
{
	copy->image.heaps.count = 0;
	for (size_t i = 0; i < copy->image.segments.count; i++) {
		const struct mimalloc_segment_image *s = &copy->image.segments.items[i];
		const struct mimalloc_page_image *pages = mimalloc_image_pages(&copy->image, s);
		for (uint32_t slice = 0; !s->retired && slice < s->entries; slice++) {
			if (!pages[slice].slice_count || raddr_is_null(pages[slice].heap))
				continue;
			struct error *err = count_page(copy, pages[slice].heap);
			if (err)
				return err;
		}
	}
	return NULL;
}

static const struct mimalloc_thread_image *find_thread(const struct mimalloc_image *image,
						       const struct mimalloc_heap_image *heap)
{
	const struct mimalloc_thread_image *below = NULL;
	for (size_t i = 0; i < image->threads.count; i++) {
		const struct mimalloc_thread_image *t = &image->threads.items[i];
		if (raddr_in(heap->at, t->state, STATE_SIZE_MAX))
			below = t; /* the last one that begins below it */
	}
	for (size_t i = 0; !below && i < image->threads.count; i++) {
		if (image->threads.items[i].thread_id == heap->thread_id)
			return &image->threads.items[i];
	}
	return below;
}

/* Its fields, and not what lies between them: the heap's address is only what a page says. */
static void tell_heap(const struct mimalloc_copy *copy, raddr at, const uint8_t *bytes)
{
	const struct mimalloc_shape *s = &copy->image.shape;
	for (unsigned i = MIMALLOC_HEAP_DELAYED_FREE; i < MIMALLOC_FIELD_COUNT; i++) {
		size_t size = i == MIMALLOC_HEAP_KEYS ? 16 : s->fields[i].width;
		mimalloc_tell(copy, raddr_plus(at, s->fields[i].offset),
			      bytes + s->fields[i].offset, size);
	}
}

static struct error *read_heap(struct mimalloc_copy *copy, struct mimalloc_heap_image *heap)
{
	const struct mimalloc_shape *s = &copy->image.shape;
	uint8_t bytes[MIMALLOC_HEAP_MAX];
	struct error *err = mimalloc_read(copy, heap->at, bytes, s->heap_size, &heap->read);
	if (err)
		return err;
	if (!heap->read) {
		copy->image.n_lost++;
		return NULL;
	}
	tell_heap(copy, heap->at, bytes);
	heap->delayed = raddr_at(mimalloc_get(s, MIMALLOC_HEAP_DELAYED_FREE, bytes, s->heap_size));
	heap->thread_id = mimalloc_get(s, MIMALLOC_HEAP_THREAD_ID, bytes, s->heap_size);
	heap->page_count = mimalloc_get(s, MIMALLOC_HEAP_PAGE_COUNT, bytes, s->heap_size);
	heap->tag = (uint8_t)mimalloc_get(s, MIMALLOC_HEAP_TAG, bytes, s->heap_size);
	mimalloc_get_keys(s, MIMALLOC_HEAP_KEYS, bytes, s->heap_size, heap->keys);
	const struct mimalloc_thread_image *thread = find_thread(&copy->image, heap);
	heap->thread = thread ? thread->tid : 0;
	heap->owner = thread ? thread->owner : 0;
	return NULL;
}

/* ---- delayed blocks -------------------------------------------------------------------- */

/* Blocks that other threads freed of a page that was full: they hang on its heap. */
static struct error *follow_delayed(struct mimalloc_copy *copy,
				    const struct mimalloc_heap_image *heap)
{
	struct mimalloc_image *image = &copy->image;
	bool encoded = mimalloc_has(&image->shape, MIMALLOC_PAGE_KEYS);
	raddr at = heap->delayed;
	uint64_t budget = copy->space->mapped_size / 8;
	while (!raddr_is_null(at) && budget--) {
		uint64_t word;
		bool read;
		if (!mimalloc_image_segment(image, at) ||
		    !has_room(copy, image->delayed.count, image->delayed.room))
			return NULL;
		struct error *err = mimalloc_read(copy, at, &word, sizeof(word), &read);
		if (err || !read)
			return err;
		raddr next = raddr_at(encoded ? mimalloc_decode(word, heap->keys, heap->at) : word);
		/* Else the block is in use by now, and the word is the program's. */
		if (raddr_is_null(next) || mimalloc_image_segment(image, next))
			mimalloc_tell(copy, at, &word, sizeof(word));
		raddr *block = vec_push(&image->delayed);
		if (!block)
			return error_out_of_memory();
		*block = at;
		at = next;
	}
	return NULL;
}

static int compare_blocks(const void *a, const void *b)
{
	return raddr_compare(*(const raddr *)a, *(const raddr *)b);
}

/* In order, and each once: a list that changes while it is followed can come round. */
static void order_delayed(struct mimalloc_image *image)
{
	size_t n = 0;
	if (!image->delayed.count)
		return;
	qsort(image->delayed.items, image->delayed.count, sizeof(raddr), compare_blocks);
	for (size_t i = 0; i < image->delayed.count; i++)
		if (!n || !raddr_equal(image->delayed.items[i], image->delayed.items[n - 1]))
			image->delayed.items[n++] = image->delayed.items[i];
	image->delayed.count = n;
}

/* ---- abandoned segments ---------------------------------------------------------------- */

static void own_chain(struct mimalloc_image *image, uint64_t tagged, uint32_t owner)
{
	/* the list's head carries a tag in its low bits */
	raddr at = raddr_align_down(raddr_at(tagged), MIMALLOC_SEGMENT_ALIGNMENT);
	for (size_t i = 0; i < image->segments.count && !raddr_is_null(at); i++) {
		struct mimalloc_segment_image *s = mimalloc_image_segment(image, at);
		if (!s || !raddr_equal(s->start, at))
			return;
		s->owner = owner;
		at = s->abandoned_next;
	}
}

static struct error *own_abandoned(struct mimalloc_copy *copy, raddr interpreter, uint32_t owner)
{
	static const enum layout_entry_id heads[] = {LAYOUT_INTERP_ABANDONED,
						     LAYOUT_INTERP_ABANDONED_VISITED};
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		uint64_t head;
		bool read;
		struct error *err = read_field(copy, interpreter, heads[i], &head, &read);
		if (err)
			return err;
		own_chain(&copy->image, head, owner);
	}
	return NULL;
}

/* ---- all ------------------------------------------------------------------------------- */

struct error *mimalloc_owners(struct mimalloc_copy *copy)
{
	const struct runtime *runtime = copy->request.runtime;
	struct mimalloc_image *image = &copy->image;
	struct error *err = NULL;
	image->threads.count = image->delayed.count = 0;
	for (size_t i = 0; !err && i < runtime->interpreters.count; i++) {
		raddr at = runtime->interpreters.items[i].address;
		err = read_threads(copy, at, (uint32_t)i);
		err = err ?: own_abandoned(copy, at, (uint32_t)i);
	}
	if (image->threads.count)
		qsort(image->threads.items, image->threads.count, sizeof(*image->threads.items),
		      compare_threads);
	err = err ?: collect_heaps(copy);
	for (size_t i = 0; !err && i < image->heaps.count; i++) {
		err = read_heap(copy, &image->heaps.items[i]);
		err = err ?: follow_delayed(copy, &image->heaps.items[i]);
	}
	order_delayed(image);
	return err;
}
