/*
 * malloc_copy: ranges one behind the other in one buffer, cut into pieces that two readers share.
 *
 *	target   [ range ]      [ range           ]
 *	buffer   [ range ][ range           ]        pieces of 64 KiB, and what is left of each range
 */
#include "inspector/malloc/malloc_copy.h"

#include "base/cleanup.h"

#include <sys/mman.h>

#define PIECE  (64 * KIB)
#define SLICES 2 /* of one range */

struct range {
	raddr start;
	uint64_t size;
	size_t at; /* in the buffer */
};

struct malloc_copy {
	uint8_t *bytes; /* mapped */
	size_t room, used;
	struct range *ranges;
	struct space_slice *slices;
	size_t n, max;
	uint8_t *got;
	size_t n_got, max_got;
	struct residency planned; /* the same ranges: all of them are present */
	struct space space;
};

void malloc_copy_free(struct malloc_copy *copy)
{
	if (!copy)
		return;
	if (copy->bytes)
		(void)munmap(copy->bytes, copy->room);
	free(copy->ranges);
	free(copy->slices);
	free(copy->got);
	residency_fini(&copy->planned);
	space_fini(&copy->space);
	free(copy);
}

static void free_copy(struct malloc_copy **copy)
{
	malloc_copy_free(*copy);
}

/* A page fault for each page would be most of a stop: they are taken before it. */
static uint8_t *map_bytes(size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	(void)madvise(bytes, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += 4096)
		((volatile uint8_t *)bytes)[at] = 0;
	return bytes;
}

struct error *malloc_copy_new(uint64_t size, size_t n_ranges, struct malloc_copy **ret)
{
	_cleanup_(free_copy) struct malloc_copy *copy = calloc(1, sizeof(*copy));
	if (!copy)
		return error_out_of_memory();
	copy->room = (size_t)size_align_up(size_max(size, 1), 4096);
	copy->max = n_ranges;
	copy->max_got = copy->room / PIECE + n_ranges * SLICES;
	copy->bytes = map_bytes(copy->room);
	copy->ranges = calloc(n_ranges, sizeof(*copy->ranges));
	copy->slices = calloc(n_ranges * SLICES, sizeof(*copy->slices));
	copy->got = calloc(copy->max_got, 1);
	if (!copy->bytes || !copy->ranges || !copy->slices || !copy->got ||
	    !vec_reserve(&copy->planned.ranges, n_ranges))
		return error_out_of_memory();
	*ret = take(copy);
	return NULL;
}

/* ---- planning --------------------------------------------------------------------------- */

static struct space_slice slice_of(struct malloc_copy *copy, const struct range *range,
				   uint64_t from, size_t size, size_t count)
{
	struct space_slice slice = {.start = raddr_plus(range->start, from),
				    .stride = size,
				    .size = size,
				    .count = count,
				    .bytes = copy->bytes + range->at + from,
				    .got = copy->got + copy->n_got};
	copy->n_got += count;
	return slice;
}

static bool plan_range(struct malloc_copy *copy, raddr start, uint64_t size)
{
	if (copy->n == copy->max || size > copy->room - copy->used)
		return false;
	struct range *range = &copy->ranges[copy->n];
	*range = (struct range){start, size, copy->used};
	uint64_t whole = size - size % PIECE;
	copy->slices[copy->n * SLICES] = slice_of(copy, range, 0, PIECE, (size_t)(whole / PIECE));
	copy->slices[copy->n * SLICES + 1] =
		slice_of(copy, range, whole, (size_t)(size - whole), whole < size);
	copy->used += (size_t)size;
	copy->n++;
	return residency_add(&copy->planned, start, size, false);
}

bool malloc_copy_plan(struct malloc_copy *copy, const struct residency *residency, raddr start,
		      uint64_t size)
{
	raddr end = raddr_plus(start, size);
	for (size_t i = residency_find(residency, start, 0); i < residency->ranges.count; i++) {
		const struct residency_range *r = &residency->ranges.items[i];
		raddr from = raddr_compare(r->start, start) > 0 ? r->start : start;
		raddr to = raddr_plus(r->start, r->size);
		to = raddr_compare(to, end) < 0 ? to : end;
		if (raddr_compare(r->start, end) >= 0)
			break;
		if (!r->swapped && !plan_range(copy, from, raddr_distance(from, to)))
			return false;
	}
	return true;
}

struct error *malloc_copy_fill(struct malloc_copy *copy, struct space *from)
{
	return space_gather(from, copy->slices, copy->n * SLICES, &copy->planned);
}

/* ---- as a space ------------------------------------------------------------------------- */

static struct error *read_copy(void *source, raddr at, void *buffer, size_t size)
{
	const struct malloc_copy *copy = source;
	size_t low = 0, high = copy->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct range *r = &copy->ranges[middle];
		if (raddr_in(at, r->start, r->size)) {
			uint64_t inside = raddr_distance(r->start, at);
			if (size > r->size - inside)
				break;
			memcpy(buffer, copy->bytes + r->at + inside, size);
			return NULL;
		}
		if (raddr_compare(r->start, at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return error_new(ERROR_FAULT, RADDR_FORMAT " was not copied", at.value);
}

static int compare_ranges(const void *a, const void *b)
{
	return raddr_compare(((const struct range *)a)->start, ((const struct range *)b)->start);
}

static bool was_read(const struct malloc_copy *copy)
{
	for (size_t i = 0; i < copy->n_got; i++)
		if (copy->got[i] != SLICE_READ)
			return false;
	return true;
}

struct error *malloc_copy_space(struct malloc_copy *copy, struct space **ret)
{
	static const struct space_ops ops = {.read = read_copy};
	if (!was_read(copy))
		return error_new(ERROR_FAULT, "some of it could not be copied");
	qsort(copy->ranges, copy->n, sizeof(*copy->ranges), compare_ranges);
	copy->space.ops = &ops;
	copy->space.source = copy;
	for (size_t i = 0; i < copy->n; i++) {
		struct region *region = vec_push(&copy->space.regions);
		if (!region)
			return error_out_of_memory();
		*region = (struct region){.start = copy->ranges[i].start,
					  .size = copy->ranges[i].size,
					  .readable = true,
					  .writable = true};
		copy->space.mapped_size += region->size;
	}
	*ret = &copy->space;
	return NULL;
}
