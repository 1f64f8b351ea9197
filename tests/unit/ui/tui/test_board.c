/* board: what is pressed, and what the state is then. */
#include "fixture.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void boardp(struct board *board)
{
	board_fini(board);
}

static bool shows(struct board *board, const char *text)
{
	_cleanup_(free_pointer) char *drawn = fixture_draw(board, 120, 40, true);
	return strstr(drawn, text) != NULL;
}

static const char *screen(struct board *board)
{
	return board_view(board)->ops->name;
}

static void tabs_and_stack(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_press(&board, "3{enter}{down}?{esc}1");
	assert_string_equal(screen(&board), "overview");
	assert_true(shows(&board, "first look"));
	assert_false(shows(&board, "never stopped"));
	fixture_show(&board, fixture_fragmented(200));
	fixture_press(&board, "{tab}");
	assert_string_equal(screen(&board), "ledger");
	fixture_press(&board, "{btab}{btab}");
	assert_string_equal(screen(&board), "pins");
	fixture_press(&board, "3s{enter}{enter}");
	assert_string_equal(screen(&board), "arena");
	assert_true(shows(&board, "no used block to look at"));
	fixture_press(&board, "{esc}1{enter}{enter}");
	assert_string_equal(screen(&board), "pool");
	fixture_press(&board, "{enter}?");
	assert_string_equal(screen(&board), "help");
	fixture_press(&board, "?{esc}");
	assert_string_equal(screen(&board), "arena");
	fixture_press(&board, "{back}9");
	assert_string_equal(screen(&board), "overview");
	fixture_press(&board, "{esc}{esc}");
	assert_false(board.quit);
	fixture_press(&board, "q");
	assert_true(board.quit);
}

static void cell_of_several_arenas_opens_the_list(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(2000));
	fixture_press(&board, "{right}{right}{down}");
	raddr at = board_view(&board)->at;
	assert_int_not_equal(at.value, 0);
	fixture_press(&board, "{enter}");
	assert_string_equal(screen(&board), "arenas");
	struct view *view = board_view(&board);
	assert_int_equal(view->ops->locate(&board, view).value, at.value);
}

static raddr arena_at_row(struct board *board, size_t row)
{
	struct view view = *board_view(board);
	view.cursor = row;
	return view.ops->locate(board, &view);
}

static void lists_sort_and_filter(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(100));
	fixture_press(&board, "3");
	const struct occupancy *o = &board.now->occupancy;
	size_t first = occupancy_find(o, arena_at_row(&board, 0));
	size_t last = occupancy_find(o, arena_at_row(&board, 99));
	assert_int_equal(
		occupancy_class_of(o->arenas.items[first].used, o->arenas.items[first].held),
		OCCUPANCY_PINNED);
	assert_int_equal(o->arenas.items[last].used, 0);
	fixture_press(&board, "s");
	assert_int_equal(occupancy_find(o, arena_at_row(&board, 99)), first);
	fixture_press(&board, "<<");
	assert_int_equal(arena_at_row(&board, 0).value, FIXTURE_BASE);
	fixture_press(&board, "s");
	assert_int_equal(arena_at_row(&board, 99).value, FIXTURE_BASE);
	fixture_press(&board, "f");
	assert_int_equal(board_view(&board)->count, o->buckets[OCCUPANCY_0_5].n_arenas);
	fixture_press(&board, "ffff");
	assert_int_equal(board_view(&board)->count, o->buckets[OCCUPANCY_NONE_USED].n_arenas);
	fixture_press(&board, "f");
	assert_int_equal(board_view(&board)->count, 0);
	fixture_press(&board, "{down}G{enter}");
	assert_string_equal(screen(&board), "arenas");
	for (int i = 0; i < 30; i++)
		fixture_press(&board, i % 2 ? ">" : "sf");
}

static void cursor_follows_its_arena(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(100));
	fixture_press(&board, "3{down}{down}{down}");
	raddr at = arena_at_row(&board, board_view(&board)->cursor);
	struct snapshot *s = fixture_process();
	size_t heap = fixture_interpreter(s, 0);
	for (size_t i = 0; i < 120; i++) /* others become emptier than it */
		fixture_arena(s, heap, FIXTURE_BASE + (i - 10) * FIXTURE_ARENA_SIZE,
			      i % 2 ? 0.021 : 0.5);
	fixture_finish(s);
	fixture_show(&board, s);
	assert_int_equal(arena_at_row(&board, board_view(&board)->cursor).value, at.value);
	fixture_press(&board, "g");
	fixture_show(&board, fixture_fragmented(100));
	assert_int_equal(board_view(&board)->cursor, 0);
}

