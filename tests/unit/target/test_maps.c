/* maps: what the kernel writes, what a hostile name makes of it, and rubbish. */
#include "base/cleanup.h"
#include "inspector/target/maps.h"
#include "inspector/target/process/procfs.h"
#include "victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

static const char ordinary[] =
	"00400000-00401000 r--p 00000000 fe:01 1234                               /usr/bin/x y\n"
	"00600000-00700000 rw-p 00000000 00:00 0                                  [heap]\n"
	"7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \n"
	"7f0000100000-7f0000200000 ---p 00000000 00:00 0\n"
	"7f0000200000-7f0000300000 r-xp 0001f000 103:2a 99 /lib/libq.so (deleted)\n"
	"7f0000300000-7f0000301000 rw-s 00000000 00:01 77 /dev/zero (deleted)\n"
	"7f0000301000-7f0000302000 rw-p 00000000 00:00 0 [anon:cpython:pymalloc]\n"
	"7f0000302000-7f0000303000 rw-s 00000000 00:0d 5 anon_inode:[io_uring]\n"
	"7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n"
	"7ffd00030000-7ffd00032000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void the_kernels_lines_are_read(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	check_error(maps_parse(ordinary, strlen(ordinary), &space), 0, NULL);
	assert_int_equal(space.regions.count, 11);
	static const enum region_kind kinds[] = {
		REGION_FILE, REGION_HEAP, REGION_ANON,  REGION_ANON,    REGION_FILE,   REGION_FILE,
		REGION_ANON, REGION_FILE, REGION_STACK, REGION_SPECIAL, REGION_SPECIAL};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_int_equal(space.regions.items[i].kind, kinds[i]);
	const struct region *r = space.regions.items;
	assert_string_equal(r[0].label, "/usr/bin/x y");
	assert_int_equal(r[0].inode, 1234);
	assert_int_equal(r[0].device, makedev(0xfe, 1));
	assert_false(r[0].deleted);
	assert_null(r[2].label);
	assert_null(r[3].label);
	assert_false(r[3].readable);
	assert_string_equal(r[4].label, "/lib/libq.so");
	assert_true(r[4].deleted && r[4].executable && r[4].readable && !r[4].writable);
	assert_int_equal(r[4].file_offset, 0x1f000);
	assert_true(r[5].shared);
	assert_int_equal(r[10].start.value, UINT64_C(0xffffffffff600000));
	uint64_t readable = 0x1000 + 0x100000 + 0x100000 + 0x100000 + 3 * 0x1000 + 0x21000 + 0x2000;
	assert_int_equal(space.mapped_size, readable);
	/* Read anew, nothing of before is left. */
	check_error(maps_parse("1000-2000 r--p 0 0:0 0\n", 23, &space), 0, NULL);
	assert_int_equal(space.regions.count, 1);
	assert_int_equal(space.mapped_size, 0x1000);
}

static size_t parse_count(const char *text, size_t size, struct space *space)
{
	/* A copy of exact size: over-reading is seen by the sanitizer. */
	_cleanup_(free_pointer) char *copy = malloc(size ? size : 1);
	assert_non_null(copy);
	memcpy(copy, text, size);
	check_error(maps_parse(copy, size, space), 0, NULL);
	raddr above = RADDR_NULL;
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		assert_true(region->size > 0);
		assert_true(region->start.value >= above.value);
		above = raddr_plus(region->start, region->size);
	}
	return space->regions.count;
}

static void names_may_hold_anything(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	static const char text[] =
		"1000-2000 r--p 00000000 fe:01 1 /tmp/a\\0127f00-7f10 rwxp 0 0:0 0 /b\n"
		"2000-3000 r--p 00000000 fe:01 2 /tmp/x (deleted) (deleted)\n"
		"3000-4000 r--p 00000000 fe:01 3  (deleted)\n"
		"4000-5000 r--p 00000000 fe:01 4 /tmp/\x1b[2J\xff\\01\n"
		"5000-6000 r--p 00000000 00:00 0 [heap] \n";
	assert_int_equal(parse_count(text, sizeof(text) - 1, &space), 5);
	const struct region *r = space.regions.items;
	assert_string_equal(r[0].label, "/tmp/a\n7f00-7f10 rwxp 0 0:0 0 /b");
	assert_string_equal(r[1].label, "/tmp/x (deleted)");
	assert_true(r[1].deleted);
	assert_string_equal(r[2].label, "(deleted)");
	assert_false(r[2].deleted);
	assert_string_equal(r[3].label, "/tmp/\x1b[2J\xff\\01");
	assert_int_equal(r[4].kind, REGION_SPECIAL);
}

static void rubbish_gives_no_region(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"\n\n\n",
		"-",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 ",
		"1000-2000 r--p",
		"1000-2000 r--p ",
		"1000-2000 r--p 0 fe:01",
		"1000-2000 r--p 0 fe:01 ",
		"2000-1000 r--p 0 0:0 0",
		"1000-1000 r--p 0 0:0 0",
		"0x1000-2000 r--p 0 0:0 0",
		"10000000000000000-20000000000000000 r--p 0 0:0 0",
		"1000-99999999999999999999999999 r--p 0 0:0 0",
		"1000-2000 r--p 0 0:0 99999999999999999999999999",
		"1000-2000 r--p 0 0:0 12x",
		"G000-H000 r--p 0 0:0 0",
		" 1000-2000 r--p 0 0:0 0",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_(space_fini) struct space space = SPACE_EMPTY;
		assert_int_equal(parse_count(lines[i], strlen(lines[i]), &space), 0);
	}
}

