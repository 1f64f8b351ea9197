/*
 * Tests of symbols/python_version: constants and string literals of images made up
 * here. (What real interpreters hold is test_interpreters' matter.)
 */
#include "symbols/python_version.h"

#include "base/cleanup.h"
#include "sample_files.h"
#include "symbols/python_build.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct strings {
	const char *data;
	size_t size;
};

static struct error *read_strings(void *context, raddr at, void *buffer, size_t size)
{
	const struct strings *s = context;
	if (at.value > s->size || size > s->size - at.value)
		return error_new(ERROR_FAULT, "beyond the end");
	memcpy(buffer, s->data + at.value, size);
	return NULL;
}

/* The version that a read-only segment with these bytes gives; NULL: none. */
static const char *version_of(const char *data, size_t size, struct python_version *ret)
{
	struct strings s = {data, size};
	struct elf_image image = {.n_segments = 1, .segments = {{.memsz = size, .filesz = size}}};
	struct error *err = python_version_read(read_strings, &s, &image, ret);
	if (err)
		assert_int_equal(err->kind, ERROR_SYMBOLS);
	error_free(err);
	return err ? NULL : ret->text;
}

#define VERSION_OF(literal) version_of(literal, sizeof(literal), &version)

static void test_the_literal_that_agrees(void **state)
{
	(void)state;
	struct python_version version;
	assert_string_equal(VERSION_OF("\0lib/python3.8\0"
				       "1.2.11\0"
				       "2.4.9\0"
				       "3.8.18\0"),
			    "3.8.18");
	assert_int_equal(version.hex, 0x030812f0);
	assert_string_equal(VERSION_OF("x\0"
				       "2.7.18\0lib/python2.7\0"),
			    "2.7.18");
	assert_string_equal(VERSION_OF("x\0"
				       "3.10.0rc2\0python3.10\0"),
			    "3.10.0rc2");
	assert_int_equal(version.hex & 0xff, 0);
	assert_string_equal(VERSION_OF("x\0"
				       "2.7.5+\0python2.7\0"),
			    "2.7.5+");
}

static void test_the_end_of_a_longer_string(void **state)
{
	(void)state;
	struct python_version version;
	assert_string_equal(VERSION_OF("x\0/opt/python/3.6.15\0lib/python3.6\0"), "3.6.15");
	/* A whole string says more than another's end. */
	assert_string_equal(VERSION_OF("x\0/opt/3.6.1\0"
				       "3.6.15\0lib/python3.6\0"),
			    "3.6.15");
}

static void test_no_or_no_single_answer(void **state)
{
	(void)state;
	struct python_version version;
	assert_null(VERSION_OF("\0"
			       "3.8.18\0"));
	assert_null(VERSION_OF("\0lib/python3.8\0"
			       "3.9.1\0"));
	assert_null(VERSION_OF("\0lib/python3.8\0"
			       "3.8.1\0"
			       "3.8.2\0"));
	assert_null(VERSION_OF("\0lib/python3.8\0"
			       "3.8.1.2\0"
			       "13.8.1\0"
			       "3.8.1rc\0"
			       "3.8\0"));
	assert_null(VERSION_OF("\0lib/python3.8\0"
			       "3.8.9999\0"));
	assert_null(VERSION_OF("."));
	assert_null(VERSION_OF("3."));
	assert_null(version_of("3.8.1", 5, &version));
}

static void test_a_literal_across_windows(void **state)
{
	(void)state;
	struct python_version version;
	enum { SIZE = 600000 };
	char *data = calloc(1, SIZE);
	assert_non_null(data);
	memcpy(data + 100, "lib/python3.9", 13);
	for (size_t at = 262144 - 70; at < 262144 + 10; at++) {
		memcpy(data + at,
		       "\0"
		       "3.9.18",
		       8);
		assert_string_equal(version_of(data, SIZE, &version), "3.9.18");
		memset(data + at, 0, 8);
	}
	free(data);
}

static void test_a_sample_file(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("plain", path);
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_null(python_build_version(fd, &build));
	assert_string_equal(build.version, "3.11.2");
	assert_int_equal(build.version_hex, 0x030b02f0);
	assert_false(build.debug_build || build.free_threaded);
	_cleanup_(close_fd) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct error *err = python_build_version(null, &build);
	assert_true(error_catch(&err, ERROR_UNSUPPORTED));
}

static void test_a_free_threaded_release_candidate(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("threaded", path);
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_null(python_build_version(fd, &build));
	assert_string_equal(build.version, "3.15.0rc1");
	assert_int_equal(build.version_hex, 0x030f00c1);
	assert_true(build.debug_build && build.free_threaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_literal_that_agrees),
		cmocka_unit_test(test_the_end_of_a_longer_string),
		cmocka_unit_test(test_no_or_no_single_answer),
		cmocka_unit_test(test_a_literal_across_windows),
		cmocka_unit_test(test_a_sample_file),
		cmocka_unit_test(test_a_free_threaded_release_candidate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