static void lists_scroll_by_a_line(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(100));
	fixture_press(&board, "3");
	size_t page = board_view(&board)->page;
	for (size_t i = 0; i < page; i++)
		fixture_press(&board, "j");
	assert_int_equal(board_view(&board)->cursor, page);
	assert_int_equal(board_view(&board)->top, 1);
	fixture_press(&board, "G");
	assert_int_equal(board_view(&board)->top, 100 - page);
	fixture_press(&board, "k");
	assert_int_equal(board_view(&board)->top, 100 - page);
	fixture_press(&board, "{pgup}{pgup}{pgup}{pgup}{pgup}{pgup}");
	assert_int_equal(board_view(&board)->top, 0);
}

static void search_goes_to_the_block(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	char keys[64];
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(100));
	uint64_t address = FIXTURE_BASE + 5 * FIXTURE_POOL_SIZE + 48 + 3 * 64 + 7;
	snprintf(keys, sizeof(keys), "/0x%llX{enter}", (unsigned long long)address);
	fixture_press(&board, keys);
	assert_string_equal(screen(&board), "pool");
	assert_int_equal(board_view(&board)->cursor, 3);
	fixture_press(&board, "1");
	snprintf(keys, sizeof(keys), "/%llu{enter}", (unsigned long long)address);
	fixture_press(&board, keys);
	assert_string_equal(screen(&board), "pool");
	assert_int_equal(board_view(&board)->cursor, 3);
	fixture_press(&board, "{esc}");
	assert_int_equal(board_view(&board)->cursor, 5);
	fixture_press(&board, "{esc}");
	assert_int_equal(arena_at_row(&board, board_view(&board)->cursor).value, FIXTURE_BASE);
}

static void search_steps_through_prefixes(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(100));
	fixture_press(&board, "n");
	assert_true(shows(&board, "nothing searched yet"));
	fixture_press(&board, "/7f3a1c1{enter}");
	assert_string_equal(screen(&board), "arenas");
	raddr at = arena_at_row(&board, board_view(&board)->cursor);
	assert_int_equal(at.value, FIXTURE_BASE + FIXTURE_ARENA_SIZE);
	fixture_press(&board, "/0x7f3a1{enter}nn");
	at = arena_at_row(&board, board_view(&board)->cursor);
	assert_int_equal(at.value, FIXTURE_BASE + 2 * FIXTURE_ARENA_SIZE);
	fixture_press(&board, "NNN");
	at = arena_at_row(&board, board_view(&board)->cursor);
	assert_int_equal(at.value, FIXTURE_BASE + 63 * FIXTURE_ARENA_SIZE);
	fixture_press(&board, "{enter}n");
	assert_string_equal(screen(&board), "arena");
	assert_int_equal(board_view(&board)->subject.value, FIXTURE_BASE);
	fixture_press(&board, "/hello{enter}");
	assert_true(shows(&board, "not an address"));
	fixture_press(&board, "/0x1234{enter}");
	assert_true(shows(&board, "lies in no arena"));
	fixture_press(&board, "/ffffffffffffffffffffffffffffffff{enter}");
	assert_true(shows(&board, "not an address"));
	fixture_press(&board, "/12{esc}/12{back}{back}{back}q");
	assert_true(board.quit);
}

static void mark_and_difference(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(100));
	fixture_press(&board, "d");
	assert_true(shows(&board, "no baseline yet"));
	fixture_press(&board, "m");
	assert_true(shows(&board, "SINCE MARK"));
	struct snapshot *s = fixture_fragmented(102);
	fixture_arena(s, 0, FIXTURE_BASE + 200 * FIXTURE_ARENA_SIZE, 0.5);
	s->target.rss += 3 << 20;
	fixture_show(&board, s);
	assert_true(shows(&board, "arenas +3 -0"));
	assert_true(shows(&board, "RSS    +3.00M"));
	fixture_press(&board, "d3>>");
	assert_true(shows(&board, "change since mark"));
	assert_true(shows(&board, "new"));
	fixture_press(&board, "d");
	assert_false(shows(&board, "change since mark"));
	s = fixture_process(); /* of 103 arenas one stays, two come */
	size_t heap = fixture_interpreter(s, 0);
	fixture_arena(s, heap, FIXTURE_BASE - FIXTURE_ARENA_SIZE, 0.5);
	fixture_arena(s, heap, FIXTURE_BASE + 40 * FIXTURE_ARENA_SIZE, 0.3);
	fixture_arena(s, heap, FIXTURE_BASE + 300 * FIXTURE_ARENA_SIZE, 0.5);
	fixture_finish(s);
	fixture_show(&board, s);
	fixture_press(&board, "1");
	assert_true(shows(&board, "arenas +2 -99"));
	assert_true(shows(&board, "pools 100 %"));
	fixture_press(&board, "d>m");
	assert_int_equal(board.mark == board.now, true);
}

