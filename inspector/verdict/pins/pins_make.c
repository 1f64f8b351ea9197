/*
 * pins_make: blocks of sparse arenas are told to owners once; types, roots and the curve are sums over that.
 *
 *	plot ─▷ units ─▷ sparse ones ─▷ shares (unit, owner) ┬▷ by type
 *	                   │                                  ├▷ by root ─▷ the few that lead
 *	graph ─▷ owners ───┘                                  └▷ curve: fewest blocks first
 */
#include "inspector/verdict/pins/pins_make.h"

#include "base/cleanup.h"
#include "inspector/verdict/pins/pin_holders.h"
#include "inspector/verdict/pins/pin_returned.h"
#include "inspector/verdict/pins/pin_room.h"

#define SPARSE_BELOW 0.25
#define CURVE_POINTS 20

static void room_fini(struct pin_room *room)
{
	pin_tally_fini(&room->tally);
	pin_owners_fini(&room->owners);
	pin_units_fini(&room->units);
	free(room->owner_bytes);
	free(room->owner_objects);
	free(room->ranking);
}

static int compare_owners(const void *a, const void *b, void *context)
{
	const struct pin_room *room = context;
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
	uint64_t bytes = room->owner_bytes[one], than = room->owner_bytes[other];
	if (bytes != than)
		return bytes < than ? 1 : -1;
	return one < other ? -1 : one > other;
}

static struct error *rank_owners(struct pin_room *room)
{
	uint32_t n = pin_owners_count(&room->owners);
	room->owner_bytes = calloc((size_t)n + 1, sizeof(*room->owner_bytes));
	room->owner_objects = calloc((size_t)n + 1, sizeof(*room->owner_objects));
	room->ranking = calloc((size_t)n + 1, sizeof(*room->ranking));
	if (!room->owner_bytes || !room->owner_objects || !room->ranking)
		return error_out_of_memory();
	pin_tally_owners(&room->tally, room->owner_bytes, room->owner_objects);
	for (uint32_t i = 0; i < n; i++) {
		if (room->owner_bytes[i])
			room->ranking[room->n_ranking++] = i;
	}
	qsort_r(room->ranking, room->n_ranking, sizeof(*room->ranking), compare_owners, room);
	return NULL;
}

static void sum_up(const struct pin_units *units, struct pins *ret)
{
	ret->sparse_below = SPARSE_BELOW;
	ret->mimalloc = units->mimalloc;
	ret->arenas = units->list.count;
	for (size_t i = 0; i < units->list.count; i++) {
		const struct pin_unit *unit = &units->list.items[i];
		if (!unit->sparse)
			continue;
		ret->sparse_arenas++;
		ret->sparse_bytes = size_add(ret->sparse_bytes, unit->resident);
		ret->sparse_free =
			size_add(ret->sparse_free, size_subtract(unit->resident, unit->used_bytes));
		ret->sparse_blocks += unit->used_blocks;
		ret->sparse_used = size_add(ret->sparse_used, unit->used_bytes);
	}
}

static void sum_up_frozen(const struct pin_tally *tally, struct pins *ret)
{
	struct pin_group frozen = {0};
	pin_tally_frozen(tally, &frozen);
	ret->frozen_arenas = frozen.sole_units;
	ret->frozen_bytes = frozen.returned;
	ret->frozen_free = frozen.held;
}

/* ---- the curve ----------------------------------------------------------------------------------------- */

static int compare_units(const void *a, const void *b)
{
	const struct pin_unit *one = *(const struct pin_unit *const *)a;
	const struct pin_unit *other = *(const struct pin_unit *const *)b;
	if (one->used_blocks != other->used_blocks)
		return one->used_blocks < other->used_blocks ? -1 : 1;
	if (one->resident != other->resident)
		return one->resident > other->resident ? -1 : 1;
	return one->first_run < other->first_run ? -1 : one->first_run > other->first_run;
}

static struct error *draw_curve(const struct pin_units *units, struct pins *ret)
{
	_cleanup_(free_pointer) const struct pin_unit **cheap =
		calloc(units->list.count + 1, sizeof(*cheap));
	struct pin_step step = {0};
	size_t n = 0;
	if (!cheap)
		return error_out_of_memory();
	for (size_t i = 0; i < units->list.count; i++) {
		if (units->list.items[i].sparse)
			cheap[n++] = &units->list.items[i];
	}
	qsort(cheap, n, sizeof(*cheap), compare_units);
	for (size_t i = 0; i < n; i++) {
		step.blocks += cheap[i]->used_blocks;
		step.bytes = size_add(step.bytes, cheap[i]->used_bytes);
		step.returned = size_add(step.returned, cheap[i]->resident);
		size_t due = (ret->curve.count + 1) * n / CURVE_POINTS;
		if (i + 1 < n && i + 1 < size_max(due, 1))
			continue;
		struct pin_step *place = vec_push(&ret->curve);
		if (!place)
			return error_out_of_memory();
		*place = step;
	}
	return NULL;
}

/* ---- of every root ----------------------------------------------------------------------------------------------- */

static struct error *tell_returned(struct pin_room *room, struct holders *holders, struct pins *ret)
{
	const struct pins_request *r = room->request;
	_cleanup_(pin_returned_fini) struct pin_returned sums = {.returned = NULL};
	if (!r->graph)
		return NULL;
	struct error *err = pin_returned_sum(&room->owners, &room->units, r->residency, &sums);
	if (err)
		return err;
	ret->unreached_bytes = sums.bytes[room->owners.n_roots];
	ret->unreached_returned = sums.returned[room->owners.n_roots];
	return holders ? pin_holders_tell(&room->owners, &sums, holders) : NULL;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

struct error *pins_make(const struct pins_request *request, struct holders *holders,
			struct pins *ret)
{
	_cleanup_(room_fini) struct pin_room room = {.request = request};
	_cleanup_(pins_fini) struct pins pins = {.filled = true};
	const struct plot *plot = &request->ground->plot;
	struct error *err = pin_units_find(plot, request->ground->shapes.version_hex, SPARSE_BELOW,
					   &room.units);
	err = err ?: pin_owners_init(request->ground, request->graph, &room.owners);
	err = err ?: pin_tally_make(plot, &room.units, &room.owners, &room.tally);
	err = err ?: rank_owners(&room);
	if (err)
		return err;
	sum_up(&room.units, &pins);
	sum_up_frozen(&room.tally, &pins);
	err = pin_rows_types(&room, &pins);
	err = err ?: pin_rows_roots(&room, &pins);
	err = err ?: draw_curve(&room.units, &pins);
	err = err ?: pin_tops_tell(request, &pins);
	err = err ?: tell_returned(&room, holders, &pins);
	if (err)
		return err;
	*ret = pins;
	pins = (struct pins){.filled = false};
	return NULL;
}
