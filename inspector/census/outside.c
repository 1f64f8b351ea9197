/*
 * outside: a sorted list.
 */
#include "inspector/census/outside.h"

/* The first object that starts above an address. */
static size_t above(const struct outside *outside, uint64_t at)
{
	size_t low = 0, high = outside->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (outside->list.items[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t outside_find(const struct outside *outside, uint64_t at)
{
	size_t i = above(outside, at);
	return i && outside->list.items[i - 1].at == at ? i - 1 : SIZE_MAX;
}

size_t outside_around(const struct outside *outside, uint64_t address)
{
	size_t i = above(outside, address);
	if (!i)
		return SIZE_MAX;
	const struct outside_object *object = &outside->list.items[i - 1];
	return address - object->at < object->size ? i - 1 : SIZE_MAX;
}

void outside_fini(struct outside *outside)
{
	vec_fini(&outside->list);
	*outside = (struct outside){0};
}
