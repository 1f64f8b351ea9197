/*
 * mimalloc_find: segments stand at multiples of 32 MiB in writable anonymous memory, and each says so itself.
 *
 *	reserved 1 GiB   ▌segment▐▌segment▐▌segment▐ … untouched …
 *	                 ↑ size, slices, cookie = address ^ one word of the process
 *
 * No variable leads to all of them: the heaps of other threads lie behind their thread-local storage, and
 * abandoned segments in 2.2 behind bitmaps of the reserved memory. So every place where one can stand is looked at, if
 * it is in memory at all; what stands there must fit together, and have the process's cookie. One that was given
 * back keeps its header until it is purged: it has no page in use.
 *
 * Source: Objects/mimalloc/segment.c (mi_segment_alloc, mi_segment_os_free), 3.13 to 3.15.
 */
#include "inspector/mimalloc/mimalloc_round.h"

#include "base/cleanup.h"

#define INFO_SLICES_MAX 4

struct error *mimalloc_read(struct mimalloc_copy *copy, raddr at, void *buffer, size_t size,
			    bool *ret_read)
{
	*ret_read = false;
	residency_clear(&copy->probe);
	if (space_has_residency(copy->space)) {
		raddr start = raddr_align_down(at, OS_PAGE);
		uint64_t extent = size_align_up(raddr_distance(start, at) + size, OS_PAGE);
		struct error *err = space_residency(copy->space, start, extent, &copy->probe);
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		if (!residency_present(&copy->probe, at, size))
			return NULL;
	}
	struct error *err = space_read(copy->space, at, buffer, size);
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	*ret_read = true;
	return NULL;
}

void mimalloc_tell(const struct mimalloc_copy *copy, raddr at, const void *bytes, size_t size)
{
	if (copy->tap)
		copy->tap->hear(copy->tap->context, at, bytes, size);
}

/* ---- one candidate --------------------------------------------------------------------- */

static uint64_t header(const struct mimalloc_shape *s, const uint8_t *bytes,
		       enum mimalloc_field field)
{
	return mimalloc_get(s, field, bytes, MIMALLOC_HEADER_MAX);
}

/* Bytes of a segment up to the end of its table. */
static uint64_t table_size(const struct mimalloc_shape *s, uint64_t entries)
{
	return s->header_size + entries * s->page_size;
}

/* Whether the first bytes of copy->table can be the header of a segment at `at`. */
static bool is_header(const struct mimalloc_copy *copy, const struct mimalloc_shape *s, raddr at)
{
	const uint8_t *bytes = copy->table;
	uint64_t size = header(s, bytes, MIMALLOC_SEGMENT_BYTES);
	uint64_t slices = header(s, bytes, MIMALLOC_SEGMENT_SLICES);
	uint64_t info = header(s, bytes, MIMALLOC_SEGMENT_INFO_SLICES);
	uint64_t entries = header(s, bytes, MIMALLOC_SEGMENT_ENTRIES);
	uint64_t kind = header(s, bytes, MIMALLOC_SEGMENT_KIND);
	if (slices == 0 || size != size_multiply(slices, MIMALLOC_SLICE) || kind > 1 ||
	    (kind == 0 && slices != MIMALLOC_SLICES))
		return false;
	if (info == 0 || info > INFO_SLICES_MAX || entries <= info || entries > MIMALLOC_SLICES ||
	    entries > slices || table_size(s, entries) > info * MIMALLOC_SLICE)
		return false;
	if (header(s, bytes, MIMALLOC_SEGMENT_USED) > entries)
		return false;
	return size <= MIMALLOC_SEGMENT_ALIGNMENT ||
	       space_region(copy->space, raddr_plus(at, size - 1));
}

/* Whether the table's first slots are those of the segment's own slices, and lead on from there. */
static bool is_table(const struct mimalloc_copy *copy, const struct mimalloc_shape *s, size_t size)
{
	const uint8_t *first = copy->table + s->header_size;
	uint64_t info = header(s, copy->table, MIMALLOC_SEGMENT_INFO_SLICES);
	const uint8_t *next = first + info * s->page_size;
	if (size < table_size(s, info + 1))
		return false;
	return mimalloc_get(s, MIMALLOC_PAGE_SLICE_COUNT, first, s->page_size) == info &&
	       mimalloc_get(s, MIMALLOC_PAGE_SLICE_OFFSET, first, s->page_size) == 0 &&
	       mimalloc_get(s, MIMALLOC_PAGE_SLICE_COUNT, next, s->page_size) != 0 &&
	       mimalloc_get(s, MIMALLOC_PAGE_SLICE_OFFSET, next, s->page_size) == 0;
}

