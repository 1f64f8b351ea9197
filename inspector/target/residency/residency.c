/*
 * residency: an ascending list of ranges, neighbours of one sort merged, so that
 * a heap of a gigabyte is a few thousand ranges and any question a bisection.
 */
#include "inspector/target/residency/residency.h"

bool residency_add(struct residency *r, raddr start, uint64_t size, bool swapped)
{
	return residency_add_traits(r, start, size, swapped, 0);
}

bool residency_add_traits(struct residency *r, raddr start, uint64_t size, bool swapped,
			  unsigned traits)
{
	if (size == 0)
		return true;
	if (r->ranges.count > 0) {
		struct residency_range *last = &r->ranges.items[r->ranges.count - 1];
		raddr end = raddr_plus(last->start, last->size);
		if (last->swapped == swapped && last->traits == traits && raddr_equal(end, start)) {
			last->size = size_add(last->size, size);
			return true;
		}
	}
	struct residency_range *range = vec_push(&r->ranges);
	if (range)
		*range = (struct residency_range){start, size, swapped, (uint8_t)traits};
	return range;
}

/* Whether range i lies wholly below `at`. */
static bool is_below(const struct residency *r, size_t i, raddr at)
{
	const struct residency_range *range = &r->ranges.items[i];
	return at.value >= range->start.value && !raddr_in(at, range->start, range->size);
}

size_t residency_find(const struct residency *r, raddr at, size_t near)
{
	/* Askers walk upwards: the answer is nearly always where the last one was, or behind it. */
	for (size_t i = near; i < r->ranges.count && i < near + 4; i++)
		if (!is_below(r, i, at) && (i == 0 || is_below(r, i - 1, at)))
			return i;
	size_t low = 0, high = r->ranges.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (is_below(r, middle, at))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool residency_present_near(const struct residency *r, raddr at, uint64_t size, size_t *near)
{
	*near = residency_find(r, at, *near);
	if (*near == r->ranges.count)
		return false;
	const struct residency_range *range = &r->ranges.items[*near];
	return !range->swapped && raddr_in(at, range->start, range->size) &&
	       range->size - raddr_distance(range->start, at) >= size;
}

bool residency_present(const struct residency *r, raddr at, uint64_t size)
{
	size_t near = 0;
	return residency_present_near(r, at, size, &near);
}

static void tally_range(const struct residency_range *range, uint64_t size,
			struct residency_tally *to)
{
	if (range->swapped) {
		to->swapped += size;
		return;
	}
	to->present += size;
	to->file += range->traits & RESIDENCY_FILE ? size : 0;
	to->huge += range->traits & RESIDENCY_HUGE ? size : 0;
	to->shared += range->traits & RESIDENCY_SHARED ? size : 0;
}

void residency_tally(const struct residency *r, raddr start, uint64_t size, size_t *near,
		     struct residency_tally *to)
{
	raddr end = raddr_plus(start, size);
	*near = residency_find(r, start, *near);
	for (size_t i = *near; i < r->ranges.count; i++) {
		const struct residency_range *range = &r->ranges.items[i];
		if (range->start.value >= end.value)
			break;
		raddr from = range->start.value > start.value ? range->start : start;
		raddr until = raddr_plus(range->start, range->size);
		until = until.value < end.value ? until : end;
		tally_range(range, raddr_distance(from, until), to);
	}
}

void residency_tally_add(struct residency_tally *to, const struct residency_tally *one)
{
	to->present += one->present;
	to->swapped += one->swapped;
	to->file += one->file;
	to->huge += one->huge;
	to->shared += one->shared;
}

void residency_count(const struct residency *r, raddr start, uint64_t size, uint64_t *ret_present,
		     uint64_t *ret_swapped)
{
	struct residency_tally tally = {0};
	size_t near = 0;
	residency_tally(r, start, size, &near, &tally);
	*ret_present = tally.present;
	*ret_swapped = tally.swapped;
}

void residency_clear(struct residency *r)
{
	r->ranges.count = 0;
}

void residency_fini(struct residency *r)
{
	vec_fini(&r->ranges);
}
