/*
 * pin_tally: one pass over the used blocks of sparse units, then all questions are asked of what it left.
 *
 *	unit 0   Session 12   str 3          shares, few for each unit
 *	unit 1   Session 9
 *	unit 2   Session 11                  by type: Session is alone in 1 and 2
 *
 * Marks say which unit an owner was last met in, so nothing is ever searched.
 */
#include "inspector/verdict/pins/pin_tally.h"

#include "base/cleanup.h"

#define UNIT_NONE UINT32_MAX

struct gathering {
	const struct pin_owners *owners;
	struct pin_tally *tally;
	uint32_t unit;
	uint32_t *last; /* by owner: the share it was last given */
	bool failed;
};

static bool add_block(void *context, uint32_t block, uint32_t size)
{
	struct gathering *g = context;
	bool object;
	uint32_t owner = pin_owner_of(g->owners, block, &object);
	uint32_t at = g->last[owner];
	if (at == UNIT_NONE || g->tally->shares.items[at].unit != g->unit) {
		struct pin_share *share = vec_push(&g->tally->shares);
		g->failed = !share || g->tally->shares.count >= UINT32_MAX;
		if (g->failed)
			return false;
		*share = (struct pin_share){.unit = g->unit, .owner = owner};
		at = g->last[owner] = (uint32_t)(g->tally->shares.count - 1);
	}
	struct pin_share *share = &g->tally->shares.items[at];
	share->objects += object;
	share->blocks++;
	share->bytes += size;
	return true;
}

static uint32_t *new_marks(uint32_t n)
{
	uint32_t *marks = calloc((size_t)n + 1, sizeof(*marks));
	for (uint32_t i = 0; marks && i < n; i++)
		marks[i] = UNIT_NONE;
	return marks;
}

struct error *pin_tally_make(const struct plot *plot, const struct pin_units *units,
			     const struct pin_owners *owners, struct pin_tally *ret)
{
	_cleanup_(pin_tally_fini) struct pin_tally tally = {.units = units};
	_cleanup_(free_pointer) uint32_t *last = new_marks(pin_owners_count(owners));
	struct gathering g = {.owners = owners, .tally = &tally, .last = last, .failed = !last};
	for (size_t i = 0; i < units->list.count && !g.failed; i++) {
		g.unit = (uint32_t)i;
		if (units->list.items[i].sparse)
			pin_unit_each(plot, &units->list.items[i], add_block, &g);
	}
	if (g.failed)
		return error_out_of_memory();
	*ret = tally;
	tally = (struct pin_tally){.units = NULL};
	return NULL;
}

void pin_tally_fini(struct pin_tally *tally)
{
	vec_fini(&tally->shares);
}

/* The shares of one unit, from i on: adds them to their groups. Returns where the next unit's begin. */
static size_t group_unit(const struct pin_tally *tally, size_t i, const uint32_t *keys,
			 const bool *gone, uint32_t *last, struct pin_group *groups)
{
	uint32_t unit = tally->shares.items[i].unit, only = UNIT_NONE;
	uint64_t several = 0;
	for (; i < tally->shares.count && tally->shares.items[i].unit == unit; i++) {
		const struct pin_share *share = &tally->shares.items[i];
		uint32_t key = keys[share->owner];
		struct pin_group *group = &groups[key];
		if (gone && gone[key])
			continue;
		group->objects += share->objects;
		group->blocks += share->blocks;
		group->bytes += share->bytes;
		if (last[key] != unit) {
			last[key] = unit;
			group->units++;
			several++;
			only = key;
		}
	}
	if (several == 1) {
		const struct pin_unit *of = &tally->units->list.items[unit];
		groups[only].sole_units++;
		groups[only].returned += of->resident;
		groups[only].held += size_subtract(of->resident, of->used_bytes);
	}
	return i;
}

struct error *pin_tally_group(const struct pin_tally *tally, const struct pin_owners *owners,
			      pin_key_fn *key, uint32_t n_keys, const bool *gone,
			      struct pin_group *groups)
{
	uint32_t n = pin_owners_count(owners);
	_cleanup_(free_pointer) uint32_t *last = new_marks(n_keys);
	_cleanup_(free_pointer) uint32_t *keys = calloc((size_t)n + 1, sizeof(*keys));
	if (!last || !keys)
		return error_out_of_memory();
	for (uint32_t i = 0; i < n; i++)
		keys[i] = key(owners, i);
	for (size_t i = 0; i < tally->shares.count;)
		i = group_unit(tally, i, keys, gone, last, groups);
	return NULL;
}

void pin_tally_owners(const struct pin_tally *tally, uint64_t *bytes, uint64_t *objects)
{
	for (size_t i = 0; i < tally->shares.count; i++) {
		const struct pin_share *share = &tally->shares.items[i];
		bytes[share->owner] += share->bytes;
		objects[share->owner] += share->objects;
	}
}
