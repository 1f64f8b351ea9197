/* rows: what has one name is one root, and the order is that in which names came. */
#include "inspector/holders/roots/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add(struct rows *rows, const char *name, uint64_t at)
{
	assert_null(rows_add(rows, (struct root){.phase = ROOT_NAMED, .at = raddr_at(at)}, name));
}

static void expect(const struct roots *roots, size_t i, const char *name, uint64_t at)
{
	const struct root *root = &roots->list.items[i];
	assert_int_equal(root->at.value, at);
	if (name)
		assert_string_equal(root->name, name);
	else
		assert_null(root->name);
}

static void one_name_is_one_root(void **state)
{
	(void)state;
	struct roots roots = {VEC_EMPTY, VEC_EMPTY};
	struct gather g = {.ret = &roots};
	struct rows rows = {VEC_EMPTY, VEC_EMPTY};
	add(&rows, "main() z", 1);
	add(&rows, "run() b", 2);
	add(&rows, NULL, 3);
	add(&rows, "run() a", 4);
	add(&rows, "run() b", 5);
	add(&rows, "main() z", 6);
	assert_null(rows_tell(&rows, &g));
	assert_int_equal(roots.list.count, 6);
	expect(&roots, 0, "main() z", 1);
	expect(&roots, 1, NULL, 6);
	expect(&roots, 2, "run() b", 2);
	expect(&roots, 3, NULL, 3);
	expect(&roots, 4, NULL, 5);
	expect(&roots, 5, "run() a", 4);
	rows_fini(&rows);
	roots_fini(&roots);
}

static void none_are_none(void **state)
{
	(void)state;
	struct roots roots = {VEC_EMPTY, VEC_EMPTY};
	struct gather g = {.ret = &roots};
	struct rows rows = {VEC_EMPTY, VEC_EMPTY};
	assert_null(rows_tell(&rows, &g));
	assert_int_equal(roots.list.count, 0);
	rows_fini(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_name_is_one_root),
		cmocka_unit_test(none_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
