/* walk: what the world builder wrote is what the walker says, for every model. */
#include "world.h"

#include "inspector/heap/pymalloc_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Three arenas: one full of everything, one misaligned (where pools are larger than pages) and
 * half virgin, one with a single pool. */
static void build(struct world_heap *h)
{
	const struct world *w = h->world;
	uint32_t last = (uint32_t)(512 / w->model->alignment) - 1;
	uint32_t a = world_arena(h, 0);
	for (uint32_t i = 0; i < h->arenas[a].n_total; i++) {
		uint32_t class = i % (last + 1), all = world_capacity(w, class);
		if (i % 5 == 0)
			world_pool(h, a, class, all, 0);
		else if (i % 5 == 1)
			world_pool(h, a, class, 0, all > 3 ? 3 : all);
		else
			world_pool(h, a, class, 1 + i % 3, i % 4);
	}
	uint32_t b = world_arena(h, w->model->pool_size > 4096 ? 4096 : 0);
	for (uint32_t i = 0; i < h->arenas[b].n_total / 2; i++)
		world_pool(h, b, i % 7, 2, 1);
	world_pool(h, world_arena(h, 0), last, 3, 3);
}

struct sums {
	uint64_t pools, used, free, allocated, available;
};

/* The same figures by the book, not by the walker's way. */
static struct sums expect_class(const struct world_heap *h, uint32_t class)
{
	struct sums s = {0};
	uint64_t size = (class + 1) * h->world->model->alignment;
	uint32_t capacity = world_capacity(h->world, class);
	for (uint32_t a = 0; a < h->n_arenas; a++) {
		for (uint32_t i = 0; i < h->arenas[a].n_carved; i++) {
			const struct world_pool *p = &h->arenas[a].pools[i];
			if (p->empty || p->class != class)
				continue;
			s.pools++;
			s.used += p->used;
			s.free += capacity - p->used;
		}
	}
	s.allocated = s.used * size;
	s.available = s.free * size;
	return s;
}

static void assert_classes(const struct world_heap *h, const struct pymalloc *p)
{
	uint64_t allocated = 0, available = 0, used = 0;
	for (uint32_t c = 0; c < p->n_classes; c++) {
		struct sums s = expect_class(h, c);
		assert_int_equal(p->classes[c].size, (c + 1) * h->world->model->alignment);
		assert_int_equal(p->classes[c].pools, s.pools);
		assert_int_equal(p->classes[c].used_blocks, s.used);
		assert_int_equal(p->classes[c].free_blocks, s.free);
		allocated += s.allocated;
		available += s.available;
		used += s.used;
	}
	assert_int_equal(p->allocated_bytes, allocated);
	assert_int_equal(p->available_bytes, available);
	assert_int_equal(p->used_blocks, used);
}

static enum pool_state expect_state(const struct world_heap *h, uint32_t arena, uint32_t pool)
{
	const struct world_pool *p = &h->arenas[arena].pools[pool];
	if (pool >= h->arenas[arena].n_carved)
		return POOL_VIRGIN;
	if (p->empty)
		return POOL_EMPTY;
	return p->used == world_capacity(h->world, p->class) ? POOL_FULL : POOL_PARTIAL;
}

