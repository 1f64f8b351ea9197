/*
 * Tests of the search for debug files: where they are found, and what is refused.
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

/* Resolving the stripped module finds `expected` as its debug file. */
static void assert_found(const struct build_scene *s, struct python_build_request request,
			 const char *expected)
{
	struct python_build build;
	assert_success(build_resolve(s->stripped, request, &build));
	assert_string_equal(build.debug_file, expected);
	assert_sample_table(&build);
	python_build_fini(&build);
}

static void assert_not_found(const struct build_scene *s, struct python_build_request request,
			     const char *because)
{
	struct python_build build;
	_cleanup_(error_fini) struct error *err = build_no_symbols(s->stripped, request, &build);
	assert_non_null(err->remedy);
	assert_non_null(strstr(err->remedy, "python3.11-dbg"));
	assert_non_null(strstr(err->remedy, HEX));
	if (because && !build_find_trial(&build, because) && !strstr(err->cause, because))
		fail_msg("nothing says '%s' (%s)", because, err->cause);
	assert_false(layout_has(&build.layout, LAYOUT_INTERP_SIZE));
	python_build_fini(&build);
}

static void test_nothing_to_be_found(void **state)
{
	assert_not_found(*state, build_nowhere(), "no debug information in it");
}

static void test_by_build_id_in_the_targets_root(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	char path[2 * SAMPLE_PATH_SIZE];
	snprintf(path, sizeof(path), "%s" BY_ID, s->folder);
	sample_copy(s->debug, path);
	request.target_root = s->root;
	assert_found(s, request, BY_ID);
	/* An absolute link leads inside the target's root, not to ours. */
	sample_run("cd '%s' && mv '.%s' away/y.debug && ln -s /away/y.debug '.%s'", s->folder,
		   BY_ID, BY_ID);
	assert_found(s, request, BY_ID);
	sample_run("cd '%s' && ln -sf '%s' '.%s'", s->folder, s->debug, BY_ID);
	assert_not_found(s, request, "no such file");
}

