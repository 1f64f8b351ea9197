/*
 * With an earlier look to compare with: what grew is the cause, and what did not grow stands there all the same.
 */
#include "base/cleanup.h"
#include "looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOK    _cleanup_(snapshot_fini) struct snapshot *s = look_calm()
#define VERDICT _cleanup_(verdict_fini) struct verdict v = {.filled = false}

/* Two looks: growth is measured, and its size alone is no reason any more. */
static void test_growth_is_measured(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.BUS", "app.Bus", "set", "asyncio.Task", NULL};
	look_arenas(s, 200, 950 * KIB, 9000, 0);
	look_root(s, "app.TABLE", "app.Row", 30000, 120 * MIB, links);
	look_root(s, "app.BUS", "asyncio.Task", 30000, 40 * MIB, links);
	struct difference_row row = {
		.part = DIFFERENCE_ROOT, .name = "app.BUS", .bytes = (int64_t)(30 * MIB)};
	struct difference since = {.same_process = true, .seconds = 62 * 3600};
	since.rows.items = &row;
	since.rows.count = 1;
	assert_null(verdict_make_since(s, &since, &v));
	look_check_sums(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 30 * MIB);
	assert_true(cause->measured);
	assert_int_equal(look_evidence(cause, "grown_bytes")->value, 30 * MIB);
	assert_int_equal(look_evidence(cause, "seconds")->value, 62 * 3600);
	assert_null(look_ruled_out(&v, THEORY_GROWTH));
}

/* Two looks, and all stands as it stood: it stands there all the same, and that it did not grow is said. */
static void test_nothing_grew(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.TABLE", "dict", "app.Row", NULL};
	struct difference since = {.same_process = true, .seconds = 12, .rss = 8 * KIB};
	look_arenas(s, 80, 950 * KIB, 9000, 0);
	look_root(s, "app.TABLE", "app.Row", 90000, 70 * MIB, links);
	assert_null(verdict_make_since(s, &since, &v));
	look_check_sums(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
	assert_int_equal(cause->bytes, 70 * MIB);
	assert_false(cause->measured);
	assert_int_equal(look_evidence(cause, "grown_bytes")->value, 0);
	assert_int_equal(look_evidence(cause, "seconds")->value, 12);
	assert_int_equal(look_ruled_out(&v, THEORY_GROWTH)->bytes.value, 8 * KIB);
	assert_true(v.since.used && v.since.seconds > 11);
}

/* A little here and a little there: no root is the cause, but nobody says that nothing grew. */
static void test_growth_of_many(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	struct difference since = {
		.same_process = true, .seconds = 3600, .rss = 30 * MIB, .live_bytes = 31 * MIB};
	assert_null(verdict_make_since(s, &since, &v));
	const struct cause *cause = look_cause(&v, 0, CAUSE_NOTHING_WRONG);
	assert_int_equal(look_evidence(cause, "grown_bytes")->value, 31 * MIB);
	assert_null(look_ruled_out(&v, THEORY_GROWTH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_is_measured),
		cmocka_unit_test(test_nothing_grew),
		cmocka_unit_test(test_growth_of_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
