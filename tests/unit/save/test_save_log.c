/* save_log: the last reading wins, byte for byte, and nothing is told twice. */
#include "base/cleanup.h"
#include "inspector/save/save_log.h"
#include "inspector/target/savefile/savefile.h"
#include "inspector/target/savefile/savefile_sections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define BASE UINT64_C(0x7f0000000000)
#define SIZE 0x40000u

static void ok(struct error *err)
{
	if (err)
		print_error("%s\n", err->cause);
	assert_null(err);
}

/* The file that a log makes, over memory of one region without any page. */
static struct savefile *write_log(const struct save_log *log, struct space *ret)
{
	const struct pymalloc_saved_arenas none = {{NULL, 0, 0}};
	struct savefile_writer *w = NULL;
	struct savefile *file = NULL;
	struct savefile_buffer buffer = {0};
	struct space space = SPACE_EMPTY;
	int fd = memfd_create("log", MFD_CLOEXEC);
	ok(savefile_writer_new(fd, 0, "1", &w));
	ok(save_log_write(log, &none, w));
	struct region *r = vec_push(&space.regions);
	*r = (struct region){.start = raddr_at(BASE), .size = SIZE, .readable = true};
	assert_true(savefile_put_regions(&space, &buffer));
	space_fini(&space);
	ok(savefile_writer_add_bytes(w, SAVEFILE_REGIONS, buffer.items, buffer.count));
	free(buffer.items);
	ok(savefile_writer_end(w));
	savefile_writer_free(w);
	ok(savefile_from(fd, &file));
	ok(savefile_space(file, ret));
	return file;
}

static void check(const struct save_log *log, const uint8_t *expected)
{
	struct space space = SPACE_EMPTY;
	static uint8_t got[SIZE];
	struct savefile *file = write_log(log, &space);
	ok(space_read(&space, raddr_at(BASE), got, SIZE));
	assert_memory_equal(got, expected, SIZE);
	space_fini(&space);
	savefile_close(file);
}

static void later_wins(void **state)
{
	(void)state;
	static uint8_t expected[SIZE], bytes[SIZE];
	bool stopped = false;
	struct save_log log;
	ok(save_log_init(&stopped, &log));
	memset(expected, 0, sizeof(expected));
	srand(5);
	for (unsigned i = 1; i <= 2000; i++) {
		size_t at = (size_t)rand() % (SIZE - 5000);
		size_t size = i % 50 == 0 ? 4000 : (size_t)rand() % 100;
		memset(bytes, (int)(i % 251 + 1), size);
		memcpy(expected + at, bytes, size);
		stopped = i > 1000;
		save_log_hear(&log, raddr_at(BASE + at), bytes, size);
	}
	assert_false(log.failed);
	check(&log, expected);
	save_log_fini(&log);
}

/* Added last, and under all the same; among themselves the later wins. */
static void what_lies_under_gives_way(void **state)
{
	(void)state;
	static uint8_t expected[SIZE], bytes[100];
	bool stopped = false;
	struct save_log log;
	ok(save_log_init(&stopped, &log));
	memset(expected, 0, sizeof(expected));
	save_log_hear(&log, raddr_at(BASE + 50), memset(bytes, 1, 10), 10);
	save_log_add_under(&log, raddr_at(BASE), memset(bytes, 2, 100), 100);
	save_log_add_under(&log, raddr_at(BASE + 90), memset(bytes, 3, 20), 20);
	memset(expected, 2, 100);
	memset(expected + 90, 3, 20);
	memset(expected + 50, 1, 10);
	check(&log, expected);
	save_log_fini(&log);
}

static void larger_than_a_part(void **state)
{
	(void)state;
	static uint8_t expected[SIZE];
	bool stopped = true;
	struct save_log log;
	ok(save_log_init(&stopped, &log));
	for (size_t i = 0; i < SIZE; i++)
		expected[i] = (uint8_t)(i * 7 + i / 256);
	save_log_add(&log, raddr_at(BASE), expected, SIZE, true);
	expected[77] = 1;
	save_log_add(&log, raddr_at(BASE + 77), expected + 77, 1, true);
	check(&log, expected);
	save_log_fini(&log);
}

static void a_broken_off_stop_proves_nothing(void **state)
{
	(void)state;
	const uint8_t byte = 1;
	bool stopped = true;
	struct save_log log;
	struct pymalloc_saved_arenas arenas = {{NULL, 0, 0}};
	struct pymalloc_saved_arena *arena = vec_push(&arenas.list);
	assert_non_null(arena);
	*arena = (struct pymalloc_saved_arena){.start = raddr_at(BASE), .stopped = true};
	ok(save_log_init(&stopped, &log));
	save_log_hear(&log, raddr_at(BASE), &byte, 1);
	assert_true(log.records.items[0].stopped);
	save_log_distrust(&log, &arenas);
	assert_false(log.records.items[0].stopped);
	assert_false(arenas.list.items[0].stopped);
	save_log_fini(&log);
	pymalloc_saved_fini(&arenas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_wins),
		cmocka_unit_test(what_lies_under_gives_way),
		cmocka_unit_test(larger_than_a_part),
		cmocka_unit_test(a_broken_off_stop_proves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