/* The shape that the segment in copy->table has; with image.has_shape only that one is tried. */
static bool find_shape(struct mimalloc_copy *copy, raddr at, size_t size)
{
	struct mimalloc_shape shapes[MIMALLOC_SHAPES_MAX];
	struct mimalloc_image *image = &copy->image;
	size_t n = 1;
	shapes[0] = image->shape;
	if (!image->has_shape)
		n = mimalloc_shapes(copy->request.layout, &copy->request.flavour, shapes);
	for (size_t i = 0; i < n; i++) {
		if (!is_header(copy, &shapes[i], at) || !is_table(copy, &shapes[i], size))
			continue;
		image->shape = shapes[i];
		image->has_shape = true;
		return true;
	}
	return false;
}

/* What the header in copy->table says of the segment at `at`. */
static struct mimalloc_segment_image describe(const struct mimalloc_copy *copy, raddr at)
{
	const struct mimalloc_shape *s = &copy->image.shape;
	const uint8_t *bytes = copy->table;
	return (struct mimalloc_segment_image){
		.start = at,
		.size = header(s, bytes, MIMALLOC_SEGMENT_BYTES),
		.thread_id = header(s, bytes, MIMALLOC_SEGMENT_THREAD_ID),
		.abandoned_next = raddr_at(header(s, bytes, MIMALLOC_SEGMENT_ABANDONED_NEXT)),
		.info_slices = (uint32_t)header(s, bytes, MIMALLOC_SEGMENT_INFO_SLICES),
		.entries = (uint32_t)header(s, bytes, MIMALLOC_SEGMENT_ENTRIES),
		.used = (uint32_t)header(s, bytes, MIMALLOC_SEGMENT_USED),
		.huge = header(s, bytes, MIMALLOC_SEGMENT_KIND) == 1,
		.retired = header(s, bytes, MIMALLOC_SEGMENT_USED) == 0,
	};
}

struct error *mimalloc_table_read(struct mimalloc_copy *copy, raddr at, size_t pieces, size_t *ret)
{
	pieces = pieces < TABLE_PIECES ? pieces : TABLE_PIECES;
	struct space_slice slice = {.start = at,
				    .stride = OS_PAGE,
				    .size = OS_PAGE,
				    .count = pieces,
				    .bytes = copy->table,
				    .got = copy->table_got};
	bool tells = space_has_residency(copy->space);
	*ret = 0;
	residency_clear(&copy->probe);
	if (tells) {
		struct error *err =
			space_residency(copy->space, at, pieces * OS_PAGE, &copy->probe);
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		if (!residency_present(&copy->probe, at, MIMALLOC_HEADER_MAX))
			return NULL;
	}
	memset(copy->table, 0, sizeof(copy->table));
	memset(copy->table_got, SLICE_UNREADABLE, sizeof(copy->table_got));
	struct error *err = space_gather(copy->space, &slice, 1, tells ? &copy->probe : NULL);
	if (err || copy->table_got[0] != SLICE_READ)
		return err;
	/* A page of the table that was never touched is zeros; one that is swapped out ends it. */
	for (size_t i = 0; i < pieces; i++) {
		uint64_t present = 0, swapped = 0;
		if (copy->table_got[i] == SLICE_ABSENT)
			residency_count(&copy->probe, raddr_plus(at, i * OS_PAGE), OS_PAGE,
					&present, &swapped);
		if (swapped || copy->table_got[i] == SLICE_UNREADABLE)
			break;
		*ret += OS_PAGE;
	}
	return NULL;
}

bool mimalloc_find_again(struct mimalloc_copy *copy, struct mimalloc_segment_image *segment,
			 size_t size)
{
	const struct mimalloc_shape *s = &copy->image.shape;
	struct mimalloc_segment_image now;
	if (!size || !is_header(copy, s, segment->start))
		return false;
	now = describe(copy, segment->start);
	if (now.size != segment->size || now.retired || size < table_size(s, now.entries))
		return false;
	now.slot = segment->slot;
	*segment = now;
	return true;
}

size_t mimalloc_find_pieces(const struct mimalloc_copy *copy,
			    const struct mimalloc_segment_image *segment)
{
	return (size_t)(table_size(&copy->image.shape, segment->entries) / OS_PAGE + 1);
}

/* ---- all of them ----------------------------------------------------------------------- */

static uint64_t key_of(const struct mimalloc_copy *copy)
{
	return header(&copy->image.shape, copy->table, MIMALLOC_SEGMENT_COOKIE);
}

