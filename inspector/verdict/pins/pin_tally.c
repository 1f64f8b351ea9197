/*
 * pin_tally: one pass over the used blocks of sparse units, then all questions are asked of what it left.
 *
 *	unit 0   Session 12   str 3          shares, few for each unit
 *	unit 1   Session 9
 *	unit 2   Session 11                  by type: Session is alone in 1 and 2
 *
 * What gc.collect() frees, where it lies among what lives, is counted with its owner and keeps nothing.
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
	bool dead = pin_owner_is_garbage(g->owners, block) ||
		    pin_dead_is_listed(&g->owners->dead, block);
	share->dead += dead;
	share->frozen += !dead && pin_owner_is_frozen(g->owners, block);
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

/* The shares of one unit. */
struct span {
	size_t first, end;  /* in shares */
	bool lives, dead;   /* whether anything does; whether anything is */
	bool frozen, known; /* whether anything that lives is; is not */
};

static struct span span_from(const struct pin_tally *tally, size_t first)
{
	uint32_t unit = tally->shares.items[first].unit;
	struct span span = {.first = first, .end = first};
	for (; span.end < tally->shares.count; span.end++) {
		const struct pin_share *share = &tally->shares.items[span.end];
		if (share->unit != unit)
			break;
		span.lives |= share->dead < share->blocks;
		span.dead |= share->dead > 0;
		span.frozen |= share->frozen > 0;
		span.known |= share->dead + share->frozen < share->blocks;
	}
	return span;
}

struct grouping {
	const struct pin_tally *tally;
	const uint32_t *keys; /* by owner */
	const bool *gone;     /* by key; NULL */
	uint32_t *last;       /* by key: the unit that it was last met in */
	struct pin_group *groups;
};

static void add_sole(const struct pin_tally *tally, const struct span *span, struct pin_group *to)
{
	const struct pin_units *units = tally->units;
	const struct pin_unit *unit = &units->list.items[tally->shares.items[span->first].unit];
	to->sole_units++;
	to->collected += span->dead;
	to->returned += unit->resident;
	to->held += size_subtract(unit->resident, unit->used_bytes);
	to->kept = pin_units_kept(units, unit, to->kept);
}

/* Adds the shares of one unit to their groups. Who is gone lived there all the same: what is dead beside him keeps nothing. */
static void group_unit(const struct grouping *g, const struct span *span)
{
	uint64_t several = 0;
	struct pin_group *only = NULL;
	for (size_t i = span->first; i < span->end; i++) {
		const struct pin_share *share = &g->tally->shares.items[i];
		uint32_t key = g->keys[share->owner];
		struct pin_group *group = &g->groups[key];
		if (g->gone && g->gone[key])
			continue;
		group->objects += share->objects;
		group->blocks += share->blocks;
		group->bytes += share->bytes;
		bool keeps = !span->lives || share->dead < share->blocks;
		if (!keeps || g->last[key] == share->unit)
			continue;
		g->last[key] = share->unit;
		group->units++;
		several++;
		only = group;
	}
	if (several == 1)
		add_sole(g->tally, span, only);
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
	const struct grouping grouping = {tally, keys, gone, last, groups};
	for (size_t i = 0; i < tally->shares.count;) {
		struct span span = span_from(tally, i);
		group_unit(&grouping, &span);
		i = span.end;
	}
	return NULL;
}

void pin_tally_frozen(const struct pin_tally *tally, struct pin_group *ret)
{
	for (size_t i = 0; i < tally->shares.count;) {
		struct span span = span_from(tally, i);
		if (span.frozen && !span.known)
			add_sole(tally, &span, ret);
		i = span.end;
	}
}

void pin_tally_owners(const struct pin_tally *tally, uint64_t *bytes, uint64_t *objects)
{
	for (size_t i = 0; i < tally->shares.count; i++) {
		const struct pin_share *share = &tally->shares.items[i];
		bytes[share->owner] += share->bytes;
		objects[share->owner] += share->objects;
	}
}