static void hold_interval_interpreter(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	struct snapshot *s = fixture_process();
	size_t first = fixture_interpreter(s, 0), second = fixture_interpreter(s, 7);
	fixture_arena(s, first, FIXTURE_BASE, 0.9);
	fixture_arena(s, second, FIXTURE_BASE + FIXTURE_ARENA_SIZE, 0.5);
	fixture_finish(s);
	fixture_show(&board, s);
	uint64_t used = 0;
	for (size_t i = 0; i < board.now->classes.count; i++)
		used += board.now->classes.items[i].used_blocks * board.now->classes.items[i].size;
	assert_int_equal(used, board.now->occupancy.totals.live);
	fixture_press(&board, " ");
	assert_true(board.held && shows(&board, "HELD"));
	fixture_press(&board, " +");
	assert_true(!board.held && shows(&board, "live 2 s"));
	fixture_press(&board, "-----");
	assert_true(shows(&board, "live 0.25 s"));
	fixture_press(&board, "3i");
	assert_int_equal(board_view(&board)->count, 1);
	assert_true(shows(&board, "interpreter 0"));
	fixture_press(&board, "i");
	assert_int_equal(arena_at_row(&board, 0).value, FIXTURE_BASE + FIXTURE_ARENA_SIZE);
	fixture_press(&board, "1");
	assert_true(shows(&board, "interpreter 7"));
	fixture_show(&board, fixture_fragmented(10)); /* interpreter 7 has ended */
	assert_true(shows(&board, "all are shown"));
	assert_int_equal(board.now->occupancy.arenas.count, 10);
	fixture_press(&board, "i");
	assert_true(shows(&board, "belong to one interpreter"));
}

static void trouble_keeps_the_picture(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(10));
	board_trouble(&board, error_new(ERROR_RESOURCE, "too little memory"));
	assert_true(shows(&board, "last look failed: too little memory"));
	assert_false(board.gone);
	fixture_show(&board, fixture_fragmented(10));
	assert_false(shows(&board, "last look failed"));
	board_trouble(&board, error_new(ERROR_GONE, "pid 4127 is gone"));
	assert_true(board.gone && shows(&board, "TARGET ENDED"));
	fixture_press(&board, "3{enter}{enter}?{esc}1");
	assert_true(shows(&board, "10 pools") || shows(&board, "MAP"));
	fixture_press(&board, "q");
	assert_true(board.quit);
}

/* Any keys on any size: no crash, nothing out of bounds (the sanitizers watch). */
static void every_key_on_every_size(void **state)
{
	(void)state;
	static const int sizes[][2] = {{1, 1}, {20, 5}, {40, 10}, {41, 11}, {80, 24}, {400, 120}};
	static const char keys[] = "123456789?hjkgGsf<>mdnN i+-eq/7f\x1b";
	static const int special[] = {PRESS_UP,      PRESS_DOWN,      PRESS_LEFT,  PRESS_RIGHT,
				      PRESS_PAGE_UP, PRESS_PAGE_DOWN, PRESS_ENTER, PRESS_ESCAPE};
	_cleanup_(boardp) struct board board;
	unsigned random = 1;
	fixture_board(&board);
	fixture_show(&board, fixture_fragmented(50));
	for (int i = 0; i < 3000; i++) {
		random = random * 1103515245 + 12345;
		unsigned pick = random >> 16;
		bool named = pick % 2;
		board_press(&board, named ? special[pick / 2 % ARRAY_SIZE(special)]
					  : keys[pick / 2 % (sizeof(keys) - 1)]);
		const int *size = sizes[pick / 7 % ARRAY_SIZE(sizes)];
		free(fixture_draw(&board, size[0], size[1], pick % 3));
		if (i % 100 == 99)
			fixture_show(&board, fixture_fragmented(pick % 80));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tabs_and_stack),
		cmocka_unit_test(cell_of_several_arenas_opens_the_list),
		cmocka_unit_test(lists_sort_and_filter),
		cmocka_unit_test(cursor_follows_its_arena),
		cmocka_unit_test(lists_scroll_by_a_line),
		cmocka_unit_test(search_goes_to_the_block),
		cmocka_unit_test(search_steps_through_prefixes),
		cmocka_unit_test(mark_and_difference),
		cmocka_unit_test(hold_interval_interpreter),
		cmocka_unit_test(trouble_keeps_the_picture),
		cmocka_unit_test(every_key_on_every_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
