/*
 * pymalloc: small questions about facts that are already there.
 */
#include "inspector/heap/pymalloc.h"

void pymalloc_fini(struct pymalloc *p)
{
	vec_fini(&p->arenas);
	vec_fini(&p->pools);
}

double pymalloc_arena_occupancy(const struct pymalloc *p, const struct pymalloc_arena *a)
{
	uint64_t space = a->n_pools * size_subtract(p->pool_size, p->pool_overhead);
	if (space == 0)
		return 0;
	double share = (double)a->used_bytes / (double)space;
	return share < 1 ? share : 1;
}

const struct pymalloc_arena *pymalloc_find_arena(const struct pymalloc *p, raddr address)
{
	size_t low = 0, high = p->arenas.count; /* the last that starts at or below it */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (raddr_compare(p->arenas.items[middle].address, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	const struct pymalloc_arena *a = &p->arenas.items[low - 1];
	return raddr_in(address, a->address, p->arena_size) ? a : NULL;
}

void pymalloc_blocks_fini(struct pymalloc_blocks *b)
{
	free(b->states);
	b->states = NULL;
}
