/*
 * test_stats: each golden file is what an interpreter printed; its numbers in a
 * snapshot must give the same bytes.
 */
#include "ui/report/stats.h"

#include "base/cleanup.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_versions(void **state)
{
	static const char *const reports[] = {
		"stats-3.6.15.txt",  "stats-3.7.16-debug.txt", "stats-3.8.18.txt",
		"stats-3.9.18.txt",  "stats-3.10.13.txt",      "stats-3.11.7.txt",
		"stats-3.12.1.txt",  "stats-3.13.0.txt",       "stats-3.13.5d.txt",
		"stats-3.14.10.txt", "stats-3.15.0.txt",       "stats-3.11.7-malloc.txt",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		_cleanup_(text_fini) struct text text = TEXT_EMPTY;
		_cleanup_(free_pointer) char *report = fixture_golden(reports[i]);
		_cleanup_(snapshot_fini) struct snapshot *s = fixture_from_stats(report);
		assert_true(strlen(report) > 500);
		assert_int_equal(stats_write(&text, s), 0);
		fixture_same(reports[i], text_string(&text), report);
	}
}

/* An unknown count and all that depends on it is a question mark, in its column. */
static void test_unknown(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(free_pointer) char *report = fixture_golden("stats-3.11.7.txt");
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_from_stats(report);
	(void)state;
	s->interpreters.items[0].pymalloc.arenas_allocated_total.known = false;
	s->interpreters.items[0].pymalloc.arena_map_bots.known = false;
	s->interpreters.items[0].free_lists.items[0].count.known = false;
	assert_int_equal(stats_write(&text, s), 6);
	fixture_compare("stats-unknown.txt", text_string(&text));
}

/* Without the counters (2.7) their lines are missing, and nothing else. */
static void test_absent(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(3, 1, 0);
	struct pymalloc *p = &s->interpreters.items[0].pymalloc;
	(void)state;
	p->arenas_allocated_total = (struct maybe){.absent = true};
	p->arenas_highwater = (struct maybe){.absent = true};
	s->interpreters.items[0].free_lists.items[1].count.absent = true;
	assert_int_equal(stats_write(&text, s), 0);
	fixture_compare("stats-absent.txt", text_string(&text));
}

static void add_interpreter(struct snapshot *s, int64_t id, bool shares_main, bool readable)
{
	struct snapshot_interpreter *one = vec_push(&s->interpreters);
	assert_non_null(one);
	one->id = id;
	one->shares_main = shares_main;
	one->readable = readable;
}

/* Hooks are told of; interpreters with arenas of their own follow, those without do not. */
static void test_hooks_and_interpreters(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(2, 1, 0);
	(void)state;
	s->target.shows_stats = false;
	s->interpreters.items[0].free_lists.items[1].count = maybe_known(3);
	add_interpreter(s, 1, true, true);
	add_interpreter(s, 2, false, false);
	assert_int_equal(stats_write(&text, s), 1);
	fixture_compare("stats-hooks.txt", text_string(&text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_hooks_and_interpreters),
	};
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