static void assert_arenas(const struct world_heap *h, const struct pymalloc *p)
{
	uint64_t unused = 0;
	assert_int_equal(p->arenas.count, h->n_arenas);
	for (uint32_t a = 0; a < h->n_arenas; a++) {
		const struct pymalloc_arena *arena = &p->arenas.items[a];
		assert_int_equal(arena->address.value, h->arenas[a].address.value);
		assert_int_equal(arena->first_pool.value, world_pool_at(h, a, 0).value);
		assert_int_equal(arena->index, a);
		assert_int_equal(arena->n_pools, h->arenas[a].n_total);
		assert_int_equal(arena->n_carved, h->arenas[a].n_carved);
		assert_int_equal(arena->n_free, world_free_pools(h, a));
		assert_int_equal(arena->resident, p->arena_size);
		assert_true(arena->settled);
		for (uint32_t i = 0; i < arena->n_pools; i++) {
			const struct pymalloc_pool *pool = &p->pools.items[arena->pools_at + i];
			assert_int_equal(pool->state, expect_state(h, a, i));
			if (pool->state != POOL_PARTIAL && pool->state != POOL_FULL)
				continue;
			assert_int_equal(pool->used, h->arenas[a].pools[i].used);
			assert_int_equal(pool->class, h->arenas[a].pools[i].class);
		}
		unused += world_free_pools(h, a);
	}
	assert_int_equal(p->unused_pools, unused);
}

static void assert_heap(const struct world_heap *h, const struct pymalloc *p)
{
	const struct world_model *m = h->world->model;
	assert_true(p->used);
	assert_int_equal(p->alignment, m->alignment);
	assert_int_equal(p->pool_size, m->pool_size);
	assert_int_equal(p->arena_size, m->arena_size);
	assert_int_equal(p->threshold, 512);
	assert_int_equal(p->n_classes, 512 / m->alignment);
	assert_int_equal(p->total_bytes, h->n_arenas * m->arena_size);
	assert_int_equal(p->arena_alignment_bytes, m->pool_size > 4096 ? m->pool_size : 0);
	assert_int_equal(p->arenas_current.value, h->n_arenas);
	assert_int_equal(p->arenas_allocated_total.known, !m->no_count);
	assert_int_equal(p->arenas_allocated_total.absent, m->no_count);
	assert_int_equal(p->has_arena_map, m->has_map);
	assert_classes(h, p);
	assert_arenas(h, p);
}

static void the_walk_says_what_was_built(void **state)
{
	(void)state;
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = world_new(&world_models[i]);
		struct pymalloc p;
		struct doubts doubts = {VEC_EMPTY};
		build(&w->heaps[0]);
		world_finish(w);
		assert_null(world_look(w, 0, &p, &doubts));
		assert_heap(&w->heaps[0], &p);
		assert_int_equal(doubts.list.count, 0);
		pymalloc_fini(&p);
		doubts_fini(&doubts);
		world_free(w);
	}
}

static void an_empty_allocator_is_not_used(void **state)
{
	(void)state;
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = world_new(&world_models[i]);
		struct pymalloc p;
		struct doubts doubts = {VEC_EMPTY};
		assert_null(world_look(w, 0, &p, &doubts));
		assert_false(p.used);
		assert_int_equal(p.pool_size, 0);
		assert_int_equal(p.arenas.count, 0);
		assert_int_equal(doubts.list.count, 0);
		pymalloc_fini(&p);
		world_free(w);
	}
}

/* Only full pools: no list leads to a header, the arenas must. */
static void geometry_is_found_without_partial_pools(void **state)
{
	(void)state;
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = world_new(&world_models[i]);
		struct pymalloc p;
		struct doubts doubts = {VEC_EMPTY};
		uint32_t a = world_arena(&w->heaps[0], 0);
		world_pool(&w->heaps[0], a, 4, world_capacity(w, 4), 0);
		world_pool(&w->heaps[0], a, 4, world_capacity(w, 4), 0);
		world_finish(w);
		assert_null(world_look(w, 0, &p, &doubts));
		assert_int_equal(p.alignment, world_models[i].alignment);
		assert_int_equal(p.pool_size, world_models[i].pool_size);
		assert_int_equal(p.used_blocks, 2 * world_capacity(w, 4));
		assert_int_equal(doubts.list.count, 0);
		pymalloc_fini(&p);
		world_free(w);
	}
}

