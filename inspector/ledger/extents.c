/* extents: a list, and its order. */
#include "inspector/ledger/extents.h"

struct error *extents_add(struct extents *extents, raddr start, uint64_t size, enum leaf leaf,
			  const char *name)
{
	char *copy = name ? strdup(name) : NULL;
	struct extent *place = name && !copy ? NULL : vec_push(&extents->list);
	if (!place) {
		free(copy);
		return error_out_of_memory();
	}
	*place = (struct extent){start, size, leaf, copy};
	return NULL;
}

static int compare_extents(const void *a, const void *b)
{
	return raddr_compare(((const struct extent *)a)->start, ((const struct extent *)b)->start);
}

void extents_sort(struct extents *extents)
{
	size_t kept = 0, n = extents->list.count;
	raddr end = RADDR_NULL;
	if (n > 1)
		qsort(extents->list.items, n, sizeof(extents->list.items[0]), compare_extents);
	for (size_t i = 0; i < n; i++) {
		struct extent e = extents->list.items[i];
		uint64_t lost = raddr_distance(e.start, end);
		if (lost >= e.size) {
			free(e.name);
			continue;
		}
		e.start = raddr_plus(e.start, lost);
		e.size -= lost;
		end = raddr_plus(e.start, e.size);
		extents->list.items[kept++] = e;
	}
	extents->list.count = kept;
}

size_t extents_above(const struct extents *extents, raddr at, size_t near)
{
	while (near < extents->list.count) {
		const struct extent *e = &extents->list.items[near];
		if (raddr_plus(e->start, e->size).value > at.value)
			break;
		near++;
	}
	return near;
}

void extents_fini(struct extents *extents)
{
	for (size_t i = 0; i < extents->list.count; i++)
		free(extents->list.items[i].name);
	vec_fini(&extents->list);
}
