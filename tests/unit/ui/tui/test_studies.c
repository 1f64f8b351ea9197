/* studies: the screens of types, pins and objects, and when every block is looked into. */
#include "fixture.h"
#include "studies.h"

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
	bool has = strstr(drawn, text) != NULL;
	if (!has)
		print_message("%s", drawn);
	return has;
}

static struct snapshot *taken(void (*fill)(struct snapshot *s), time_t after)
{
	struct snapshot *s = fixture_fragmented(40);
	fill(s);
	s->target.taken_at.tv_sec += after;
	return s;
}

static struct error *object(void *context, raddr at, struct inspector_object *ret)
{
	size_t *asked = context;
	(void)at;
	++*asked;
	studies_object(ret);
	return NULL;
}

static void types(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, taken(studies_first, 0));
	fixture_press(&board, "6");
	assert_true(shows(&board, "r does"));
	fixture_press(&board, "r");
	assert_true(board.wants_study);
	board.studies = true;
	board.study_done = 420;
	assert_true(shows(&board, "looking into every block ... 42 %"));
	board.studies = false;
	assert_null(board_study(&board, taken(studies_pinned, 5)));
	fixture_screens(&board, "types");
	/* A growth since the mark has columns of its own. */
	fixture_press(&board, "m");
	struct snapshot *grown = taken(studies_pinned, 10);
	grown->census.types.items[2].count += 1000;
	grown->census.types.items[2].bytes += 48000;
	assert_null(board_study(&board, grown));
	fixture_press(&board, "d");
	assert_true(shows(&board, "+1,000"));
	fixture_press(&board, "/Session{enter}");
	assert_true(shows(&board, "1,322 buffers") || shows(&board, "0 buffers"));
}

static void pins(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, taken(studies_first, 0));
	assert_null(board_study(&board, taken(studies_pinned, 5)));
	assert_true(shows(&board, "7 shows who"));
	fixture_press(&board, "7");
	fixture_screens(&board, "pins");
	assert_true(shows(&board, "app.CACHE > dict > app.Session"));
	fixture_press(&board, "f");
	assert_true(shows(&board, "by type"));
}

static void objects(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	size_t asked = 0;
	fixture_board(&board);
	board.options.object = object;
	board.options.context = &asked;
	fixture_show(&board, taken(studies_first, 0));
	board_open(&board, &view_object, raddr_at(0x7f3a1c04b2d0), RADDR_NULL);
	assert_int_equal(asked, 1);
	fixture_screens(&board, "object");
	board_refresh(&board);
	assert_int_equal(asked, 1);
	fixture_press(&board, "{down}{enter}");
	assert_int_equal(asked, 2);
	assert_int_equal(board_view(&board)->subject.value, 0x7f3a1c0a0400);
	fixture_press(&board, "{esc}");
	assert_string_equal(board_view(&board)->ops->name, "overview");
}

static void failures(void **state)
{
	(void)state;
	_cleanup_(boardp) struct board board;
	fixture_board(&board);
	fixture_show(&board, taken(studies_first, 0));
	board_study_trouble(&board, error_new(ERROR_RESOURCE, "no memory is left for it"));
	fixture_press(&board, "6");
	assert_true(shows(&board, "no memory is left for it"));
	fixture_press(&board, "7");
	assert_true(shows(&board, "no memory is left for it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(pins),
		cmocka_unit_test(objects),
		cmocka_unit_test(failures),
	};
	return cmocka_run_group_tests_name("studies", tests, NULL, NULL);
}
