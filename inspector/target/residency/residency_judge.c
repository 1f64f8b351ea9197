/*
 * residency_judge: one sum decides about a mapping.
 *
 *	pagemap   ■■■■ ??? ■■ ??      ■ ours or a file's    ? present, and not ours alone
 *	smaps     Rss: 9 pages        of 5 unsure ones 3 are shared; the others are zeros
 *
 * Nearly always it is all or none. Where it is some, which ones cannot be told: the first are taken,
 * so that the sum is true.
 */
#include "inspector/target/residency/residency_judge.h"

static bool is_unsure(const struct residency_range *r)
{
	return !r->swapped && (r->traits & RESIDENCY_UNSURE);
}

void residency_judge(struct residency *residency, raddr start, uint64_t size, uint64_t rss,
		     size_t *near)
{
	uint64_t sure = 0;
	size_t n = residency->ranges.count, i = *near;
	while (i < n && residency->ranges.items[i].start.value < start.value)
		i++;
	size_t end = i;
	for (; end < n && raddr_in(residency->ranges.items[end].start, start, size); end++) {
		const struct residency_range *r = &residency->ranges.items[end];
		sure += r->swapped || is_unsure(r) ? 0 : r->size;
	}
	*near = end;
	uint64_t shared = size_subtract(rss, sure);
	for (; i < end; i++) {
		struct residency_range *r = &residency->ranges.items[i];
		if (!is_unsure(r))
			continue;
		r->size = size_min(r->size, shared);
		r->traits = (uint8_t)(r->traits & ~RESIDENCY_UNSURE);
		shared -= r->size;
	}
}

uint64_t residency_unsure(const struct residency *residency)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < residency->ranges.count; i++)
		if (is_unsure(&residency->ranges.items[i]))
			sum += residency->ranges.items[i].size;
	return sum;
}