static void geometry_without_any_pool_is_assumed(void **state)
{
	(void)state;
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = world_new(&world_models[i]);
		struct pymalloc p;
		struct doubts doubts = {VEC_EMPTY};
		world_arena(&w->heaps[0], 0);
		world_finish(w);
		assert_null(world_look(w, 0, &p, &doubts));
		assert_int_equal(world_doubts(&doubts, DOUBT_GEOMETRY), 1);
		assert_int_equal(doubts_worst(&doubts), DOUBT_NOTE);
		assert_int_equal(p.arenas.count, 1);
		assert_int_equal(p.total_bytes, p.arena_size);
		assert_int_equal(p.alignment, world_models[i].alignment);
		pymalloc_fini(&p);
		doubts_fini(&doubts);
		world_free(w);
	}
}

/* Pool 2 of arena 1 is swapped out, or was not there when it was asked whether it is. */
static struct world *look_at_absent(bool never_there, struct pymalloc *p, struct doubts *doubts)
{
	struct world *w = world_new(&world_models[3]);
	build(&w->heaps[0]);
	world_finish(w);
	w->absent = world_pool_at(&w->heaps[0], 1, 2);
	w->never_there = never_there;
	assert_null(world_look(w, 0, p, doubts));
	assert_true(p->arenas.items[1].settled);
	return w;
}

static void swapped_pools_are_left_alone(void **state)
{
	(void)state;
	struct pymalloc p;
	struct doubts doubts = {VEC_EMPTY};
	struct world *w = look_at_absent(false, &p, &doubts);
	assert_int_equal(world_doubts(&doubts, DOUBT_POOL_SWAPPED), 1);
	assert_int_equal(doubts_worst(&doubts), DOUBT_PARTIAL);
	const struct pymalloc_arena *arena = &p.arenas.items[1];
	assert_int_equal(p.pools.items[arena->pools_at + 2].state, POOL_UNREAD);
	assert_int_equal(p.pools.items[arena->pools_at + 3].state, POOL_PARTIAL);
	assert_int_equal(arena->swapped, 4096);
	assert_int_equal(arena->resident, p.arena_size - 4096);
	pymalloc_fini(&p);
	doubts_fini(&doubts);
	world_free(w);
}

/* An arena that went, and whose place another has by the time that its pools are read, in the same state. */
static void pools_that_came_meanwhile_are_read(void **state)
{
	(void)state;
	struct pymalloc p;
	struct doubts doubts = {VEC_EMPTY};
	struct world *w = look_at_absent(true, &p, &doubts);
	assert_int_equal(world_doubts(&doubts, DOUBT_POOL_SWAPPED), 0);
	const struct pymalloc_arena *arena = &p.arenas.items[1];
	assert_int_not_equal(p.pools.items[arena->pools_at + 2].state, POOL_UNREAD);
	assert_int_equal(arena->swapped, 0);
	pymalloc_fini(&p);
	doubts_fini(&doubts);
	world_free(w);
}

static void questions_are_answered(void **state)
{
	(void)state;
	struct world *w = world_new(&world_models[2]);
	struct pymalloc p;
	struct doubts doubts = {VEC_EMPTY};
	build(&w->heaps[0]);
	world_finish(w);
	assert_null(world_look(w, 0, &p, &doubts));
	const struct pymalloc_arena *last = &p.arenas.items[2];
	assert_ptr_equal(pymalloc_find_arena(&p, last->address), last);
	assert_ptr_equal(pymalloc_find_arena(&p, raddr_plus(last->address, 256 * KIB - 1)), last);
	assert_null(pymalloc_find_arena(&p, raddr_plus(last->address, 256 * KIB)));
	assert_null(pymalloc_find_arena(&p, raddr_at(5)));
	double share = pymalloc_arena_occupancy(&p, last);
	assert_true(share > 3 * 512 / (64.0 * 4048) - 1e-9 &&
		    share < 3 * 512 / (64.0 * 4048) + 1e-9);
	pymalloc_fini(&p);
	world_free(w);
}

