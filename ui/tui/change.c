/* change: both lists of arenas ascend, so one walk along both pairs them. */
#include "ui/tui/change.h"

static const struct pymalloc_pool *pool_at(const struct occupancy_arena *one, uint32_t i)
{
	size_t at = (size_t)one->arena->pools_at + i;
	return at < one->heap->pools.count ? &one->heap->pools.items[at] : NULL;
}

static bool pool_equal(const struct pymalloc_pool *a, const struct pymalloc_pool *b)
{
	if (!a || !b)
		return a == b;
	return a->state == b->state && a->class == b->class && a->used == b->used;
}

static void pools_compare(struct change *change, const struct occupancy_arena *old,
			  const struct occupancy_arena *new)
{
	uint32_t n = new->arena->n_pools;
	for (uint32_t i = 0; i < n && i < old->arena->n_pools; i++) {
		change->pools_compared++;
		if (!pool_equal(pool_at(old, i), pool_at(new, i)))
			change->pools_changed++;
	}
}

struct change change_between(const struct picture *before, const struct picture *now)
{
	const struct occupancy *old = &before->occupancy, *new = &now->occupancy;
	struct change change = {0};
	size_t i = 0, k = 0;
	while (i < old->arenas.count && k < new->arenas.count) {
		const struct occupancy_arena *a = &old->arenas.items[i], *b = &new->arenas.items[k];
		int order = raddr_compare(a->arena->address, b->arena->address);
		if (!order)
			pools_compare(&change, a, b);
		change.arenas_gone += order < 0;
		change.arenas_new += order > 0;
		i += order <= 0;
		k += order >= 0;
	}
	change.arenas_gone += old->arenas.count - i;
	change.arenas_new += new->arenas.count - k;
	return change;
}
