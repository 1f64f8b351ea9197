/*
 * Tests of symbols/python_build: the samples' tables against the compiler's own offsetof,
 * tables that are kept, and files that are broken.
 */
#include "build_fixture.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/elf/file_image.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* ---- what compilers write ------------------------------------------------------------ */

static void test_every_flavour_gives_the_same_table(void **state)
{
	(void)state;
	static const char *const flavours[] = {"plain",      "dwarf2", "dwarf4", "dwarf5",
					       "compressed", "types",  "split",  "lto"};
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		char path[SAMPLE_PATH_SIZE];
		struct python_build build;
		sample_path(flavours[i], path);
		if (access(path, R_OK))
			continue; /* lto: not with this compiler */
		print_message("sample %s\n", flavours[i]);
		assert_success(build_resolve(path, build_nowhere(), &build));
		assert_sample_table(&build);
		assert_int_equal(build.layout_source, PROVENANCE_DWARF);
		assert_null(build.debug_file);
		python_build_fini(&build);
	}
}

/* The addresses that the program itself has for two statics of one name. */
static void test_statics_of_one_name_are_told_apart(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("plain", path);
	assert_success(build_resolve(path, build_nowhere(), &build));
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_DICT), 4);
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_TUPLE), 80);
	assert_int_equal(build.layout.entries[LAYOUT_FREELIST_STATIC_DICT].provenance,
			 PROVENANCE_SYMTAB);
	assert_false(layout_has(&build.layout, LAYOUT_FREELIST_STATIC_LIST));
	/* Two files have one, and layout.def does not say which is meant. */
	assert_false(layout_has(&build.layout, LAYOUT_STATIC_SERIALNO));
	python_build_fini(&build);
}

/* Link-time optimisation forgets which file a static is from; only DWARF still knows. */
static void test_statics_of_one_name_after_link_time_optimisation(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("lto-statics", path);
	if (access(path, R_OK))
		skip();
	assert_success(build_resolve(path, build_nowhere(), &build));
	assert_false(layout_has(&build.layout, LAYOUT_FREELIST_FLOAT));
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_DICT), 4);
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_TUPLE), 80);
	assert_int_equal(build.layout.entries[LAYOUT_FREELIST_STATIC_DICT].provenance,
			 PROVENANCE_DWARF);
	assert_int_equal(build.layout.entries[LAYOUT_STATIC_ARENAS].provenance, PROVENANCE_SYMTAB);
	python_build_fini(&build);
}

static void test_addresses_without_a_symbol_table(void **state)
{
	struct build_scene *s = *state;
	static const enum layout_entry_id ids[] = {LAYOUT_STATIC_ARENAS, LAYOUT_STATIC_USEDPOOLS,
						   LAYOUT_STATIC_MAXARENAS, LAYOUT_RUNTIME};
	char plain[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	struct python_build with, without;
	sample_path("plain", plain);
	snprintf(path, sizeof(path), "%s/nosymtab", s->folder);
	sample_run("objcopy --strip-all --keep-section='.debug_*' '%s' '%s'", plain, path);
	assert_success(build_resolve(plain, build_nowhere(), &with));
	assert_success(build_resolve(path, build_nowhere(), &without));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct layout_entry *a = &with.layout.entries[ids[i]];
		const struct layout_entry *b = &without.layout.entries[ids[i]];
		assert_int_equal(a->offset, b->offset);
		assert_int_equal(a->width, b->width);
		assert_int_equal(a->provenance, PROVENANCE_SYMTAB);
		assert_int_equal(b->provenance,
				 ids[i] == LAYOUT_RUNTIME ? PROVENANCE_DYNSYM : PROVENANCE_DWARF);
	}
	assert_false(layout_has(&without.layout, LAYOUT_PYMALLOC_MALLOC));
	python_build_fini(&with);
	python_build_fini(&without);
}

