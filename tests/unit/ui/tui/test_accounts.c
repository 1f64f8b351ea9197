/* accounts: the screens of the ledger and of malloc, and when their figures are looked at. */
#include "accounts.h"
#include "fixture.h"

#include "base/cleanup.h"
#include "inspector/inspector.h"
#include "ui/tui/pace.h"

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

static bool has(struct board *board, const char *text)
{
	_cleanup_(free_pointer) char *drawn = fixture_draw(board, 120, 40, true);
	return strstr(drawn, text) != NULL;
}

/* The same, telling what is there instead. */
static bool shows(struct board *board, const char *text)
{
	_cleanup_(free_pointer) char *drawn = fixture_draw(board, 120, 40, true);
	if (!has(board, text))
		print_message("%s", drawn);
	return has(board, text);
}

static struct snapshot *taken(void (*fill)(struct snapshot *s), size_t n, time_t after)
{
	struct snapshot *s = fixture_fragmented(n);
	fill(s);
	s->target.taken_at.tv_sec += after;
	return s;
}

/* Twenty looks in which malloc's free memory grows; a mark at the first. */
static void board_fill(struct board *board)
{
	fixture_board(board);
	for (int i = 0; i < 20; i++) {
		struct snapshot *s = taken(accounts_glibc, i < 19 ? 40 : 630, i - 19);
		accounts_set(&s->ledger, LEAF_MALLOC_FREE_TRIMMABLE,
			     (uint64_t)(144 + 100 * i) * MIB);
		s->target.rss = s->ledger.rss;
		fixture_show(board, s);
		if (!i)
			fixture_press(board, "m");
	}
}

static void ledger(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	fixture_screens(&board, "overview-ledger");
	fixture_press(&board, "2");
	fixture_screens(&board, "ledger");
	fixture_press(&board, "f");
	assert_true(shows(&board, "only live"));
	assert_int_equal(board_view(&board)->count, 7);
	fixture_press(&board, "ffff{enter}");
	assert_string_equal(board_view(&board)->ops->name, "leaf");
	fixture_screens(&board, "leaf");
	fixture_press(&board, "{down}{down}G{esc}");
	assert_string_equal(board_view(&board)->ops->name, "ledger");
}

static void malloc_arenas(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	assert_false(board_wants_malloc(&board));
	fixture_press(&board, "5");
	assert_true(board_wants_malloc(&board));
	fixture_screens(&board, "malloc");
	fixture_press(&board, "<<<<<<");
	assert_int_equal(board_view(&board)->rows.items[0], 0);
	fixture_press(&board, "{down}");
	raddr at = board_view(&board)->at;
	assert_int_equal(at.value, board.now->snapshot->malloc.arenas.items[1].address.value);
	fixture_press(&board, "s");
	assert_int_equal(board_view(&board)->rows.items[36], 0);
}

/* The cursor follows its leaf when another grows over it. */
static void cursor_follows_its_leaf(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, taken(accounts_pinned, 40, 0));
	fixture_press(&board, "2{down}");
	struct view *view = board_view(&board);
	assert_int_equal(view->rows.items[1], LEAF_PYMALLOC_FREE_BLOCKS);
	struct snapshot *s = taken(accounts_pinned, 40, 1);
	accounts_set(&s->ledger, LEAF_ANON_UNKNOWN, 2 * GIB);
	fixture_show(&board, s);
	assert_int_equal(view->rows.items[view->cursor], LEAF_PYMALLOC_FREE_BLOCKS);
	assert_int_equal(view->cursor, 2);
}

/* A look without the parts that cost more leaves the last ones in view, with their age. */
static void what_was_not_looked_at_stays(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_press(&board, "25");
	fixture_show(&board, fixture_fragmented(40));
	assert_true(shows(&board, "The next look walks malloc"));
	fixture_press(&board, "2{enter}");
	assert_true(shows(&board, "It was not looked at."));
	fixture_show(&board, taken(accounts_glibc, 40, 1));
	assert_true(shows(&board, "kernel says"));
	assert_false(has(&board, "as of"));
	fixture_show(&board, fixture_fragmented(40));
	assert_true(shows(&board, "as of 14:32:08"));
	fixture_press(&board, "5");
	assert_true(shows(&board, "as of 14:32:08"));
	assert_true(shows(&board, "malloc_trim(0) would give back 2.00 GiB now"));
	fixture_press(&board, "1");
	assert_true(shows(&board, "POD"));
	assert_true(shows(&board, "malloc_trim(0)"));
	uint64_t values[HISTORY_MAX];
	assert_int_equal(history_leaf(&board.history, LEAF_MALLOC_TOP, values), 3);
	assert_int_equal(values[0], 0);
	assert_int_equal(values[1], 180 * MIB);
	assert_int_equal(values[2], 180 * MIB);
}

