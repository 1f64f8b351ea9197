/*
 * Tests of symbols/python_build where the debug information is missing or damaged, on
 * samples: what may be used of what is left, what it is called, and that it is not kept.
 */
#include "build_fixture.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const enum layout_entry_id statics[] = {LAYOUT_STATIC_ARENAS, LAYOUT_STATIC_USEDPOOLS,
					       LAYOUT_STATIC_MAXARENAS};

/* Whether the sample's statics are told by the module's own .symtab, at their right places. */
static void assert_statics(const struct python_build *build, bool expected)
{
	char plain[SAMPLE_PATH_SIZE];
	struct python_build with;
	sample_path("plain", plain);
	assert_success(build_resolve(plain, build_nowhere(), &with));
	for (size_t i = 0; i < sizeof(statics) / sizeof(statics[0]); i++) {
		const struct layout_entry *e = &build->layout.entries[statics[i]];
		assert_int_equal(e->provenance, expected ? PROVENANCE_SYMTAB : PROVENANCE_ABSENT);
		if (expected)
			assert_int_equal(e->offset, layout_offset(&with.layout, statics[i]));
	}
	python_build_fini(&with);
}

/* The structs are those of the record, whatever a file said. */
static void assert_recorded(const struct python_build *build)
{
	assert_int_equal(build->layout.entries[LAYOUT_POOL_HEADER_SIZE].provenance,
			 PROVENANCE_BUILTIN);
	assert_entry(build, LAYOUT_POOL_HEADER_SIZE, 0, 48, 1, 48);
	assert_entry(build, LAYOUT_POOL_SZIDX, 36, 4, 1, 4);
	assert_null(build->debug_file);
}

static void test_symbols_without_debug_information(void **state)
{
	struct build_scene *s = *state;
	char plain[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("plain", plain);
	snprintf(path, sizeof(path), "%s/symbols", s->folder);
	sample_run("strip --strip-debug -o '%s' '%s'", path, plain);
	_cleanup_(error_fini) struct error *err = build_no_symbols(path, build_nowhere(), &build);
	assert_non_null(strstr(err->cause, "no debug information for "));
	assert_null(build.why);
	assert_statics(&build, true);
	assert_recorded(&build);
	assert_int_equal(build.roots_source, PROVENANCE_SYMTAB);
	python_build_fini(&build);
}

static void test_exported_symbols_alone(void **state)
{
	struct build_scene *s = *state;
	struct python_build build;
	error_free(build_no_symbols(s->stripped, build_nowhere(), &build));
	assert_statics(&build, false);
	assert_recorded(&build);
	assert_int_equal(build.layout.entries[LAYOUT_RUNTIME].provenance, PROVENANCE_DYNSYM);
	assert_int_equal(build.roots_source, PROVENANCE_DYNSYM);
	assert_int_equal(build.layout_source, PROVENANCE_BUILTIN);
	assert_false(build.unverified);
	assert_non_null(build_find_trial(&build, "used: "));
	python_build_fini(&build);
}

static void test_such_a_table_is_not_kept(void **state)
{
	struct build_scene *s = *state;
	char cache[SAMPLE_PATH_SIZE + 16];
	struct python_build_request request = build_nowhere();
	struct python_build build;
	snprintf(cache, sizeof(cache), "%s/cache", s->folder);
	request.cache_dir = cache;
	error_free(build_no_symbols(s->stripped, request, &build));
	assert_int_not_equal(access(cache, F_OK), 0);
	python_build_fini(&build);
}

/* Nothing of a damaged file is used; the module's own symbols still are. */
static void test_a_damaged_debug_file(void **state)
{
	struct build_scene *s = *state;
	char plain[SAMPLE_PATH_SIZE], impossible[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	struct python_build_request request = build_nowhere();
	struct python_build build;
	sample_path("plain", plain);
	sample_path("impossible", impossible);
	snprintf(path, sizeof(path), "%s/symbols", s->folder);
	sample_run("strip --strip-debug -o '%s' '%s'", path, plain);
	request.symbols = impossible;
	_cleanup_(error_fini) struct error *err = build_no_symbols(path, request, &build);
	assert_non_null(
		strstr(err->cause, "sample-impossible is corrupt: layout entry POOL_HEADER_SIZE"));
	assert_non_null(build_find_trial(&build, "is corrupt"));
	assert_statics(&build, true);
	assert_recorded(&build);
	python_build_fini(&build);
}

/* Where that file is the module's own, its symbol table is not believed either: only what is mapped. */
static void test_a_damaged_module(void **state)
{
	(void)state;
	char impossible[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("impossible", impossible);
	_cleanup_(error_fini) struct error *err =
		build_no_symbols(impossible, build_nowhere(), &build);
	assert_non_null(strstr(err->cause, "is corrupt"));
	assert_statics(&build, false);
	assert_recorded(&build);
	assert_int_equal(build.layout.entries[LAYOUT_RUNTIME].provenance, PROVENANCE_DYNSYM);
	python_build_fini(&build);
}

/* Debug information of something else tells sizes of some objects, and no interpreter. */
static void test_half_of_a_table_is_worth_nothing(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	snprintf(path, sizeof(path), "%s/libsample-sysv.so", getenv("SAMPLES"));
	error_free(build_no_symbols(path, build_nowhere(), &build));
	assert_non_null(build_find_trial(&build, "used"));
	assert_false(layout_has(&build.layout, LAYOUT_SIZEOF_TUPLE));
	python_build_fini(&build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_symbols_without_debug_information),
		TEST(test_exported_symbols_alone),
		TEST(test_such_a_table_is_not_kept),
		TEST(test_a_damaged_debug_file),
		TEST(test_a_damaged_module),
		TEST(test_half_of_a_table_is_worth_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