/* The word that all cookies are mixed with: the main heap's, where its address is known. */
static struct error *find_key(struct mimalloc_copy *copy, uint64_t *ret)
{
	const struct layout *layout = copy->request.layout;
	const struct mimalloc_place *cookie = &copy->image.shape.fields[MIMALLOC_HEAP_COOKIE];
	*ret = 0;
	if (!layout_has(layout, LAYOUT_MI_HEAP_MAIN))
		return NULL;
	uint64_t at =
		copy->request.bias + layout_offset(layout, LAYOUT_MI_HEAP_MAIN) + cookie->offset;
	bool read;
	uint64_t key = 0;
	struct error *err = mimalloc_read(copy, raddr_at(at), &key, sizeof(key), &read);
	if (err || !read)
		return err;
	mimalloc_tell(copy, raddr_at(at), &key, sizeof(key));
	*ret = key;
	return NULL;
}

/* Adds what stands at `at`, if it is a segment of this mimalloc. */
static struct error *try_one(struct mimalloc_copy *copy, raddr at)
{
	struct mimalloc_image *image = &copy->image;
	bool had_shape = image->has_shape;
	size_t size;
	struct error *err = mimalloc_table_read(copy, at, 1, &size);
	if (err || !find_shape(copy, at, size))
		return err;
	uint64_t key = key_of(copy) ^ at.value, known = image->key;
	if (!had_shape || !known) {
		err = find_key(copy, &known); /* which may use the table: it is read again */
		err = err ?: mimalloc_table_read(copy, at, 1, &size);
		if (err || !size)
			return err;
		image->key = known ?: key;
	}
	if (key != image->key) {
		image->n_foreign++;
		return NULL;
	}
	if (copy->frozen && copy->found.count == copy->found.room) {
		image->complete = false;
		return NULL;
	}
	struct mimalloc_segment_image *found = vec_push(&copy->found);
	if (!found)
		return error_out_of_memory();
	*found = describe(copy, at);
	return NULL;
}

/* Whether a segment of ours can lie in it. */
static bool may_hold(const struct region *r)
{
	return r->readable && r->writable && !r->shared && r->kind == REGION_ANON;
}

static struct error *try_region(struct mimalloc_copy *copy, const struct region *region)
{
	raddr end = raddr_plus(region->start, region->size);
	raddr at = raddr_align_up(region->start, MIMALLOC_SEGMENT_ALIGNMENT);
	while (raddr_distance(at, end) >= OS_PAGE) {
		size_t before = copy->found.count;
		struct error *err = try_one(copy, at);
		if (err)
			return err;
		uint64_t step = MIMALLOC_SEGMENT_ALIGNMENT;
		/* What a huge one holds is the program's, whatever it looks like. */
		if (copy->found.count > before && !copy->found.items[before].retired)
			step = size_align_up(copy->found.items[before].size,
					     MIMALLOC_SEGMENT_ALIGNMENT);
		if (!raddr_step(at, step, &at))
			break;
	}
	return NULL;
}

/* One that was given back ends where the next begins, whatever its header says. */
static void cut_retired(struct mimalloc_copy *copy)
{
	for (size_t i = 0; i < copy->found.count; i++) {
		struct mimalloc_segment_image *s = &copy->found.items[i];
		uint64_t room = i + 1 < copy->found.count
					? raddr_distance(s->start, copy->found.items[i + 1].start)
					: UINT64_MAX;
		if (s->retired)
			s->size = size_min(size_min(s->size, room), MIMALLOC_SEGMENT_ALIGNMENT);
	}
}

struct error *mimalloc_find(struct mimalloc_copy *copy)
{
	raddr covered = RADDR_NULL;
	copy->found.count = 0;
	copy->image.n_foreign = 0;
	for (size_t i = 0; i < copy->space->regions.count; i++) {
		struct region region = copy->space->regions.items[i];
		if (!may_hold(&region))
			continue;
		/* A huge segment may reach from one region into the next. */
		uint64_t skipped = size_min(raddr_distance(region.start, covered), region.size);
		region.start = raddr_plus(region.start, skipped);
		region.size -= skipped;
		struct error *err = try_region(copy, &region);
		if (err)
			return err;
		if (copy->found.count) {
			const struct mimalloc_segment_image *last =
				&copy->found.items[copy->found.count - 1];
			if (!last->retired)
				covered = raddr_plus(last->start, last->size);
		}
	}
	cut_retired(copy);
	return NULL;
}
