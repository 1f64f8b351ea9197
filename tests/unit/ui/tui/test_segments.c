/* segments: mimalloc's on the screens that show pymalloc's arenas. */
#include "fixture.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "ui/tui/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define SLICE (64 * KIB)

static void boardp(struct board *board)
{
	board_fini(board);
}

static bool shows(struct board *board, const char *text)
{
	_cleanup_(free_pointer) char *drawn = fixture_draw(board, 120, 40, true);
	bool has = strstr(drawn, text) != NULL;
	if (!has)
		print_message("%s", drawn);
	return has;
}

static const char *screen(struct board *board)
{
	return board_view(board)->ops->name;
}

/* ---- sums -------------------------------------------------------------------------------- */

static void sums_are_those_of_the_walk(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_segments(9);
	const struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	struct occupancy o;
	assert_null(occupancy_of_any(s, OCCUPANCY_ALL, &o));
	uint64_t held = 0, slices = 0;
	assert_true(o.segments);
	assert_int_equal(o.arenas.count, 10);
	assert_int_equal(o.totals.live, m->used_bytes);
	assert_int_equal(o.totals.total, 9 * FIXTURE_SEGMENT_SIZE + 40 * MIB + SLICE);
	assert_int_equal(o.totals.live + o.totals.kept + o.totals.overhead, o.totals.total);
	assert_int_equal(o.totals.overhead, 10 * SLICE);
	assert_int_equal(o.totals.n_pools, m->pages.count);
	assert_true(o.pages.count > m->pages.count);
	for (size_t i = 0; i < o.pages.count; i++) {
		held += o.pages.items[i].held;
		slices += o.pages.items[i].n_units;
	}
	assert_int_equal(held, o.totals.kept);
	assert_int_equal(slices, 9 * 511 + 640);
	occupancy_fini(&o);
	/* The reports tell of mimalloc by themselves. */
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	assert_int_equal(o.arenas.count, 0);
	assert_string_equal(occupancy_word(&o, "arena"), "arena");
	occupancy_fini(&o);
}

/* A page that several cells share is in each by its slices, and in all of them once. */
static void map_has_every_block_once(void **state)
{
	(void)state;
	static const size_t rooms[] = {1, 3, 9, 10, 11, 100, 640, 5238, 5239, 100000};
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_segments(9);
	struct occupancy o;
	assert_null(occupancy_of_any(s, OCCUPANCY_ALL, &o));
	for (size_t r = 0; r < ARRAY_SIZE(rooms); r++) {
		struct occupancy_map map;
		uint64_t used = 0, held = 0, units = 0;
		assert_null(occupancy_map_of(&o, rooms[r], &map));
		assert_in_range(map.cells.count, 1, rooms[r]);
		for (size_t i = 0; i < map.cells.count; i++) {
			const struct occupancy_cell *cell = &map.cells.items[i];
			used += cell->used;
			held += cell->held;
			units += cell->n_units;
			assert_true(!i || raddr_compare(cell[-1].address, cell->address) < 0);
		}
		assert_int_equal(used, o.totals.live);
		assert_int_equal(held, o.totals.kept);
		assert_int_equal(units, 9 * 511 + 640);
		assert_int_equal(map.larger, rooms[r] < 11);
		occupancy_map_fini(&map);
	}
	occupancy_fini(&o);
}

static void pools_are_found_by_address(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_segments(2);
	struct occupancy o;
	struct occupancy_pool pool;
	assert_null(occupancy_of_any(s, OCCUPANCY_ALL, &o));
	const struct occupancy_arena *one = &o.arenas.items[1];
	assert_int_equal(occupancy_pool_find(one, one->address), one->n_pieces);
	assert_int_equal(occupancy_pool_find(one, raddr_plus(one->address, one->size)),
			 one->n_pieces);
	for (size_t i = 0; i < one->n_pieces; i++) {
		assert_true(occupancy_pool_at(one, i, &pool));
		uint64_t size = pool.n_units * SLICE;
		assert_int_equal(occupancy_pool_find(one, pool.address), i);
		assert_int_equal(occupancy_pool_find(one, raddr_plus(pool.address, size - 1)), i);
		assert_int_equal(pool.used + pool.held, size);
	}
	assert_false(occupancy_pool_at(one, one->n_pieces, &pool));
	occupancy_fini(&o);
}

