/*
 * What lies on the way to what is held: tracebacks, and caches that drop nothing.
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

/* A root of 70 MiB, of which so many hang on these links, and the others on a list. */
static struct holder_root *root_of(struct snapshot *s, uint64_t bytes, const char *const *links)
{
	static const char *const others[] = {"app.ERRORS", "list", "str", NULL};
	look_arenas(s, 80, 950 * KIB, 9000, 0);
	struct holder_root *root = look_root(s, "app.ERRORS", "str", 200000, 70 * MIB, others);
	struct holder_chain *chain = vec_push(&root->chains);
	assert_non_null(chain);
	root->chains.items[0].bytes = 70 * MIB - bytes;
	chain->bytes = bytes;
	chain->count = 1000;
	for (; *links; links++) {
		char **link = vec_push(&chain->links);
		assert_non_null(link);
		*link = strdup(*links);
	}
	return root;
}

static void test_tracebacks(void **state)
{
	static const char *const ways[][6] = {
		{"app.ERRORS", "list", "app.Failed", "traceback.tb_frame", "frame app.load() rows"},
		{"app.ERRORS", "list", "app.Failed", "traceback", "traceback.tb_next"},
		{"app.ERRORS", "list", "traceback"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		LOOK;
		VERDICT;
		root_of(s, 40 * MIB, ways[i]);
		look_judge(s, &v);
		const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
		assert_int_equal(look_evidence(cause, "traceback_bytes")->value, 40 * MIB);
		assert_false(look_has(cause, "endless_cache_bytes"));
	}
}

/* The standard library's module of that name has classes; a root may be called so; and less than half is not most. */
static void test_what_are_none(void **state)
{
	static const char *const ways[][4] = {
		{"app.ERRORS", "list", "traceback.FrameSummary.locals"},
		{"traceback", "list", "str"},
		{"app.ERRORS", "list", "app.traceback"},
		{"app.ERRORS", "list", "traceback.tb_frame"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		LOOK;
		VERDICT;
		root_of(s, i + 1 < ARRAY_SIZE(ways) ? 70 * MIB : 35 * MIB, ways[i]);
		look_judge(s, &v);
		assert_false(look_has(look_cause(&v, 0, CAUSE_LIVE_OBJECTS), "traceback_bytes"));
	}
}

/* One of which some chain shows that it drops its oldest is none, though it has grown. */
static void test_caches(void **state)
{
	static const char *const ways[][6] = {
		{"app.ERRORS", "functools._lru_cache_wrapper", "dict", "app.Row"},
		{"app.ERRORS", "functools._lru_cache_wrapper", "functools._lru_list_elem", "str"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		LOOK;
		VERDICT;
		struct difference_row row = {.part = DIFFERENCE_ROOT,
					     .name = "app.ERRORS",
					     .bytes = (int64_t)(30 * MIB)};
		struct difference since = {.same_process = true, .seconds = 60};
		since.rows.items = &row;
		since.rows.count = 1;
		root_of(s, 35 * MIB + 1, ways[i]);
		assert_null(verdict_make_since(s, &since, &v));
		const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
		assert_int_equal(look_has(cause, "endless_cache_bytes"), i == 0);
		assert_false(look_has(cause, "traceback_bytes"));
	}
}

static void test_what_pins(void **state)
{
	(void)state;
	for (int hangs = 0; hangs < 2; hangs++) {
		LOOK;
		VERDICT;
		look_arenas(s, 150, 20 * KIB, 40, 0);
		look_pin_root(s, "app.ERRORS", "str", 750, 96 * MIB);
		const char *const links[] = {"app.ERRORS", hangs ? "traceback.tb_frame" : "list"};
		for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
			char **link = vec_push(&s->pins.roots.items[0].links);
			assert_non_null(link);
			*link = strdup(links[i]);
		}
		look_judge(s, &v);
		const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_PINNED);
		assert_int_equal(cause->pin_root, 0);
		assert_int_equal(look_has(cause, "traceback_bytes"), hangs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tracebacks),
		cmocka_unit_test(test_what_are_none),
		cmocka_unit_test(test_caches),
		cmocka_unit_test(test_what_pins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