static void test_odd_things_in_place_of_a_file(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	request.target_root = s->root;
	sample_run("cd '%s' && mkdir -p '.%s'", s->folder, BY_ID);
	assert_not_found(s, request, "not a regular file");
	sample_run("cd '%s' && rmdir '.%s' && mkfifo '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "not a regular file");
	sample_run("cd '%s' && rm '.%s' && truncate -s 3G '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "too large");
	sample_run("cd '%s' && rm '.%s' && echo text > '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "not an ELF file");
	sample_run("cd '%s' && ln -sf '%s' '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "symbolic links");
}

static void test_by_debuglink(void **state)
{
	struct build_scene *s = *state;
	char path[2 * SAMPLE_PATH_SIZE];
	snprintf(path, sizeof(path), "%s/.debug/x.debug", s->folder);
	sample_copy(s->debug, path);
	assert_found(s, build_nowhere(), path);
	snprintf(path, sizeof(path), "%s/x.debug", s->folder);
	sample_copy(s->debug, path);
	assert_found(s, build_nowhere(), path);
}

/* Without build-ids the debuglink's CRC, counted by objcopy, is what vouches. */
static void test_by_crc(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	char debug[SAMPLE_PATH_SIZE + 32], path[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	snprintf(debug, sizeof(debug), "%s/n.debug", s->folder);
	snprintf(path, sizeof(path), "%s/noid", s->folder);
	sample_run("cd '%s' && objcopy -R .note.gnu.build-id away/x.debug n.debug && "
		   "objcopy -R .note.gnu.build-id -R .gnu_debuglink python noid && "
		   "objcopy --add-gnu-debuglink=n.debug noid",
		   s->folder);
	assert_success(build_resolve(path, request, &build));
	assert_string_equal(build.debug_file, debug);
	assert_sample_table(&build);
	python_build_fini(&build);
	sample_run("echo >> '%s'", debug);
	error_free(build_no_symbols(path, request, &build));
	assert_non_null(build_find_trial(&build, "its CRC is not the debuglink's"));
	python_build_fini(&build);
	/* A file given by hand has nothing else to show either. */
	request.symbols = s->debug;
	error_free(build_no_symbols(path, request, &build));
	python_build_fini(&build);
}

static void test_by_hand_and_from_debuginfods_cache(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	char path[3 * SAMPLE_PATH_SIZE], cache[SAMPLE_PATH_SIZE + 16];
	request.symbols = s->debug;
	assert_found(s, request, s->debug);
	snprintf(cache, sizeof(cache), "%s/away", s->folder);
	request.symbols = cache;
	assert_found(s, request, s->debug);
	snprintf(path, sizeof(path), "%s/" HEX "/debuginfo", cache);
	sample_copy(s->debug, path);
	request.symbols = NULL;
	request.debuginfo_cache = cache;
	assert_found(s, request, path);
}

static void test_another_builds_file_is_refused(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	char other[SAMPLE_PATH_SIZE], plain[SAMPLE_PATH_SIZE];
	sample_path("other", other);
	sample_path("plain", plain);
	request.symbols = other;
	assert_not_found(s, request, "another build (build-id 0123456789abcdef");
	/* It does no harm to a module that needs none. */
	struct python_build build;
	assert_success(build_resolve(plain, request, &build));
	assert_non_null(build_find_trial(&build, "another build (build-id 0123456789abcdef"));
	assert_sample_table(&build);
	python_build_fini(&build);
}

static void test_the_modules_file_of_another_build(void **state)
{
	(void)state;
	char plain[SAMPLE_PATH_SIZE];
	sample_path("plain", plain);
	_cleanup_(close_fd) int fd = open(plain, O_RDONLY | O_CLOEXEC);
	struct python_build_request request = build_nowhere();
	request.file = fd;
	request.path = plain;
	request.build_id = (struct build_id){.bytes = {1, 2, 3, 4}, .size = 4};
	struct python_build build;
	assert_success(python_build_resolve(&request, &build));
	assert_true(build.no_debug_info);
	assert_non_null(build_find_trial(&build, "another build (build-id " HEX));
	assert_false(layout_has(&build.layout, LAYOUT_RUNTIME)); /* nothing of it is taken */
	python_build_fini(&build);
}

static void test_a_deleted_module(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	struct python_build build;
	_cleanup_(close_fd) int fd = open(s->stripped, O_RDONLY | O_CLOEXEC);
	struct file_image file;
	assert_null(file_image_read(fd, &file));
	request.build_id = file.image.build_id;
	request.symbols = s->debug;
	request.read = file_image_bytes; /* stands in for memory */
	request.read_context = &file;
	request.image = &file.image;
	assert_success(python_build_resolve(&request, &build));
	assert_sample_table(&build);
	python_build_fini(&build);
}

/* The doctored file has other shapes under the module's build-id: they must show. */
static void test_a_doctored_file_changes_the_table(void **state)
{
	struct build_scene *s = *state;
	struct python_build_request request = build_nowhere();
	char doctored[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("doctored", doctored);
	snprintf(path, sizeof(path), "%s" BY_ID, s->folder);
	sample_copy(doctored, path);
	request.target_root = s->root;
	assert_success(build_resolve(s->stripped, request, &build));
	uint64_t moved = 64 - SAMPLE_PADDING;
	assert_int_equal(layout_offset(&build.layout, LAYOUT_POOL_SZIDX),
			 offsetof(struct pool_header, szidx) + moved);
	assert_int_equal(layout_offset(&build.layout, LAYOUT_ARENA_ADDRESS),
			 offsetof(struct arena_object, address) + moved);
	assert_int_equal(build.layout_source, PROVENANCE_DWARF);
	python_build_fini(&build);
}

static void test_split_units_without_their_files(void **state)
{
	struct build_scene *s = *state;
	char split[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	sample_path("split", split);
	snprintf(path, sizeof(path), "%s/split", s->folder);
	sample_copy(split, path);
	/* What others can write is read behind the full seal: no file is opened at its word. */
	assert_int_equal(chmod(path, 0666), 0);
	struct python_build build;
	_cleanup_(error_fini) struct error *err = build_no_symbols(path, build_nowhere(), &build);
	assert_non_null(strstr(err->cause, ".dwo"));
	python_build_fini(&build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_to_be_found),
		TEST(test_by_build_id_in_the_targets_root),
		TEST(test_odd_things_in_place_of_a_file),
		TEST(test_by_debuglink),
		TEST(test_by_crc),
		TEST(test_by_hand_and_from_debuginfods_cache),
		TEST(test_another_builds_file_is_refused),
		TEST(test_the_modules_file_of_another_build),
		TEST(test_a_deleted_module),
		TEST(test_a_doctored_file_changes_the_table),
		TEST(test_split_units_without_their_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
