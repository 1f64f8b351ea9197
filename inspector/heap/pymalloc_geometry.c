/*
 * pymalloc_geometry: candidates are few (five pool sizes, two alignments), so each
 * piece of evidence votes for those it fits, and lies are outvoted.
 *
 * One header decides alone: two pairs could both fit it only with
 * (szidx + 1) * 8 a multiple of 4096, and szidx ends at 63.
 */
#include "inspector/heap/pymalloc_geometry.h"

#include <string.h>

static const uint64_t pool_sizes[] = {4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB};
static const uint64_t alignments[] = {16, 8};

#define N_POOL_SIZES  ARRAY_SIZE(pool_sizes)
#define N_ALIGNMENTS  ARRAY_SIZE(alignments)
#define ARENAS_ASKED  256        /* arena objects that vote */
#define HEADERS_ASKED 16         /* pool headers read through arenas */
#define ARENA_MAX     (64 * MIB) /* larger is believed of no build */

struct votes {
	unsigned headers[N_POOL_SIZES][N_ALIGNMENTS];
	unsigned arenas[N_POOL_SIZES];
};

static bool arena_votes(const struct pymalloc_arena_object *a, uint64_t pool_size)
{
	raddr first = raddr_align_up(a->address, pool_size);
	uint64_t whole =
		raddr_equal(first, a->address) ? a->ntotalpools : (uint64_t)a->ntotalpools + 1;
	uint64_t carved = raddr_distance(first, a->pool_address) / pool_size;
	if (a->nfreepools > a->ntotalpools || raddr_compare(a->pool_address, first) < 0 ||
	    a->pool_address.value % pool_size != 0 || carved > a->ntotalpools)
		return false;
	uint64_t in_use = a->ntotalpools - a->nfreepools;
	bool adds_up = raddr_is_null(a->freepools) ? carved == in_use : carved > in_use;
	return adds_up && size_is_power_of_two(whole);
}

static void ask_arenas(const struct pymalloc_shape *shape, const uint8_t *table, uint32_t n_table,
		       struct votes *votes)
{
	unsigned asked = 0;
	for (uint32_t i = 0; i < n_table && asked < ARENAS_ASKED; i++) {
		struct pymalloc_arena_object a =
			pymalloc_shape_arena(shape, table + i * shape->arena_size);
		if (raddr_is_null(a.address))
			continue;
		asked++;
		for (size_t p = 0; p < N_POOL_SIZES; p++)
			votes->arenas[p] += arena_votes(&a, pool_sizes[p]);
	}
}

/* `at`: where a header of a pool in use should be. */
static struct error *ask_header(struct space *space, const struct pymalloc_shape *shape, raddr at,
				struct votes *votes)
{
	uint8_t bytes[PYMALLOC_STRUCT_MAX];
	struct error *err = space_read(space, at, bytes, shape->header_size);
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	struct pymalloc_header h = pymalloc_shape_header(shape, bytes);
	if (h.count == 0 || h.szidx >= PYMALLOC_CLASSES_MAX)
		return NULL;
	for (size_t p = 0; p < N_POOL_SIZES; p++) {
		for (size_t a = 0; a < N_ALIGNMENTS; a++) {
			uint64_t block = (h.szidx + 1) * alignments[a];
			if (at.value % pool_sizes[p] == 0 &&
			    h.maxnextoffset == pool_sizes[p] - block)
				votes->headers[p][a]++;
		}
	}
	return NULL;
}

/* The first pool of each list of partially used pools. */
static struct error *ask_used_pools(struct space *space, const struct pymalloc_shape *shape,
				    const struct pymalloc_words *words, struct votes *votes)
{
	for (uint32_t i = 0; words->got_used && i + 1 < words->n_used; i += 2) {
		if (words->used[i] % pool_sizes[0] != 0 || words->used[i] == 0)
			continue; /* an empty list: its head points at itself */
		struct error *err = ask_header(space, shape, raddr_at(words->used[i]), votes);
		if (err)
			return err;
	}
	return NULL;
}

/* The first pools of some arenas, for a heap in which every pool is full. */
static struct error *ask_first_pools(struct space *space, const struct pymalloc_shape *shape,
				     const uint8_t *table, uint32_t n_table, uint64_t pool_size,
				     struct votes *votes)
{
	unsigned asked = 0;
	for (uint32_t i = 0; i < n_table && asked < HEADERS_ASKED; i++) {
		struct pymalloc_arena_object a =
			pymalloc_shape_arena(shape, table + i * shape->arena_size);
		raddr first = raddr_align_up(a.address, pool_size);
		if (raddr_is_null(a.address) || raddr_compare(a.pool_address, first) <= 0)
			continue;
		asked++;
		struct error *err = ask_header(space, shape, first, votes);
		if (err)
			return err;
	}
	return NULL;
}