/* ---- one pool's blocks ---------------------------------------------------------------- */

static void blocks_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = world_new(&world_models[i]);
		struct pymalloc p;
		struct pymalloc_blocks b;
		struct doubts doubts = {VEC_EMPTY};
		uint32_t a = world_arena(&w->heaps[0], 0);
		raddr pool = world_pool(&w->heaps[0], a, 2, 6, 3);
		world_finish(w);
		assert_null(world_look(w, 0, &p, &doubts));
		assert_null(
			pymalloc_blocks_read(&w->space, &w->layout, &p, raddr_plus(pool, 100), &b));
		assert_true(b.agrees);
		assert_int_equal(b.pool.value, pool.value);
		assert_int_equal(b.block_size, 3 * world_models[i].alignment);
		assert_int_equal(b.n_used, 6);
		assert_int_equal(b.n_free, 3);
		assert_int_equal(b.n_virgin, world_capacity(w, 2) - 9);
		for (uint32_t k = 0; k < 9; k++) /* every third was freed */
			assert_int_equal(b.states[k], k % 3 == 0 ? BLOCK_FREE : BLOCK_USED);
		assert_int_equal(b.states[9], BLOCK_VIRGIN);
		pymalloc_blocks_fini(&b);
		struct error *err = pymalloc_blocks_read(&w->space, &w->layout, &p,
							 raddr_plus(pool, w->model->pool_size), &b);
		assert_true(error_catch(&err, ERROR_FAULT)); /* never carved */
		pymalloc_fini(&p);
		world_free(w);
	}
}

static void damaged_chains_end(void **state)
{
	(void)state;
	struct world *w = world_new(&world_models[3]);
	struct pymalloc p;
	struct doubts doubts = {VEC_EMPTY};
	uint32_t a = world_arena(&w->heaps[0], 0);
	raddr pool = world_pool(&w->heaps[0], a, 2, 6, 3);
	raddr freeblock = world_field(w, pool, LAYOUT_POOL_FREEBLOCK);
	uint64_t first = world_get(w, freeblock, 8);
	world_finish(w);
	assert_null(world_look(w, 0, &p, &doubts));
	uint64_t blocks = pool.value + 48, n = world_capacity(w, 2);
	const uint64_t wild[] = {first,          1,          UINT64_MAX,
				 first + 8,      pool.value, blocks + 9 * 48, /* virgin */
				 blocks + n * 48} /* behind the last */;
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		struct pymalloc_blocks b;
		world_put(w, raddr_at(first), 8, wild[i]);
		assert_null(pymalloc_blocks_read(&w->space, &w->layout, &p, pool, &b));
		assert_false(b.agrees);
		assert_int_equal(b.n_virgin, n - 9);
		pymalloc_blocks_fini(&b);
	}
	const enum layout_entry_id fields[] = {LAYOUT_POOL_SZIDX, LAYOUT_POOL_NEXTOFFSET,
					       LAYOUT_POOL_MAXNEXTOFFSET};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct pymalloc_blocks b;
		raddr at = world_field(w, pool, fields[i]);
		uint64_t kept = world_get(w, at, 4);
		world_put(w, at, 4, 0xfffffff0);
		struct error *err = pymalloc_blocks_read(&w->space, &w->layout, &p, pool, &b);
		assert_true(error_catch(&err, ERROR_FAULT));
		world_put(w, at, 4, kept);
	}
	pymalloc_fini(&p);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_walk_says_what_was_built),
		cmocka_unit_test(an_empty_allocator_is_not_used),
		cmocka_unit_test(geometry_is_found_without_partial_pools),
		cmocka_unit_test(geometry_without_any_pool_is_assumed),
		cmocka_unit_test(swapped_pools_are_left_alone),
		cmocka_unit_test(pools_that_came_meanwhile_are_read),
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(blocks_are_told_apart),
		cmocka_unit_test(damaged_chains_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
