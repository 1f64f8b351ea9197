/* occupancy: sums, order and scale of the map. */
#include "fixture.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void classes_have_their_edges(void **state)
{
	(void)state;
	assert_int_equal(occupancy_class_of(0, 0), OCCUPANCY_UNREAD);
	assert_int_equal(occupancy_class_of(0, 100), OCCUPANCY_EMPTY);
	assert_int_equal(occupancy_class_of(1, 1000000), OCCUPANCY_PINNED);
	assert_int_equal(occupancy_class_of(49, 951), OCCUPANCY_PINNED);
	assert_int_equal(occupancy_class_of(50, 950), OCCUPANCY_LOW);
	assert_int_equal(occupancy_class_of(249, 751), OCCUPANCY_LOW);
	assert_int_equal(occupancy_class_of(250, 750), OCCUPANCY_MIDDLE);
	assert_int_equal(occupancy_class_of(749, 251), OCCUPANCY_MIDDLE);
	assert_int_equal(occupancy_class_of(750, 250), OCCUPANCY_HIGH);
	assert_int_equal(occupancy_class_of(UINT64_MAX, UINT64_MAX), OCCUPANCY_MIDDLE);
}

static void sums_are_those_of_the_walk(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_fragmented(100);
	struct occupancy o;
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	const struct pymalloc *heap = &s->interpreters.items[0].pymalloc;
	uint64_t used = 0, held = 0, n = 0;
	for (size_t i = 0; i < OCCUPANCY_BUCKET_COUNT; i++) {
		n += o.buckets[i].n_arenas;
		used += o.buckets[i].used;
		held += o.buckets[i].held;
	}
	assert_int_equal(n, 100);
	assert_int_equal(used, heap->allocated_bytes);
	assert_int_equal(held, heap->available_bytes + heap->unused_pools_bytes);
	assert_int_equal(o.totals.live, used);
	assert_int_equal(o.totals.kept, held);
	assert_int_equal(o.totals.live + o.totals.kept + o.totals.overhead, o.totals.total);
	assert_int_equal(o.buckets[OCCUPANCY_75_100].n_arenas >= 20, true);
	occupancy_fini(&o);
}

static void map_covers_every_arena_once(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_fragmented(37);
	static const size_t rooms[] = {1, 5, 12, 13, 36, 37, 100, 37 * 64, 100000};
	struct occupancy o;
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	for (size_t r = 0; r < ARRAY_SIZE(rooms); r++) {
		struct occupancy_map map;
		uint64_t used = 0, pools = 0;
		assert_null(occupancy_map_of(&o, rooms[r], &map));
		assert_in_range(map.cells.count, 1, rooms[r]);
		for (size_t i = 0; i < map.cells.count; i++) {
			const struct occupancy_cell *cell = &map.cells.items[i];
			used += cell->used;
			pools += cell->n_units;
			assert_true(!i || raddr_compare(cell[-1].address, cell->address) < 0);
		}
		assert_int_equal(used, o.totals.live);
		assert_int_equal(pools, o.totals.n_pools);
		occupancy_map_fini(&map);
	}
	occupancy_fini(&o);
}

