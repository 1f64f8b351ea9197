/* What grew between two looks that were made by hand. */
#include "base/cleanup.h"
#include "looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOKS                                                      \
	_cleanup_(snapshot_fini) struct snapshot *a = look_calm(); \
	_cleanup_(snapshot_fini) struct snapshot *b = look_calm(); \
	_cleanup_(difference_fini) struct difference d = {.seconds = 0}

static void add_type(struct snapshot *s, const char *name, uint64_t count, uint64_t bytes)
{
	struct census_row *row = vec_push(&s->census.types);
	assert_non_null(row);
	s->census.filled = true;
	row->name = look_text(name);
	row->count = count;
	row->bytes = bytes;
	row->buffer_bytes = bytes / 2;
}

static void identify(struct snapshot *s, time_t taken)
{
	s->target.pid = 4127;
	s->target.started_at = (struct timespec){1000, 0};
	s->target.taken_at = (struct timespec){taken, 0};
	s->target.build_id = (struct build_id){.size = 4, .bytes = {1, 2, 3, 4}};
}

static const struct difference_row *row_of(const struct difference *d, enum difference_part part,
					   const char *name)
{
	for (size_t i = 0; i < d->rows.count; i++) {
		if (d->rows.items[i].part == part && strcmp(d->rows.items[i].name, name) == 0)
			return &d->rows.items[i];
	}
	return NULL;
}

static void test_nothing_changed(void **state)
{
	(void)state;
	LOOKS;
	identify(a, 5000);
	identify(b, 5060);
	assert_null(difference_make(a, b, &d));
	assert_int_equal(d.rows.count, 0);
	assert_true(d.same_process && d.same_build);
	assert_true(d.seconds > 59.9 && d.seconds < 60.1);
	assert_int_equal(d.rss, 0);
}

static void test_types_come_go_and_fold(void **state)
{
	(void)state;
	LOOKS;
	add_type(a, "app.Row", 10, 1000);
	add_type(a, "str", 70, 700);
	add_type(a, "int", 5, 50);
	add_type(b, "str", 60, 600);
	add_type(b, "app.Task", 5, 4000);
	add_type(b, "int", 5, 50);
	add_type(b, "str", 30, 300); /* another type object of that name */
	assert_null(difference_make(a, b, &d));
	assert_int_equal(d.rows.count, 3);
	assert_string_equal(d.rows.items[0].name, "app.Task");
	assert_string_equal(d.rows.items[1].name, "app.Row");
	assert_int_equal(row_of(&d, DIFFERENCE_TYPE, "app.Task")->bytes, 6000);
	assert_int_equal(row_of(&d, DIFFERENCE_TYPE, "app.Row")->count, -10);
	const struct difference_row *str = row_of(&d, DIFFERENCE_TYPE, "str");
	assert_int_equal(str->count, 20);
	assert_int_equal(str->count_b, 90);
	assert_int_equal(str->bytes, 300);
	assert_false(d.same_process);
}

static void test_roots_leaves_and_arenas(void **state)
{
	(void)state;
	LOOKS;
	static const char *const links[] = {"app.BUS", "set", NULL};
	look_root(a, "app.BUS", "asyncio.Task", 100, MIB, links);
	look_root(b, "app.BUS", "asyncio.Task", 500, 5 * MIB, links);
	look_root(b, "others", "str", 500, 5 * MIB, links)->kind = HOLDER_UNKNOWN;
	look_arenas(b, 4, 900 * KIB, 100, 0);
	struct pymalloc *p = &b->interpreters.items[0].pymalloc;
	p->n_classes = 3;
	p->classes[2] = (struct pymalloc_class){.size = 48, .used_blocks = 1000};
	assert_null(difference_make(a, b, &d));
	assert_int_equal(row_of(&d, DIFFERENCE_ROOT, "app.BUS")->bytes, 4 * MIB);
	assert_int_equal(row_of(&d, DIFFERENCE_ROOT, "app.BUS")->count, 400);
	assert_null(row_of(&d, DIFFERENCE_ROOT, "others"));
	assert_int_equal(row_of(&d, DIFFERENCE_LEAF, "pymalloc.live")->bytes, 4 * 900 * KIB);
	assert_int_equal(row_of(&d, DIFFERENCE_CLASS, "class 48")->bytes, 48000);
	assert_int_equal(d.arenas, 4);
	assert_int_equal(d.rss, 4 * MIB);
}

/* What only one of them holds says nothing. */
static void test_a_part_that_one_lacks(void **state)
{
	(void)state;
	LOOKS;
	static const char *const links[] = {"app.BUS", "set", NULL};
	add_type(b, "app.Task", 5, 4000);
	look_root(b, "app.BUS", "asyncio.Task", 500, 5 * MIB, links);
	a->holders.filled = false;
	b->ledger.filled = false;
	assert_null(difference_make(a, b, &d));
	assert_int_equal(d.rows.count, 0);
}

static void test_figures_at_the_ends(void **state)
{
	(void)state;
	LOOKS;
	add_type(a, "up", 0, 0);
	add_type(b, "up", UINT64_MAX, UINT64_MAX);
	add_type(a, "down", UINT64_MAX, UINT64_MAX);
	add_type(b, "down", 0, 0);
	assert_null(difference_make(a, b, &d));
	assert_int_equal(row_of(&d, DIFFERENCE_TYPE, "up")->bytes, INT64_MAX);
	assert_int_equal(row_of(&d, DIFFERENCE_TYPE, "down")->bytes, -INT64_MAX);
}

static void test_another_process(void **state)
{
	(void)state;
	LOOKS;
	identify(a, 5000);
	identify(b, 5060);
	b->target.started_at.tv_sec += 30;
	assert_null(difference_make(a, b, &d));
	assert_false(d.same_process);
	assert_true(d.same_build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_types_come_go_and_fold),
		cmocka_unit_test(test_roots_leaves_and_arenas),
		cmocka_unit_test(test_a_part_that_one_lacks),
		cmocka_unit_test(test_figures_at_the_ends),
		cmocka_unit_test(test_another_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
