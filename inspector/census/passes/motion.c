/*
 * motion: a copy of a target that runs is of many moments.
 *
 *	time ──▷
 *	copied          [ buffer ]        [ owner ]
 *	owner    ────lives───────────dies ▒▒▒▒▒▒▒▒▒       dead in the copy, its buffer is not: still points to it
 *	copied          [ owner ]         [ buffer ]
 *	owner                      born────lives───       not in the copy at all
 *
 * The first kind is found by going through the dead. Of the second, keys are known by their own counts. The rest is
 * looked at again: what is not what it was is of the moment; what is the same is sought by its owner, who is there by
 * now. What nobody points to stays unexplained.
 */
#include "inspector/census/passes/motion.h"

#include "base/cleanup.h"
#include "inspector/census/passes/living.h"
#include "inspector/object/keys_in_block.h"

#define AGAIN_MAX    (64 * MIB) /* of memory for what is looked at again */
#define RUNS_AT_ONCE 32

static bool is_open(const struct ground *ground, const struct orphan *orphan)
{
	return orphans_is_open(&ground->plot, &ground->labels, orphan);
}

static size_t count_open(const struct search *search)
{
	size_t n = 0;
	for (size_t i = 0; i < search->orphans.size; i++)
		n += is_open(search->ground, &search->orphans.table[i]);
	return n;
}

/* ---- the dead ------------------------------------------------------------------------- */

static void ask_dead(struct worker *worker, const struct plot_run *run, uint32_t b)
{
	const struct search *search = worker->crew->context;
	uint64_t start = run->start + (uint64_t)b * run->block_size;
	struct object object;
	if (!object_in_block(worker->types, raddr_at(start), run->block_size, &object) ||
	    type_table_get(worker->types, object.type)->leaf)
		return;
	const uint8_t *bytes = burst_bytes(worker->burst, raddr_at(start), run->block_size);
	for (uint32_t k = 0; bytes && k + 8 <= run->block_size; k += 8) {
		uint64_t word;
		memcpy(&word, bytes + k, sizeof(word));
		struct orphan *orphan = orphans_at(&search->orphans, word);
		if (orphan && is_open(worker->ground, orphan))
			orphan_claim(orphan, run->first + b);
	}
}

static void ask_dead_of_runs(struct worker *worker, size_t portion)
{
	const struct ground *ground = worker->ground;
	size_t from = portion * RUNS_AT_ONCE, to = from + RUNS_AT_ONCE;
	for (size_t i = from; i < to && i < ground->plot.runs.count; i++) {
		const struct plot_run *run = &ground->plot.runs.items[i];
		for (uint32_t b = 0; b < run->n_blocks; b++) {
			uint16_t label = ground->labels.of_block[run->first + b];
			enum label_kind kind = worker_label(worker, label)->said.kind;
			if (kind == LABEL_FREE || kind == LABEL_FREE_LISTED)
				ask_dead(worker, run, b);
		}
	}
}

static bool ask_all_dead(struct crew *crew, struct search *search)
{
	static const struct crew_step step = {"asking the dead", 940, 960};
	size_t n = crew->ground->plot.runs.count;
	crew->context = search;
	if (!crew_share(crew, &step, n / RUNS_AT_ONCE + 1, ask_dead_of_runs))
		return false;
	bool settled = search_settle(search);
	crew->workers[0].failed |= !settled;
	return settled;
}

/* ---- keys ----------------------------------------------------------------------------- */

static uint32_t type_of_dicts(const struct ground *ground)
{
	for (uint32_t i = 0; i < ground->types.types.count; i++) {
		const struct type *type = type_table_get(&ground->types, i);
		if (type->kind == TYPE_DICT && type->exact)
			return i;
	}
	return TYPE_NONE;
}

static void know_keys(struct search *search)
{
	struct ground *ground = search->ground;
	const struct label label = {LABEL_BUFFER, PART_DICT_KEYS, type_of_dicts(ground), TYPE_NONE,
				    false};
	for (size_t i = 0; i < search->orphans.size; i++) {
		const struct orphan *orphan = &search->orphans.table[i];
		struct plot_place place;
		if (!is_open(ground, orphan))
			continue;
		plot_place(&ground->plot, orphan->block, &place);
		if (keys_in_block(&ground->types, raddr_at(place.start), place.size))
			ground->labels.of_block[orphan->block] =
				labels_number(&ground->labels, &label);
	}
}

/* ---- looking again -------------------------------------------------------------------- */

struct again {
	VEC(struct burst_range) list;
};

static void again_fini(struct again *again)
{
	vec_fini(&again->list);
}

static bool gather(const struct search *search, struct again *ret)
{
	for (size_t i = 0; i < search->orphans.size; i++) {
		const struct orphan *orphan = &search->orphans.table[i];
		struct plot_place place;
		if (!is_open(search->ground, orphan))
			continue;
		struct burst_range *range = vec_push(&ret->list);
		if (!range)
			return false;
		plot_place(&search->ground->plot, orphan->block, &place);
		*range = (struct burst_range){raddr_at(place.start), place.size};
	}
	return true;
}

/* *ret_same false: something else stands there now, or nothing that can be read. */
static bool is_same(const struct ground *ground, struct burst *now, const struct plot_place *place)
{
	const uint8_t *then =
		burst_bytes(ground->burst, raddr_at(place->start), (size_t)place->size);
	const uint8_t *bytes = burst_bytes(now, raddr_at(place->start), (size_t)place->size);
	return then && bytes && !memcmp(then, bytes, (size_t)place->size);
}

static void compare(struct search *search, struct burst *now)
{
	struct ground *ground = search->ground;
	const struct label label = {LABEL_BUFFER, PART_OTHER, TYPE_NONE, TYPE_NONE, false};
	for (size_t i = 0; i < search->orphans.size; i++) {
		const struct orphan *orphan = &search->orphans.table[i];
		struct plot_place place;
		if (!is_open(ground, orphan))
			continue;
		plot_place(&ground->plot, orphan->block, &place);
		if (is_same(ground, now, &place))
			continue;
		ground->labels.of_block[orphan->block] = labels_number(&ground->labels, &label);
		ground->n_moved++;
	}
}

/* A target that has ended meanwhile leaves them as they are: who asks for it finds out. */
static bool look_again(struct search *search)
{
	_cleanup_(again_fini) struct again again = {VEC_EMPTY};
	_cleanup_(burst_freep) struct burst *now = NULL;
	if (!gather(search, &again))
		return false;
	const struct burst_request request = {
		.space = search->ground->space,
		.wanted = again.list.items,
		.n_wanted = again.list.count,
		.max_memory = AGAIN_MAX,
	};
	struct error *err = burst_take(&request, &now);
	if (!err)
		compare(search, now);
	error_free(err);
	return true;
}

bool motion_settle(struct crew *crew, struct search *search)
{
	if (crew->ground->still || !count_open(search))
		return true;
	if (!ask_all_dead(crew, search))
		return false;
	know_keys(search);
	if (count_open(search) && !look_again(search))
		crew->workers[0].failed = true;
	if (count_open(search) && !living_claim(crew, search))
		crew->workers[0].failed = true;
	return !crew_failed(crew);
}