static void scale_moves_in_few_steps(void **state)
{
	(void)state;
	static const struct {
		size_t arenas, room;
		uint64_t arenas_per_cell, pools_per_cell;
	} cases[] = {
		{100, 100, 1, 0}, {101, 100, 2, 0}, {200, 100, 2, 0}, {201, 100, 3, 0},
		{301, 100, 4, 0}, {401, 100, 6, 0}, {601, 100, 8, 0}, {50, 100, 1, 32},
		{10, 640, 1, 1},  {10, 639, 1, 2},  {1, 1, 1, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(snapshot_fini) struct snapshot *s = fixture_fragmented(cases[i].arenas);
		struct occupancy o;
		struct occupancy_map map;
		assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
		assert_null(occupancy_map_of(&o, cases[i].room, &map));
		assert_int_equal(map.arenas_per_cell, cases[i].arenas_per_cell);
		assert_int_equal(map.units_per_cell, cases[i].pools_per_cell);
		occupancy_map_fini(&map);
		occupancy_fini(&o);
	}
}

static void interpreters_are_summed_or_apart(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_process();
	size_t first = fixture_interpreter(s, 0), second = fixture_interpreter(s, 7);
	fixture_arena(s, first, FIXTURE_BASE + 2 * FIXTURE_ARENA_SIZE, 0.5);
	fixture_arena(s, second, FIXTURE_BASE + 1 * FIXTURE_ARENA_SIZE, 0.9);
	fixture_arena(s, first, FIXTURE_BASE + 4 * FIXTURE_ARENA_SIZE, 0.9);
	size_t third = fixture_interpreter(s, 9);
	s->interpreters.items[third].shares_main = true;
	fixture_finish(s);
	struct occupancy o;
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	assert_int_equal(o.arenas.count, 3);
	assert_int_equal(o.arenas.items[0].interpreter, second);
	assert_int_equal(o.arenas.items[1].interpreter, first);
	assert_int_equal(occupancy_find(&o, raddr_at(FIXTURE_BASE)), 3);
	assert_int_equal(occupancy_find(&o, raddr_at(FIXTURE_BASE + 2 * FIXTURE_ARENA_SIZE - 1)),
			 0);
	assert_int_equal(occupancy_find(&o, raddr_at(FIXTURE_BASE + 3 * FIXTURE_ARENA_SIZE)), 3);
	assert_int_equal(occupancy_find(&o, raddr_at(UINT64_MAX)), 3);
	occupancy_fini(&o);
	assert_null(occupancy_of(s, second, &o));
	assert_int_equal(o.arenas.count, 1);
	occupancy_fini(&o);
	assert_null(occupancy_of(s, third, &o));
	assert_int_equal(o.arenas.count, 0);
	assert_false(o.totals.has_residency);
	occupancy_fini(&o);
}

static void changes_are_found_by_address(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *a = fixture_process();
	_cleanup_(snapshot_fini) struct snapshot *b = fixture_process();
	size_t x = fixture_interpreter(a, 0), y = fixture_interpreter(b, 0);
	fixture_arena(a, x, FIXTURE_BASE, 0.5);
	fixture_arena(a, x, FIXTURE_BASE + 2 * FIXTURE_ARENA_SIZE, 0.5);
	fixture_arena(a, x, FIXTURE_BASE + 3 * FIXTURE_ARENA_SIZE, 0.5);
	fixture_arena(b, y, FIXTURE_BASE + FIXTURE_ARENA_SIZE, 0.5);
	fixture_arena(b, y, FIXTURE_BASE + 2 * FIXTURE_ARENA_SIZE, 0.5);
	fixture_arena(b, y, FIXTURE_BASE + 3 * FIXTURE_ARENA_SIZE, 0.6);
	fixture_finish(a);
	fixture_finish(b);
	struct occupancy before, now;
	struct occupancy_map map;
	assert_null(occupancy_of(a, 0, &before));
	assert_null(occupancy_of(b, 0, &now));
	assert_null(occupancy_map_of(&now, 3, &map));
	occupancy_mark_changes(&map, &now, &before);
	assert_true(map.cells.items[0].changed);
	assert_false(map.cells.items[1].changed);
	assert_true(map.cells.items[2].changed);
	assert_int_equal(occupancy_used_before(&map.cells.items[0], &now, &before), 0);
	assert_int_equal(occupancy_used_before(&map.cells.items[1], &now, &before),
			 now.arenas.items[1].used);
	occupancy_map_fini(&map);
	assert_null(occupancy_map_of(&now, 3 * 64, &map));
	occupancy_mark_changes(&map, &now, &before);
	assert_true(map.cells.items[63].changed);
	assert_false(map.cells.items[64].changed);
	assert_false(map.cells.items[127].changed);
	occupancy_map_fini(&map);
	occupancy_fini(&before);
	occupancy_fini(&now);
}

/* A snapshot that contradicts itself must not lead outside of its arrays. */
static void lies_stay_inside(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_fragmented(5);
	struct pymalloc *heap = &s->interpreters.items[0].pymalloc;
	heap->arenas.items[1].pools_at = UINT32_MAX;
	heap->arenas.items[2].n_pools = 1000;
	heap->pools.items[7].used = UINT16_MAX;
	heap->pools.items[8].state = POOL_UNREAD;
	heap->arenas.items[4].swapped = UINT64_MAX;
	struct occupancy o;
	struct occupancy_map map;
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	assert_null(occupancy_map_of(&o, 300, &map));
	assert_in_range(map.cells.count, 1, 300);
	for (size_t i = 0; i < map.cells.count; i++)
		assert_true(map.cells.items[i].swapped <= 1);
	assert_int_equal(o.totals.n_unread, 1);
	occupancy_map_fini(&map);
	occupancy_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_have_their_edges),
		cmocka_unit_test(sums_are_those_of_the_walk),
		cmocka_unit_test(map_covers_every_arena_once),
		cmocka_unit_test(scale_moves_in_few_steps),
		cmocka_unit_test(interpreters_are_summed_or_apart),
		cmocka_unit_test(changes_are_found_by_address),
		cmocka_unit_test(lies_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
