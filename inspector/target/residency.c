/*
 * residency: an ascending list of ranges, neighbours of one sort merged, so that
 * a heap of a gigabyte is a few thousand ranges and any question a bisection.
 */
#include "inspector/target/residency.h"

bool residency_add(struct residency *r, raddr start, uint64_t size, bool swapped)
{
	if (size == 0)
		return true;
	if (r->ranges.count > 0) {
		struct residency_range *last = &r->ranges.items[r->ranges.count - 1];
		raddr end = raddr_plus(last->start, last->size);
		if (last->swapped == swapped && raddr_equal(end, start)) {
			last->size = size_add(last->size, size);
			return true;
		}
	}
	struct residency_range *range = vec_push(&r->ranges);
	if (range)
		*range = (struct residency_range){start, size, swapped};
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

void residency_count(const struct residency *r, raddr start, uint64_t size, uint64_t *ret_present,
		     uint64_t *ret_swapped)
{
	uint64_t sums[2] = {0, 0};
	raddr end = raddr_plus(start, size);
	for (size_t i = residency_find(r, start, 0); i < r->ranges.count; i++) {
		const struct residency_range *range = &r->ranges.items[i];
		if (range->start.value >= end.value)
			break;
		raddr from = range->start.value > start.value ? range->start : start;
		raddr to = raddr_plus(range->start, range->size);
		sums[range->swapped] += raddr_distance(from, to.value < end.value ? to : end);
	}
	*ret_present = sums[false];
	*ret_swapped = sums[true];
}

void residency_clear(struct residency *r)
{
	r->ranges.count = 0;
}

void residency_fini(struct residency *r)
{
	vec_fini(&r->ranges);
}