static void regions_never_overlap(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	static const char text[] = "3000-5000 r--p 0 0:0 0\n"
				   "4000-6000 r--p 0 0:0 0\n"
				   "1000-2000 r--p 0 0:0 0\n"
				   "5000-6000 r--p 0 0:0 0\n"
				   "6000-ffffffffffffffff r--p 0 0:0 0\n"
				   "7000-8000 r--p 0 0:0 0\n";
	assert_int_equal(parse_count(text, sizeof(text) - 1, &space), 3);
	assert_int_equal(space.mapped_size, UINT64_MAX - 0x3000);
}

/* Every truncation and many mutations of a real text: no crash, always ascending. */
static void damage_is_survived(void **state)
{
	(void)state;
	char text[sizeof(ordinary)];
	uint64_t seed = 1;
	for (size_t size = 0; size < sizeof(ordinary) - 1; size += 3) {
		_cleanup_(space_fini) struct space space = SPACE_EMPTY;
		(void)parse_count(ordinary, size, &space);
	}
	for (unsigned i = 0; i < 3000; i++) {
		_cleanup_(space_fini) struct space space = SPACE_EMPTY;
		memcpy(text, ordinary, sizeof(text));
		for (unsigned k = 0; k < 1 + i % 5; k++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			static const char marks[] = "0f- \n:prwx(\\/[";
			text[(seed >> 20) % (sizeof(text) - 1)] = marks[(seed >> 50) % 14];
		}
		(void)parse_count(text, sizeof(text) - 1, &space);
	}
}

static void many_mappings_are_read(void **state)
{
	(void)state;
	enum { COUNT = 200000 };
	_cleanup_(free_pointer) char *text = malloc(COUNT * 64);
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	assert_non_null(text);
	size_t size = 0;
	for (unsigned long i = 0; i < COUNT; i++)
		size += (size_t)sprintf(text + size, "%lx-%lx r--p 00000000 00:00 0 \n",
					i * 0x2000 + 0x1000, i * 0x2000 + 0x2000);
	assert_int_equal(parse_count(text, size, &space), COUNT);
	assert_non_null(space_region(&space, raddr_at(0x2000 * 12345 + 0x1800)));
	assert_null(space_region(&space, raddr_at(0x2000 * 12345 + 0x2800)));
}

static void covering_is_seen(void **state)
{
	(void)state;
	static const char text[] =
		"1000-2000 r--p 0 0:0 0\n2000-3000 r--p 0 0:0 0\n4000-5000 r--p 0 0:0 0\n";
	size_t n = sizeof(text) - 1;
	assert_true(maps_cover(text, n, raddr_at(0x1800), 0x1000));
	assert_true(maps_cover(text, n, raddr_at(0x1000), 0x2000));
	assert_false(maps_cover(text, n, raddr_at(0x2800), 0x1000));
	assert_false(maps_cover(text, n, raddr_at(0x3000), 1));
	assert_false(maps_cover(text, n, raddr_at(0xfff), 2));
}

static void our_own_maps_hold_our_memory(void **state)
{
	(void)state;
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	static int in_data = 1;
	/* Not that of a variable: the address sanitizer may keep it elsewhere. */
	const void *frame = __builtin_frame_address(0);
	check_error(procfs_read(AT_FDCWD, "/proc/self/maps", MAPS_SIZE_MAX, &text, &size), 0, NULL);
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	check_error(maps_parse(text, size, &space), 0, NULL);
	const struct region *data = space_region(&space, raddr_at((uintptr_t)&in_data));
	const struct region *stack = space_region(&space, raddr_at((uintptr_t)frame));
	assert_non_null(data);
	assert_true(data->kind == REGION_FILE && data->writable && data->inode);
	assert_non_null(stack);
	assert_int_equal(stack->kind, REGION_STACK);
	check_error(procfs_read(AT_FDCWD, "/proc/self/maps", 100, &text, &size), ERROR_RESOURCE,
		    NULL);
}

static void a_name_cannot_forge_stat(void **state)
{
	(void)state;
	struct procfs_stat stat;
	assert_true(procfs_parse_stat(
		"7 (a) Z 1 (b) S 1 7 7 0 -1 4194560 44 0 0 0 1 2 0 0 20 0 3 0 555 0", &stat));
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.n_threads, 3);
	assert_int_equal(stat.start_ticks, 555);
	assert_int_equal(stat.flags, 4194560);
	assert_int_equal(stat.faults, 44);
	assert_int_equal(stat.ticks, 1 + 2);
	assert_string_equal(stat.comm, "a) Z 1 (b");
	assert_false(procfs_parse_stat("", &stat));
	assert_false(procfs_parse_stat(")(", &stat));
	assert_false(procfs_parse_stat("7 (a) S 1 2", &stat));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_lines_are_read),
		cmocka_unit_test(names_may_hold_anything),
		cmocka_unit_test(rubbish_gives_no_region),
		cmocka_unit_test(regions_never_overlap),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(many_mappings_are_read),
		cmocka_unit_test(covering_is_seen),
		cmocka_unit_test(our_own_maps_hold_our_memory),
		cmocka_unit_test(a_name_cannot_forge_stat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
