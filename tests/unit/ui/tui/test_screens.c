/*
 * screens: every view drawn on a canvas and compared with a text file of
 * tests/golden/tui. With ARENASCOPE_UPDATE_GOLDENS=1 the files are written anew:
 * read the difference before you commit it.
 */
#include "fixture.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void boardp(struct board *board)
{
	board_fini(board);
}

/* Two looks with a mark between them, two seconds apart, on a heap of 1,659 arenas. */
static void board_fill(struct board *board)
{
	fixture_board(board);
	for (int i = 0; i < 30; i++) {
		struct snapshot *s = fixture_fragmented(i < 29 ? 40 : 1659);
		s->target.taken_at.tv_sec += i - 29;
		s->target.rss += i < 15 ? (uint64_t)i << 24 : UINT64_C(15) << 24;
		fixture_show(board, s);
	}
}

static void overview(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	fixture_screens(&board, "overview");
	_cleanup_(free_pointer) char *narrow = fixture_draw(&board, 40, 12, true);
	fixture_golden("overview-40x12-ascii", narrow);
	fixture_press(&board, "m{right}");
	struct snapshot *s = fixture_fragmented(1661);
	s->target.taken_at.tv_sec += 1;
	fixture_show(&board, s);
	fixture_screens(&board, "overview-marked");
	fixture_press(&board, "d");
	fixture_screens(&board, "overview-difference");
}

static void overview_of_few_arenas(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	struct snapshot *s = fixture_fragmented(9);
	s->interpreters.items[0].pymalloc.arenas.items[3].swapped = FIXTURE_ARENA_SIZE;
	s->interpreters.items[0].pymalloc.arenas.items[3].resident = 0;
	doubts_add(&s->doubts, DOUBT_POOL_SWAPPED, DOUBT_PARTIAL, 64,
		   "64 pools lie on swap and were "
		   "left there, since reading would bring them back: what they hold is unknown");
	s->target.rss = 60 << 20;
	fixture_show(&board, s);
	fixture_screens(&board, "overview-few");
}

static void overview_of_a_core(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	struct snapshot *s = fixture_fragmented(90);
	s->target.kind = ORIGIN_CORE;
	s->target.rss = s->target.peak_rss = s->target.swap = 0;
	s->target.started_at = (struct timespec){0};
	s->interpreters.items[0].pymalloc.has_residency = false;
	fixture_show(&board, s);
	fixture_screens(&board, "overview-core");
}

static void overview_without_pymalloc(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	struct snapshot *s = fixture_process();
	s->target.allocator = ALLOCATOR_MALLOC;
	(void)fixture_interpreter(s, 0);
	fixture_show(&board, s);
	fixture_screens(&board, "overview-malloc");
	fixture_press(&board, "3{enter}{down}4{enter}{down}2{enter}{down}5{enter}{down}");
}

static void lists(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	fixture_press(&board, "3");
	fixture_screens(&board, "arenas");
	fixture_press(&board, "4");
	fixture_screens(&board, "classes");
}

static void drill_down(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	fixture_press(&board, "/0x7f3a4ab00000{enter}");
	fixture_screens(&board, "arena");
	fixture_press(&board, "/0x7f3a1c010100{enter}");
	fixture_screens(&board, "pool");
}

static void help(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	fixture_press(&board, "?");
	fixture_screens(&board, "help");
}

static void target_ended(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	board_fill(&board);
	board_trouble(&board, error_new(ERROR_GONE, "pid 4127 is gone"));
	fixture_screens(&board, "ended");
}

static void hostile_names(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	struct snapshot *s = fixture_fragmented(40);
	free(s->target.command);
	s->target.command = strdup("\x1b[31mred\x1b]0;title\x07 \xe2\x80\xaeright \xff");
	strcpy(s->target.version, "3.\x1b[2J");
	doubts_add(&s->doubts, DOUBT_POOL_INVALID, DOUBT_PARTIAL, 1, "bad \x1b[1m header");
	fixture_show(&board, s);
	board_trouble(&board, error_new(ERROR_RESOURCE, "cannot read \x1b[5m/tmp/x"));
	fixture_screens(&board, "hostile");
}

/* 1 GiB of heap, 61,000 pools: far below what a frame may take, whatever machine this is. */
static void drawing_is_cheap(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	struct timespec start, end;
	fixture_board(&board);
	for (int i = 0; i < 2; i++)
		fixture_show(&board, fixture_fragmented(1024));
	fixture_press(&board, "m");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (int i = 0; i < 20; i++)
		free(fixture_draw(&board, 120, 40, false));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	double ms = (double)(end.tv_sec - start.tv_sec) * 1e3 +
		    (double)(end.tv_nsec - start.tv_nsec) / 1e6;
	print_message("a frame of 1 GiB: %.2f ms\n", ms / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overview),
		cmocka_unit_test(overview_of_few_arenas),
		cmocka_unit_test(overview_of_a_core),
		cmocka_unit_test(overview_without_pymalloc),
		cmocka_unit_test(lists),
		cmocka_unit_test(drill_down),
		cmocka_unit_test(help),
		cmocka_unit_test(target_ended),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(drawing_is_cheap),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
