/* change: both lists of arenas ascend, so one walk along both pairs them. */
#include "ui/tui/change.h"

static bool pool_equal(const struct occupancy_pool *a, const struct occupancy_pool *b)
{
	return a->state == b->state && a->block_size == b->block_size && a->n_used == b->n_used;
}

/* A page of mimalloc may begin where none did: it is looked for by its address. */
static void pools_compare(struct change *change, const struct occupancy_arena *old,
			  const struct occupancy_arena *new)
{
	struct occupancy_pool was, is;
	for (size_t i = 0; i < new->n_pieces; i++) {
		bool has = occupancy_pool_at(new, i, &is);
		bool had = occupancy_pool_at(old, has ? occupancy_pool_find(old, is.address) : i,
					     &was);
		if (!has && !had)
			continue;
		change->pools_compared++;
		if (has != had || !pool_equal(&was, &is))
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
		int order = raddr_compare(a->address, b->address);
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