/* A snapshot that contradicts itself must not lead outside of its arrays. */
static void lies_stay_inside(void **state)
{
	(void)state;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_segments(6);
	struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	m->segments.items[0].first_page = UINT32_MAX;
	m->segments.items[1].n_pages = UINT32_MAX;
	m->segments.items[2].size = 0;
	m->segments.items[3].size = UINT64_C(1) << 46;
	m->segments.items[4].swapped = UINT64_MAX;
	uint32_t page = m->segments.items[4].first_page;
	m->pages.items[page].used = UINT32_MAX;
	m->pages.items[page].block_size = UINT64_MAX;
	m->pages.items[page + 1].size = UINT64_MAX;
	m->pages.items[page + 3].size = 0;
	m->segments.items[6].size = UINT64_MAX;
	struct occupancy o;
	struct occupancy_map map;
	assert_null(occupancy_of_any(s, OCCUPANCY_ALL, &o));
	assert_int_equal(o.arenas.items[0].used, 0);
	assert_int_equal(o.arenas.items[2].n_pieces, 0);
	/* Whatever is said of them: one after the other, and no further than the segment. */
	for (size_t i = 0; i < o.arenas.count; i++) {
		const struct occupancy_arena *one = &o.arenas.items[i];
		uint64_t end = 0;
		for (size_t k = 0; k < one->n_pieces; k++) {
			assert_int_equal(one->pages[k].first_unit, end);
			end += one->pages[k].n_units;
		}
		assert_int_equal(end, one->n_units);
	}
	assert_null(occupancy_map_of(&o, 300, &map));
	assert_in_range(map.cells.count, 1, 300);
	occupancy_map_fini(&map);
	occupancy_fini(&o);
}

/* ---- screens ----------------------------------------------------------------------------- */

static void overview(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_segments(9));
	fixture_screens(&board, "segments-overview");
	fixture_press(&board, "m");
	struct snapshot *s = fixture_segments(9);
	s->interpreters.items[0].mimalloc.pages.items[700].used += 7;
	s->target.taken_at.tv_sec += 1;
	fixture_show(&board, s);
	fixture_press(&board, "d");
	fixture_screens(&board, "segments-difference");
}

static void many_segments(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_segments(1000));
	fixture_screens(&board, "segments-many");
	fixture_press(&board, "{right}{right}{enter}");
	assert_string_equal(screen(&board), "arenas");
}

static void lists(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_segments(9));
	fixture_press(&board, "3");
	fixture_screens(&board, "segments-list");
	fixture_press(&board, "{down}{enter}{down}{down}");
	assert_string_equal(screen(&board), "arena");
	fixture_screens(&board, "segments-segment");
	fixture_press(&board, "{enter}");
	assert_true(shows(&board, "a page is the smallest there is here"));
	fixture_press(&board, "4");
	fixture_screens(&board, "segments-classes");
	const struct occupancy *o = &board.now->occupancy;
	uint64_t used = 0, blocks = 0;
	for (size_t i = 0; i < board.now->classes.count; i++) {
		const struct pymalloc_class *c = &board.now->classes.items[i];
		assert_true(!i || c[-1].size < c->size);
		used += c->used_blocks * c->size;
		blocks += c->used_blocks;
	}
	assert_int_equal(board.now->classes.count, 9);
	assert_int_equal(used, o->totals.live);
	assert_int_equal(blocks, board.now->snapshot->interpreters.items[0].mimalloc.used_blocks);
	fixture_press(&board, "?");
	assert_true(shows(&board, "32 MiB that mimalloc takes"));
}