/* dwz moves what two files have in common to a third one, which must be found and be the right one. */
static void test_what_dwz_moved_away(void **state)
{
	struct build_scene *s = *state;
	char plain[SAMPLE_PATH_SIZE], other[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	char command[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("dwarf4", plain);
	sample_path("other", other);
	snprintf(path, sizeof(path), "%s/a", s->folder);
	sample_run("cd '%s' && cp '%s' a && cp a b", s->folder, plain);
	snprintf(command, sizeof(command), "cd '%s' && dwz -m common a b 2>/dev/null", s->folder);
	if (system(command) != 0)
		skip(); /* there is no dwz, or it does not know what this compiler writes */
	assert_success(build_resolve(path, build_nowhere(), &build));
	assert_sample_table(&build);
	assert_non_null(build_find_trial(&build, "used"));
	python_build_fini(&build);
	sample_run("cp '%s' '%s/common'", other, s->folder);
	_cleanup_(error_fini) struct error *err = build_no_symbols(path, build_nowhere(), &build);
	assert_non_null(strstr(err->cause, "dwz's common file"));
	assert_non_null(build_find_trial(&build, "another build (build-id 0123456789abcdef"));
	python_build_fini(&build);
}

static void test_zstd_is_named(void **state)
{
	struct build_scene *s = *state;
	char plain[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE], command[4 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("plain", plain);
	snprintf(path, sizeof(path), "%s/zstd", s->folder);
	snprintf(command, sizeof(command),
		 "objcopy --compress-debug-sections=zstd '%s' '%s' 2>/dev/null", plain, path);
	if (system(command) != 0)
		skip();
	assert_success(build_resolve(path, build_nowhere(), &build));
	if (build.no_debug_info)
		assert_non_null(strstr(build.why, "zstd"));
	else
		assert_sample_table(&build); /* a libdw that can read it */
	python_build_fini(&build);
}

/* ---- the cache ----------------------------------------------------------------------- */

static void test_a_kept_table_answers(void **state)
{
	struct build_scene *s = *state;
	char plain[SAMPLE_PATH_SIZE], cache[SAMPLE_PATH_SIZE + 16];
	struct python_build_request request = build_nowhere();
	struct python_build build;
	sample_path("plain", plain);
	snprintf(cache, sizeof(cache), "%s/cache", s->folder);
	request.cache_dir = cache;
	request.cache_only = true;
	struct error *err = build_resolve(plain, request, &build);
	assert_true(error_catch(&err, ERROR_SYMBOLS));
	python_build_fini(&build);
	request.cache_only = false;
	assert_success(build_resolve(plain, request, &build));
	assert_false(build.used_cache);
	python_build_fini(&build);
	request.cache_only = true;
	assert_success(build_resolve(s->stripped, request, &build));
	assert_true(build.used_cache);
	assert_sample_table(&build);
	assert_int_equal(build.layout_source, PROVENANCE_CACHE);
	assert_int_equal(build.roots_source, PROVENANCE_CACHE);
	python_build_fini(&build);
	/* A file given by hand neither reads nor writes it. */
	request.cache_only = false;
	request.symbols = plain;
	assert_success(build_resolve(s->stripped, request, &build));
	assert_false(build.used_cache);
	python_build_fini(&build);
}

static void test_a_table_from_a_foreign_file_is_not_kept(void **state)
{
	struct build_scene *s = *state;
	char path[2 * SAMPLE_PATH_SIZE], cache[SAMPLE_PATH_SIZE + 16];
	struct python_build_request request = build_nowhere();
	struct python_build build;
	snprintf(path, sizeof(path), "%s/x.debug", s->folder);
	snprintf(cache, sizeof(cache), "%s/cache", s->folder);
	sample_copy(s->debug, path);
	assert_int_equal(chmod(path, 0666), 0);
	request.cache_dir = cache;
	assert_success(build_resolve(s->stripped, request, &build));
	assert_non_null(build_find_trial(&build, "not kept"));
	assert_int_not_equal(access(cache, F_OK), 0);
	python_build_fini(&build);
}

/* ---- broken files -------------------------------------------------------------------- */

/* A broken file gives a checked table, whole or said not to be, and leaves nothing behind. */
static void assert_survived(const char *path, size_t descriptors)
{
	struct python_build_request request = build_nowhere();
	struct python_build build;
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	request.file = fd;
	request.path = path;
	assert_success(python_build_resolve(&request, &build));
	assert_null(layout_check(&build.layout));
	assert_true(build.no_debug_info || layout_has(&build.layout, LAYOUT_INTERP_SIZE));
	python_build_fini(&build);
	close(take_fd(&fd));
	assert_int_equal(sample_count_descriptors(), descriptors);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_flipped_bytes(void **state)
{
	struct build_scene *s = *state;
	static const char *const flavours[] = {"plain", "compressed", "types"};
	char path[2 * SAMPLE_PATH_SIZE];
	size_t descriptors = sample_count_descriptors();
	uint32_t random = 3;
	snprintf(path, sizeof(path), "%s/broken", s->folder);
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		char original[SAMPLE_PATH_SIZE];
		size_t size;
		sample_path(flavours[i], original);
		_cleanup_(free_pointer) uint8_t *data = sample_read(original, &size);
		for (unsigned round = 0; round < 60; round++) {
			_cleanup_(free_pointer) uint8_t *copy = malloc(size);
			memcpy(copy, data, size);
			/* Behind the segments lie the debug sections and the section headers. */
			for (unsigned n = 0; n <= round; n++)
				copy[12288 + sample_random(&random) % (size - 12288)] =
					(uint8_t)sample_random(&random);
			sample_write(path, copy, size);
			assert_survived(path, descriptors);
		}
	}
}

static void test_truncated_files(void **state)
{
	struct build_scene *s = *state;
	char path[2 * SAMPLE_PATH_SIZE], original[SAMPLE_PATH_SIZE];
	size_t size, descriptors = sample_count_descriptors();
	snprintf(path, sizeof(path), "%s/broken", s->folder);
	sample_path("plain", original);
	_cleanup_(free_pointer) uint8_t *data = sample_read(original, &size);
	for (size_t n = 0; n < size; n += 997) {
		sample_write(path, data, n);
		assert_survived(path, descriptors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flavour_gives_the_same_table),
		cmocka_unit_test(test_statics_of_one_name_are_told_apart),
		cmocka_unit_test(test_statics_of_one_name_after_link_time_optimisation),
		TEST(test_addresses_without_a_symbol_table),
		TEST(test_what_dwz_moved_away),
		TEST(test_zstd_is_named),
		TEST(test_a_kept_table_answers),
		TEST(test_a_table_from_a_foreign_file_is_not_kept),
		TEST(test_flipped_bytes),
		TEST(test_truncated_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