static void other_allocators_and_cores(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, taken(accounts_jemalloc, 40, 0));
	fixture_press(&board, "5");
	assert_true(shows(&board, "malloc is served by jemalloc here"));
	struct snapshot *s = taken(accounts_core, 40, 1);
	s->target.kind = ORIGIN_CORE;
	fixture_show(&board, s);
	assert_true(shows(&board, "is not known what of this"));
	fixture_press(&board, "2");
	fixture_screens(&board, "ledger-core");
}

/* PYTHONMALLOC=malloc: there is no map, but all that is in RAM is told. */
static void without_arenas(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	struct snapshot *s = fixture_process();
	(void)fixture_interpreter(s, 0);
	accounts_glibc(s);
	s->target.allocator = ALLOCATOR_MALLOC;
	accounts_set(&s->ledger, LEAF_PYMALLOC_LIVE, 0);
	fixture_show(&board, s);
	fixture_screens(&board, "overview-mapless");
}

/* Any keys on any size: no crash, nothing out of bounds (the sanitizers watch). */
static void every_key_on_every_size(void **state)
{
	(void)state;
	static const int sizes[][2] = {{1, 1}, {20, 5}, {40, 10}, {41, 11}, {80, 24}, {400, 120}};
	static const char keys[] = "1252525hjkgGsf<>mdn i+-e/7\x1b\n\n";
	static void (*const fills[])(struct snapshot *) = {accounts_glibc, accounts_core,
							   accounts_jemalloc, accounts_pinned};
	_cleanup_(boardp) struct board board;
	unsigned random = 7;
	fixture_board(&board);
	for (int i = 0; i < 2000; i++) {
		random = random * 1103515245 + 12345;
		unsigned pick = random >> 16;
		if (i % 50 == 0)
			fixture_show(&board, i % 150 ? taken(fills[pick % 4], 9, i)
						     : fixture_fragmented(9));
		board_press(&board, keys[pick % (sizeof(keys) - 1)]);
		const int *size = sizes[pick / 7 % ARRAY_SIZE(sizes)];
		free(fixture_draw(&board, size[0], size[1], pick % 3));
	}
}

/* ---- pace -------------------------------------------------------------------------------- */

/* A ledger that costs next to nothing is in every look; a dear one in as many as a twentieth pays. */
static void pace_keeps_to_a_twentieth(void **state)
{
	(void)state;
	struct pace pace = {0};
	double now = 100, dear = 0, start = now;
	assert_int_equal(pace_parts(&pace, now, false), LOOK_LEDGER);
	assert_int_equal(pace_parts(&pace, now, true), LOOK_LEDGER | LOOK_MALLOC);
	pace_learn(&pace, now, LOOK_LEDGER, 0.002);
	assert_int_equal(pace_parts(&pace, now + 0.03, true), 0);
	assert_int_equal(pace_parts(&pace, now + 0.05, false), LOOK_LEDGER);
	for (int i = 0; i < 2000; i++) {
		unsigned parts = pace_parts(&pace, now, i % 3);
		double took = 0.01 + (parts ? 0.5 : 0);
		now += took;
		pace_learn(&pace, now, parts, took);
		dear += took - 0.01;
		now += 0.25;
	}
	assert_true(dear > (now - start) / 25);
	assert_true(dear <= (now - start) / 20);
	/* Once it is cheaper, it is in every look again. */
	for (int i = 0; i < 50; i++) {
		unsigned parts = pace_parts(&pace, now, true);
		pace_learn(&pace, now, parts, parts ? 0.011 : 0.01);
		now += 1;
	}
	assert_int_equal(pace_parts(&pace, now, true), LOOK_LEDGER | LOOK_MALLOC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ledger),
		cmocka_unit_test(malloc_arenas),
		cmocka_unit_test(cursor_follows_its_leaf),
		cmocka_unit_test(what_was_not_looked_at_stays),
		cmocka_unit_test(other_allocators_and_cores),
		cmocka_unit_test(without_arenas),
		cmocka_unit_test(every_key_on_every_size),
		cmocka_unit_test(pace_keeps_to_a_twentieth),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
