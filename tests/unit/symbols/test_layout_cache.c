/*
 * Tests of symbols/layout_cache: kept and found again; damaged, foreign or planted
 * files are ignored, with a line that says so.
 */
#include "symbols/layout_cache.h"

#include "base/cleanup.h"
#include "sample_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const struct build_id id = {.bytes = {0xab, 0xcd, 0xef}, .size = 3};

struct place {
	char parent[SAMPLE_PATH_SIZE];
	char folder[SAMPLE_PATH_SIZE + 16];
	char file[SAMPLE_PATH_SIZE + 32];
};

static struct python_build sample_build(void)
{
	struct python_build b = {.version = "3.15.0rc1", .version_hex = 0x030f00c1};
	b.debug_build = true;
	b.layout.entries[LAYOUT_ARENA_OBJECT_SIZE] =
		(struct layout_entry){0, 48, 1, 48, PROVENANCE_DWARF};
	b.layout.entries[LAYOUT_ARENA_ADDRESS] =
		(struct layout_entry){16, 8, 1, 8, PROVENANCE_DWARF};
	b.layout.entries[LAYOUT_RUNTIME] =
		(struct layout_entry){0xa3f400, 283376, 1, 283376, PROVENANCE_SYMTAB};
	b.debug_file = strdup("/usr/lib/debug/a file");
	return b;
}

static int setup(void **state)
{
	static struct place place;
	sample_folder(place.parent);
	snprintf(place.folder, sizeof(place.folder), "%s/cache", place.parent);
	snprintf(place.file, sizeof(place.file), "%s/abcdef.v1", place.folder);
	struct python_build b = sample_build();
	layout_cache_store(place.folder, &id, &b);
	assert_int_equal(b.trials.count, 0);
	python_build_fini(&b);
	*state = &place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	sample_remove_folder(place->parent);
	return 0;
}

/* Loads; the last trial's result goes to `why`. */
static bool loads(const struct place *place, struct python_build *build, char why[256])
{
	bool found = layout_cache_load(place->folder, &id, build);
	assert_true(build->trials.count > 0);
	const struct python_build_trial *trial = &build->trials.items[build->trials.count - 1];
	assert_int_equal(trial->used, found);
	snprintf(why, 256, "%s", trial->result);
	return found;
}

static void assert_ignored(const struct place *place, const char *because)
{
	struct python_build b = {0};
	char why[256];
	assert_false(loads(place, &b, why));
	assert_non_null(strstr(why, because));
	assert_false(layout_has(&b.layout, LAYOUT_ARENA_ADDRESS));
	assert_null(b.debug_file);
	python_build_fini(&b);
}

static void assert_loads(const struct place *place)
{
	struct python_build b = {0};
	char why[256];
	assert_true(loads(place, &b, why));
	python_build_fini(&b);
}

static void test_what_is_kept_is_found(void **state)
{
	struct place *place = *state;
	struct python_build b = {0}, original = sample_build();
	char why[256];
	struct stat st;
	assert_true(loads(place, &b, why));
	assert_string_equal(b.version, original.version);
	assert_int_equal(b.version_hex, original.version_hex);
	assert_true(b.debug_build && !b.free_threaded);
	assert_string_equal(b.debug_file, original.debug_file);
	const struct layout_entry *e = &b.layout.entries[LAYOUT_RUNTIME];
	assert_int_equal(e->offset, 0xa3f400);
	assert_int_equal(e->width, 283376);
	assert_int_equal(e->provenance, PROVENANCE_CACHE);
	assert_false(layout_has(&b.layout, LAYOUT_POOL_SZIDX));
	assert_true(!stat(place->folder, &st) && (st.st_mode & 0777) == 0700);
	assert_true(!stat(place->file, &st) && (st.st_mode & 0777) == 0600);
	python_build_fini(&b);
	python_build_fini(&original);
}

static void test_every_flipped_byte_is_noticed(void **state)
{
	struct place *place = *state;
	size_t size;
	_cleanup_(free_pointer) uint8_t *data = sample_read(place->file, &size);
	for (size_t at = 0; at < size; at++) {
		data[at] ^= 4;
		sample_write(place->file, data, size);
		data[at] ^= 4;
		assert_ignored(place, "ignored");
	}
	for (size_t n = 0; n < size; n++) {
		sample_write(place->file, data, n);
		assert_ignored(place, "ignored: damaged");
	}
	sample_write(place->file, data, size);
	assert_loads(place);
}

static void test_a_damaged_file_is_written_anew(void **state)
{
	struct place *place = *state;
	sample_write(place->file, "nonsense\n", 9);
	chmod(place->file, 0600);
	assert_ignored(place, "ignored: damaged");
	struct python_build b = sample_build();
	layout_cache_store(place->folder, &id, &b);
	python_build_fini(&b);
	assert_loads(place);
}

static void test_oversized_and_odd_files(void **state)
{
	struct place *place = *state;
	_cleanup_(free_pointer) char *big = calloc(1, 100000);
	sample_write(place->file, big, 100000);
	assert_ignored(place, "too large");
	sample_run("rm '%s' && mkfifo '%s'", place->file, place->file);
	assert_ignored(place, "not a file of ours");
	sample_run("rm '%s' && ln -s /etc/passwd '%s'", place->file, place->file);
	assert_ignored(place, "");
	sample_run("rm '%s'", place->file);
	assert_ignored(place, "no table yet");
}

static void test_another_builds_table(void **state)
{
	struct place *place = *state;
	sample_run("mv '%s' '%s/123456.v1'", place->file, place->folder);
	struct build_id other = {.bytes = {0x12, 0x34, 0x56}, .size = 3};
	struct python_build b = {0};
	assert_false(layout_cache_load(place->folder, &other, &b));
	assert_non_null(strstr(b.trials.items[0].result, "another build"));
	python_build_fini(&b);
}

static void test_what_others_can_write_is_not_trusted(void **state)
{
	struct place *place = *state;
	chmod(place->file, 0666);
	assert_ignored(place, "not a file of ours");
	chmod(place->file, 0600);
	chmod(place->folder, 0777);
	assert_ignored(place, "not ours alone");
	chmod(place->folder, 0700);
	assert_loads(place);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(place->file, 65534, 65534), 0);
	assert_ignored(place, "not a file of ours");
}

static void test_an_impossible_place_costs_a_line(void **state)
{
	struct place *place = *state;
	struct python_build b = sample_build();
	char folder[SAMPLE_PATH_SIZE + 64];
	snprintf(folder, sizeof(folder), "%s/no/such/parent", place->parent);
	layout_cache_store(folder, &id, &b);
	layout_cache_store("/proc/self", &id, &b);
	layout_cache_store(place->file, &id, &b);
	assert_int_equal(b.trials.count, 3);
	for (size_t i = 0; i < b.trials.count; i++)
		assert_false(b.trials.items[i].used);
	python_build_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_kept_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_flipped_byte_is_noticed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_damaged_file_is_written_anew, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_oversized_and_odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_builds_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_others_can_write_is_not_trusted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_impossible_place_costs_a_line, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