static void search(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_segments(9));
	const struct occupancy_arena *one = &board.now->occupancy.arenas.items[3];
	struct occupancy_pool pool;
	char typed[64];
	size_t page = 0, free = 0;
	for (size_t i = 0; i < one->n_pieces; i++) {
		assert_true(occupancy_pool_at(one, i, &pool));
		page = pool.n_units == 8 && pool.block_size ? i : page;
		free = pool.block_size ? free : i;
	}
	assert_true(occupancy_pool_at(one, page, &pool));
	snprintf(typed, sizeof(typed), "/%llx{enter}",
		 (unsigned long long)pool.address.value + 5 * SLICE + 17);
	fixture_press(&board, typed);
	assert_string_equal(screen(&board), "arena");
	assert_int_equal(board_view(&board)->cursor, page);
	assert_int_equal(board_view(&board)->subject.value, one->address.value);
	assert_true(occupancy_pool_at(one, free, &pool));
	snprintf(typed, sizeof(typed), "/0x%llx{enter}", (unsigned long long)pool.address.value);
	fixture_press(&board, typed);
	assert_true(shows(&board, "lies between the pages, in free slices"));
	assert_int_equal(board_view(&board)->cursor, free);
	snprintf(typed, sizeof(typed), "/0x%llx{enter}", (unsigned long long)one->address.value);
	fixture_press(&board, typed);
	assert_true(shows(&board, "lies in a segment, but in none of its pages"));
	fixture_press(&board, "/0x200{enter}");
	assert_string_equal(screen(&board), "arenas");
	assert_true(shows(&board, "n goes to the next segment"));
	fixture_press(&board, "/0x7f0000000000{enter}");
	assert_true(shows(&board, "lies in no segment: it is not mimalloc's"));
}

/* What went and what came is seen by address, also where pages are cut otherwise. */
static void changes_are_found_by_address(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_segments(2));
	fixture_press(&board, "m");
	struct snapshot *s = fixture_segments(2);
	struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	struct mimalloc_segment *last = &m->segments.items[2];
	last->start = raddr_plus(last->start, GIB);
	m->pages.items[last->first_page].start = raddr_plus(last->start, SLICE);
	m->pages.items[3].used -= 1;
	/* Two neighbours become one run of free slices: what follows has another index. */
	memmove(&m->pages.items[9], &m->pages.items[11],
		(m->pages.count - 11) * sizeof(m->pages.items[0]));
	m->pages.count -= 2;
	m->segments.items[0].n_pages -= 2;
	m->segments.items[1].first_page -= 2;
	last->first_page -= 2;
	fixture_show(&board, s);
	assert_true(shows(&board, "segments +1 -1"));
	struct change change = change_between(board.mark, board.now);
	assert_int_equal(change.arenas_new, 1);
	assert_int_equal(change.arenas_gone, 1);
	assert_int_equal(change.pools_changed, 2);
}

/* Any keys on any size: no crash, nothing out of bounds (the sanitizers watch). */
static void every_key_on_every_size(void **state)
{
	(void)state;
	static const int sizes[][2] = {{1, 1}, {20, 5}, {40, 10}, {41, 11}, {80, 24}, {300, 90}};
	static const char keys[] = "1343434hjkgGsf<>mdn i+-e/7\x1b\n\n\n";
	_cleanup_(boardp) struct board board;
	unsigned random = 11;
	fixture_board(&board);
	for (int i = 0; i < 1500; i++) {
		random = random * 1103515245 + 12345;
		unsigned pick = random >> 16;
		if (i % 50 == 0)
			fixture_show(&board,
				     i % 150 ? fixture_segments(pick % 7) : fixture_fragmented(9));
		board_press(&board, keys[pick % (sizeof(keys) - 1)]);
		const int *size = sizes[pick / 7 % ARRAY_SIZE(sizes)];
		free(fixture_draw(&board, size[0], size[1], pick % 3));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_the_walk),
		cmocka_unit_test(map_has_every_block_once),
		cmocka_unit_test(pools_are_found_by_address),
		cmocka_unit_test(lies_stay_inside),
		cmocka_unit_test(overview),
		cmocka_unit_test(many_segments),
		cmocka_unit_test(lists),
		cmocka_unit_test(search),
		cmocka_unit_test(changes_are_found_by_address),
		cmocka_unit_test(every_key_on_every_size),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
