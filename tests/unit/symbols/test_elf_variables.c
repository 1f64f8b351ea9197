/* elf_variables: what nm calls a place of data, files without symbols, and damaged ones. */
#include "assert_named.h"
#include "sample_files.h"

#include "base/cleanup.h"
#include "symbols/elf/elf_variables.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define SMALL_MAX (64 * 1024) /* of the file's ends, which headers and tables are in */

/* Where nm says that a variable of the sample lies. */
static uint64_t place_of(const char *path, const char *name)
{
	char command[2 * SAMPLE_PATH_SIZE], line[256], found[128], kind;
	uint64_t address, place = 0;
	(void)snprintf(command, sizeof(command), "nm '%s'", path);
	FILE *nm = popen(command, "r"); /* NOLINT(cert-env33-c): what is asked is fixed */
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		if (sscanf(line, "%" SCNx64 " %c %127s", &address, &kind, found) != 3)
			continue;
		found[strcspn(found, ".")] = '\0';
		if (strcmp(found, name) == 0)
			place = address;
	}
	(void)pclose(nm);
	assert_int_not_equal(place, 0);
	return place;
}

static struct elf_variables read_file(const char *path)
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_variables v;
	assert_true(fd >= 0);
	assert_null(elf_variables_read(fd, &v));
	return v;
}

static void statics_have_names(void **state)
{
	static const char *const flavours[] = {"plain", "compressed", "lto-statics"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		char path[SAMPLE_PATH_SIZE];
		sample_path(flavours[i], path);
		if (access(path, R_OK) != 0) /* not every compiler makes all */
			continue;
		uint64_t pools = place_of(path, "usedpools"), arenas = place_of(path, "arenas");
		struct elf_variables v = read_file(path);
		assert_named(&v, pools, "usedpools");
		assert_named(&v, pools + 2 * 33 * 8 - 1, "usedpools");
		assert_named(&v, arenas + 7, "arenas");
		assert_named(&v, 16, NULL); /* of the headers */
		assert_named(&v, UINT64_MAX, NULL);
		elf_variables_fini(&v);
	}
}

static void stripped_files_export_some(void **state)
{
	char folder[SAMPLE_PATH_SIZE], path[SAMPLE_PATH_SIZE], bare[SAMPLE_PATH_SIZE + 8];
	(void)state;
	sample_folder(folder);
	sample_path("plain", path);
	(void)snprintf(bare, sizeof(bare), "%s/bare", folder);
	sample_copy(path, bare);
	sample_run("strip '%s'", bare);
	struct elf_variables v = read_file(bare);
	assert_named(&v, place_of(path, "usedpools"), NULL);
	assert_named(&v, place_of(path, "Py_Version"), "Py_Version");
	elf_variables_fini(&v);
	sample_remove_folder(folder);
}

static void look(const uint8_t *data, size_t size)
{
	_cleanup_(close_fd) int fd = memfd_create("variables", MFD_CLOEXEC);
	struct elf_variables v;
	size_t length;
	assert_true(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	assert_null(elf_variables_read(fd, &v));
	for (size_t i = 0; i < v.list.count; i++) {
		const char *name = elf_variables_find(&v, v.list.items[i].vaddr, &length);
		if (name)
			assert_in_range(name - v.names, 0, v.names_size - length - 1);
	}
	elf_variables_fini(&v);
}

/* Bytes of the headers and of the symbols turned, and files cut short. */
static void damage_ends_well(void **state)
{
	char path[SAMPLE_PATH_SIZE];
	size_t size;
	uint32_t random = 1;
	(void)state;
	sample_path("plain", path);
	_cleanup_(free_pointer) uint8_t *data = sample_read(path, &size);
	for (int round = 0; round < 2000; round++) {
		uint8_t old[4];
		size_t at[4];
		for (size_t i = 0; i < 4; i++) {
			size_t from_end = sample_random(&random) % size_min(size, SMALL_MAX);
			at[i] = i ? size - 1 - from_end : sample_random(&random) % 64;
			old[i] = data[at[i]];
			data[at[i]] = (uint8_t)sample_random(&random);
		}
		look(data, round % 8 ? size : sample_random(&random) % size);
		for (size_t i = 4; i-- > 0;)
			data[at[i]] = old[i];
	}
	look(data, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statics_have_names),
		cmocka_unit_test(stripped_files_export_some),
		cmocka_unit_test(damage_ends_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
