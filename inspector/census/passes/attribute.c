/*
 * attribute: whose are the blocks of which nothing is known?
 *
 *	words of objects and buffers ─▷ orphans, words that point outside
 *	words that point outside     ─▷ objects there; their buffers, and what they point to
 *	words of all other memory    ─▷ what is still nobody's: roots do not say much
 *	the dead, and a second look  ─▷ what was in motion (motion.c)
 */
#include "inspector/census/passes/motion.h"
#include "inspector/census/passes/passes.h"

#include "base/cleanup.h"
#include "inspector/look/look.h"

/* ---- words of objects and buffers ----------------------------------------------------- */

static void look_into(struct worker *worker, const struct plot_place *place)
{
	uint16_t label = crew_read(worker->ground, place->block);
	const struct label *said = &worker_label(worker, label)->said;
	if (said->leaf || (said->kind != LABEL_OBJECT && said->kind != LABEL_BUFFER))
		return;
	search_through(worker, place->start, place->size, place->block);
}

/* ---- words of all other memory -------------------------------------------------------- */

#define STRETCH MIB /* of one portion */

struct stretch {
	uint64_t start, size;
};

struct roots {
	VEC(struct stretch) list;
	struct search *search;
};

static void roots_fini(struct roots *roots)
{
	vec_fini(&roots->list);
}

static bool add_stretches(struct roots *to, uint64_t start, uint64_t end)
{
	while (start < end) {
		struct stretch *stretch = vec_push(&to->list);
		if (!stretch)
			return false;
		*stretch = (struct stretch){start, size_min(STRETCH, end - start)};
		start += stretch->size;
	}
	return true;
}

/* What of a range no arena takes. */
static bool add_rest(struct roots *to, const struct plot *plot, uint64_t start, uint64_t end)
{
	bool room = true;
	for (size_t i = plot_arena_above(plot, start); i < plot->arenas.count && room; i++) {
		const struct plot_arena *arena = &plot->arenas.items[i];
		if (arena->start >= end)
			break;
		room = add_stretches(to, start, arena->start);
		start = size_max(start, arena->start + arena->size);
	}
	return room && add_stretches(to, start, end);
}

/* All that was to be copied, also where it then was not. */
static bool gather_roots(const struct ground *ground, struct roots *ret)
{
	for (size_t i = 0; i < ground->wanted.list.count; i++) {
		const struct burst_range *range = &ground->wanted.list.items[i];
		if (!add_rest(ret, &ground->plot, range->start.value,
			      raddr_plus(range->start, range->size).value))
			return false;
	}
	return true;
}

/* Chunks that only such memory points to are the C library's users', not Python's. */
static void look_at_words(void *context, uint64_t at, const uint8_t *bytes, size_t size)
{
	(void)at;
	const struct search *search = context;
	for (size_t k = 0; k + 8 <= size; k += 8) {
		uint64_t word;
		memcpy(&word, bytes + k, sizeof(word));
		struct orphan *orphan = orphans_at(&search->orphans, word);
		if (orphan && orphan->block < search->ground->plot.n_run_blocks)
			orphan_claim(orphan, SEARCH_ROOT);
	}
}

static void look_at_roots(struct worker *worker, size_t i)
{
	const struct roots *roots = worker->crew->context;
	const struct stretch *stretch = &roots->list.items[i];
	search_pieces(worker->burst, stretch->start, stretch->size, look_at_words, roots->search);
}

static void look_for_objects(struct worker *worker, size_t i)
{
	const struct roots *roots = worker->crew->context;
	const struct stretch *stretch = &roots->list.items[i];
	search_through(worker, stretch->start, stretch->size, SEARCH_ROOT);
}

/* Has portions of all memory that is no arena's looked at. */
static bool share_roots(struct crew *crew, struct search *search, const struct crew_step *step,
			void (*look)(struct worker *worker, size_t i))
{
	_cleanup_(roots_fini) struct roots roots = {.search = search};
	if (!gather_roots(crew->ground, &roots)) {
		crew->workers[0].failed = true;
		return false;
	}
	crew->context = &roots;
	return crew_share(crew, step, roots.list.count, look);
}

static bool attribute_to_roots(struct crew *crew, struct search *search)
{
	static const struct crew_step step = {"looking at all other memory", 900, 940};
	return share_roots(crew, search, &step, look_at_roots);
}

/* Whether chunks are plotted. */
static bool is_walked(const struct crew *crew)
{
	return !crew->request || malloc_look_walks(crew->request->look->malloc);
}

/* Words of blocks; and where large objects, their buffers or all lie in memory of an allocator that is not walked, any
 * word may lead to one. */
static bool seek(struct crew *crew, struct search *search)
{
	static const struct crew_step blocks = {"finding who owns the rest", 780, 860};
	static const struct crew_step others = {"finding objects elsewhere", 860, 900};
	return crew_sweep(crew, &blocks, look_into) &&
	       (is_walked(crew) || share_roots(crew, search, &others, look_for_objects));
}

/* ---- all ------------------------------------------------------------------------------ */

static bool settle(struct crew *crew, struct search *search)
{
	bool settled = search_settle(search);
	crew->workers[0].failed |= !settled;
	return settled;
}

bool pass_attribute(struct crew *crew)
{
	_cleanup_(search_fini) struct search search = {0};
	struct error *err = search_init(&search, crew);
	if (err) {
		error_free(err);
		crew->workers[0].failed = true;
		return false;
	}
	bool whole = seek(crew, &search) && settle(crew, &search) &&
		     attribute_to_roots(crew, &search) && settle(crew, &search) &&
		     motion_settle(crew, &search);
	search_end(&search);
	return whole;
}
