/*
 * pin_units: pymalloc gives back arenas, mimalloc pages: the runs of an arena follow each other, and a page is a run.
 *
 *	plot.runs   [pool][pool][pool][pool]│[pool][pool]│[page]│[page]
 *	units       └──── arena ───────────┘ └─ arena ──┘ └────┘ └────┘
 */
#include "inspector/verdict/pins/pin_units.h"

#include "base/cleanup.h"

#define VERSION_3_9 0x03090000u

static uint64_t run_size(const struct plot_run *run)
{
	return size_multiply(run->block_size, run->n_blocks);
}

/* Blocks that a run really has numbers for. */
static uint32_t run_blocks(const struct plot *plot, const struct plot_run *run)
{
	return (uint32_t)size_min(run->n_blocks, size_subtract(plot->n_run_blocks, run->first));
}

static uint64_t count_used(const struct plot *plot, uint32_t first, uint32_t n)
{
	uint64_t used = 0, at = first, end = (uint64_t)first + n;
	while (at < end) {
		uint64_t word = plot->used[at / 64] >> (at % 64);
		uint64_t here = size_min(64 - at % 64, end - at);
		if (here < 64)
			word &= (UINT64_C(1) << here) - 1;
		used += (uint64_t)__builtin_popcountll(word);
		at += here;
	}
	return used;
}

static bool is_page(const struct plot *plot, const struct plot_run *run)
{
	return run->arena >= plot->arenas.count ||
	       plot->arenas.items[run->arena].source != PLOT_PYMALLOC;
}

static void add_run(const struct plot *plot, const struct plot_run *run, struct pin_unit *to)
{
	uint64_t used = count_used(plot, run->first, run_blocks(plot, run));
	to->n_runs++;
	to->used_blocks += used;
	to->used_bytes = size_add(to->used_bytes, size_multiply(used, run->block_size));
}

/* A page's share of what its segment has in RAM: of pages alone that is not known. */
static uint64_t page_resident(const struct plot *plot, const struct plot_run *run, uint64_t all)
{
	uint64_t size = run_size(run);
	if (run->arena >= plot->arenas.count || !all)
		return size;
	uint64_t resident = plot->arenas.items[run->arena].resident;
	return resident >= all ? size : (uint64_t)((unsigned __int128)size * resident / all);
}

/* Bytes of all runs of one arena, from one of them on. */
static uint64_t arena_runs_size(const struct plot *plot, size_t from)
{
	uint64_t all = 0;
	for (size_t i = from;
	     i < plot->runs.count && plot->runs.items[i].arena == plot->runs.items[from].arena; i++)
		all = size_add(all, run_size(&plot->runs.items[i]));
	return all;
}

static struct error *add_unit(struct pin_units *to, struct pin_unit unit, double sparse_below)
{
	if (!unit.used_blocks)
		return NULL;
	struct pin_unit *place = vec_push(&to->list);
	if (!place)
		return error_out_of_memory();
	unit.sparse = (double)unit.used_bytes < sparse_below * (double)unit.size;
	*place = unit;
	return NULL;
}

/* insert_to_freepool(), Objects/obmalloc.c, since 3.9 (bpo-37257): the last of its arenas stays. */
static bool keeps_one(const struct plot *plot, uint32_t version_hex, const struct pin_units *units)
{
	bool keeps = version_hex >= VERSION_3_9 && !units->mimalloc;
	for (size_t i = 0; i < plot->arenas.count && keeps; i++) {
		const struct plot_arena *arena = &plot->arenas.items[i];
		keeps = arena->source != PLOT_PYMALLOC || arena->used_blocks;
	}
	return keeps;
}

struct error *pin_units_find(const struct plot *plot, uint32_t version_hex, double sparse_below,
			     struct pin_units *ret)
{
	_cleanup_(pin_units_fini) struct pin_units units = {VEC_EMPTY, false, false};
	uint64_t pages = 0, all = 0;
	for (size_t i = 0; i < plot->runs.count;) {
		const struct plot_run *run = &plot->runs.items[i];
		struct pin_unit unit = {.first_run = (uint32_t)i};
		bool begins = !i || run->arena != plot->runs.items[i - 1].arena;
		if (is_page(plot, run)) {
			all = begins ? arena_runs_size(plot, i) : all;
			add_run(plot, run, &unit);
			unit.size = run_size(run);
			unit.resident = page_resident(plot, run, all);
			pages++;
		} else {
			const struct plot_arena *arena = &plot->arenas.items[run->arena];
			for (size_t k = i;
			     k < plot->runs.count && plot->runs.items[k].arena == run->arena; k++)
				add_run(plot, &plot->runs.items[k], &unit);
			unit.size = arena->size;
			unit.resident = size_min(arena->resident, arena->size);
		}
		i += unit.n_runs;
		struct error *err = add_unit(&units, unit, sparse_below);
		if (err)
			return err;
	}
	units.mimalloc = pages > units.list.count / 2;
	units.keeps_one = keeps_one(plot, version_hex, &units);
	*ret = units;
	units = (struct pin_units){VEC_EMPTY, false, false};
	return NULL;
}

void pin_units_fini(struct pin_units *units)
{
	vec_fini(&units->list);
}

static bool each_of_run(const struct plot *plot, const struct plot_run *run,
			bool (*tell)(void *context, uint32_t block, uint32_t size), void *context)
{
	uint64_t end = (uint64_t)run->first + run_blocks(plot, run);
	for (uint64_t at = run->first; at < end;) {
		uint64_t word = plot->used[at / 64] >> (at % 64);
		if (!word) { /* nothing more in this word */
			at += 64 - at % 64;
			continue;
		}
		at += (uint64_t)__builtin_ctzll(word);
		if (at >= end)
			break;
		if (!tell(context, (uint32_t)at, run->block_size))
			return false;
		at++;
	}
	return true;
}

void pin_unit_each(const struct plot *plot, const struct pin_unit *unit,
		   bool (*tell)(void *context, uint32_t block, uint32_t size), void *context)
{
	for (uint32_t i = 0; i < unit->n_runs; i++) {
		if (!each_of_run(plot, &plot->runs.items[unit->first_run + i], tell, context))
			return;
	}
}