/* The pair with most votes of headers, arenas deciding between equals; false: none has any. */
static bool elect(const struct votes *votes, struct pymalloc_geometry *g)
{
	uint64_t best = 0;
	for (size_t p = 0; p < N_POOL_SIZES; p++) {
		for (size_t a = 0; a < N_ALIGNMENTS; a++) {
			uint64_t score = votes->headers[p][a] * UINT64_C(1000) + votes->arenas[p];
			if (votes->headers[p][a] == 0 || score <= best)
				continue;
			best = score;
			g->pool_size = pool_sizes[p];
			g->alignment = alignments[a];
		}
	}
	return best > 0;
}

/* What the arenas fit best; where they say nothing, what the neighbouring facts suggest: pools
 * grew to 16 KiB together with the radix tree (3.10), and 512 bytes are spread over all classes. */
static void assume(const struct votes *votes, const struct pymalloc_words *words,
		   struct pymalloc_geometry *g)
{
	unsigned best = 0;
	g->pool_size = words->got[WORD_MAP_MIDS] ? 16 * KIB : 4 * KIB;
	for (size_t p = 0; p < N_POOL_SIZES; p++) {
		if (votes->arenas[p] > best) {
			best = votes->arenas[p];
			g->pool_size = pool_sizes[p];
		}
	}
	g->alignment = words->n_used == 2 * 64 ? 8 : 16;
	g->assumed = true;
}

/* The size that most arenas have (a majority vote in one pass: Boyer and Moore). */
static uint64_t arena_size_by_majority(const struct pymalloc_shape *shape, const uint8_t *table,
				       uint32_t n_table, uint64_t pool_size)
{
	uint64_t leader = 0, lead = 0;
	for (uint32_t i = 0; i < n_table; i++) {
		struct pymalloc_arena_object a =
			pymalloc_shape_arena(shape, table + i * shape->arena_size);
		uint64_t pools = a.ntotalpools + (a.address.value % pool_size != 0 ? 1u : 0u);
		if (raddr_is_null(a.address) || pools == 0 || pools * pool_size > ARENA_MAX)
			continue;
		if (lead == 0)
			leader = pools * pool_size;
		lead = leader == pools * pool_size ? lead + 1 : lead - 1;
	}
	return leader;
}

static bool any_arena(const struct pymalloc_shape *shape, const uint8_t *table, uint32_t n_table)
{
	for (uint32_t i = 0; i < n_table; i++) {
		if (!raddr_is_null(
			    pymalloc_shape_arena(shape, table + i * shape->arena_size).address))
			return true;
	}
	return false;
}

struct error *pymalloc_geometry_derive(struct space *space, const struct pymalloc_shape *shape,
				       const struct pymalloc_words *words, const uint8_t *table,
				       uint32_t n_table, struct pymalloc_geometry *ret)
{
	struct pymalloc_geometry g = {.n_classes = words->n_used / 2};
	struct votes votes = {0};
	if (!any_arena(shape, table, n_table) || g.n_classes == 0)
		return NULL;
	ask_arenas(shape, table, n_table, &votes);
	struct error *err = ask_used_pools(space, shape, words, &votes);
	if (err)
		return err;
	if (!elect(&votes, &g)) {
		assume(&votes, words, &g);
		err = ask_first_pools(space, shape, table, n_table, g.pool_size, &votes);
		if (err)
			return err;
		g.assumed = !elect(&votes, &g);
	}
	g.arena_size = arena_size_by_majority(shape, table, n_table, g.pool_size);
	if (!size_is_power_of_two(g.arena_size) && words->n_nfp2lasta > 1)
		g.arena_size = (words->n_nfp2lasta - 1) * g.pool_size;
	g.pools_per_arena = (uint32_t)(g.arena_size / g.pool_size);
	g.overhead = (uint32_t)size_align_up(shape->header_size, g.alignment);
	g.known = g.pools_per_arena > 0;
	*ret = g;
	return NULL;
}

bool pymalloc_geometry_fits(const struct pymalloc_geometry *g,
			    const struct pymalloc_arena_object *arena, uint32_t *ret_carved)
{
	raddr first = pymalloc_geometry_first_pool(g, arena->address);
	bool aligned = raddr_equal(first, arena->address);
	uint32_t pools = aligned ? g->pools_per_arena : g->pools_per_arena - 1;
	uint64_t carved = raddr_distance(first, arena->pool_address) / g->pool_size;
	if (arena->ntotalpools != pools || arena->nfreepools > pools ||
	    raddr_compare(arena->pool_address, first) < 0 ||
	    arena->pool_address.value % g->pool_size != 0 || carved > pools ||
	    raddr_plus(arena->address, g->arena_size).value == UINT64_MAX)
		return false;
	*ret_carved = (uint32_t)carved;
	return true;
}
