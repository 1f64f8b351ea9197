/*
 * live: reads give what the victim would read, and change nothing of it. The victim
 * is a fork, so it knows the test's addresses.
 */
#include "base/cleanup.h"
#include "watched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  ((size_t)4096)
#define PAGES ((size_t)16384) /* of the large area: more ranges than one scan returns */

/* Where the victim's areas lie; mapped by the test before it forks. */
static struct ground {
	uint8_t *area;   /* PAGES, private, untouched by the test */
	uint8_t *mosaic; /* 8 pages: rw rw r - hole rw rw rw */
	uint8_t *file;   /* 4 pages of a file that is 2.5 pages long, private */
	uint8_t *shared; /* 2 pages of shared memory */
	int fd;
	uint8_t *truth; /* PAGES, shared with the victim: what mincore says */
} ground;

static bool touched(size_t page)
{
	return (page * 2654435761u >> 7) % 3 == 0 || (page > 1000 && page < 1600);
}

/* Was read, never written: the kernel shows it the one page of zeros that all share. */
static bool is_zero_page(size_t page)
{
	return page > 9000 && page % 2 == 0 && !touched(page);
}

static void *map(size_t pages, int flags, int fd)
{
	void *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	assert_true(at != MAP_FAILED);
	return at;
}

static int make_file(void)
{
	char name[] = "/tmp/live-test-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	(void)unlink(name);
	for (size_t i = 0; i < 5 * PAGE / 2; i++) {
		uint8_t byte = (uint8_t)(i % 251 + 1);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)i), 1);
	}
	return fd;
}

static int ground_make(void **state)
{
	(void)state;
	ground.area = map(PAGES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	assert_int_equal(madvise(ground.area, PAGES * PAGE, MADV_NOHUGEPAGE), 0);
	ground.mosaic = map(8, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	ground.fd = make_file();
	ground.file = map(4, MAP_PRIVATE, ground.fd);
	ground.shared = map(2, MAP_SHARED | MAP_ANONYMOUS, -1);
	ground.truth = map(PAGES / PAGE + 1, MAP_SHARED | MAP_ANONYMOUS, -1);
	return 0;
}

static void victim_prepare(void)
{
	for (size_t i = 0; i < PAGES; i++)
		if (touched(i))
			memset(ground.area + i * PAGE, (int)(i % 255 + 1), PAGE);
		else if (is_zero_page(i))
			(void)*(volatile uint8_t *)(ground.area + i * PAGE);
	(void)mincore(ground.area, PAGES * PAGE, ground.truth);
	memset(ground.mosaic, 0xaa, 8 * PAGE);
	(void)mprotect(ground.mosaic + 2 * PAGE, PAGE, PROT_READ);
	(void)mprotect(ground.mosaic + 3 * PAGE, PAGE, PROT_NONE);
	(void)munmap(ground.mosaic + 4 * PAGE, PAGE);
	ground.file[PAGE] = 0x99; /* its own copy of the second page */
}

static void victim_run(struct victim *self, void *argument)
{
	(void)argument;
	victim_prepare();
	victim_tell(self, 1);
	victim_await(self);
	(void)munmap(ground.area, PAGES * PAGE);
	victim_tell(self, 2);
	victim_sleep();
}

static raddr at(const uint8_t *pointer)
{
	return raddr_at((uintptr_t)pointer);
}

static void check_page(struct look *look, size_t page)
{
	uint8_t expected[PAGE], got[PAGE];
	memset(expected, touched(page) ? (int)(page % 255 + 1) : 0, PAGE);
	check_error(space_read(&look->space, at(ground.area + page * PAGE), got, PAGE), 0, NULL);
	assert_memory_equal(got, expected, PAGE);
}

static uint64_t present_in(struct look *look, const uint8_t *start, size_t pages)
{
	struct residency r = RESIDENCY_EMPTY;
	uint64_t present, swapped;
	check_error(space_residency(&look->space, at(start), pages * PAGE, &r), 0, NULL);
	residency_count(&r, at(start), pages * PAGE, &present, &swapped);
	residency_fini(&r);
	return present;
}

static void reading_changes_nothing(unsigned lacks)
{
	struct look look = look_start(victim_run, lacks);
	pid_t pid = look.victim.pid;
	uint64_t rss = victim_status(pid, "VmRSS"), tables = victim_status(pid, "VmPTE");
	uint64_t present = present_in(&look, ground.area, PAGES);
	for (size_t i = 0; i < PAGES; i += 3)
		check_page(&look, i);
	_cleanup_(free_pointer) uint8_t *all = malloc(PAGES * PAGE);
	assert_non_null(all);
	check_error(space_read(&look.space, at(ground.area), all, PAGES * PAGE), 0, NULL);
	for (size_t i = 0; i < PAGES; i++) {
		assert_int_equal(all[i * PAGE], touched(i) ? i % 255 + 1 : 0);
		assert_int_equal(all[i * PAGE + PAGE - 1], touched(i) ? i % 255 + 1 : 0);
	}
	assert_int_equal(present_in(&look, ground.area, PAGES), present);
	assert_int_equal(victim_status(pid, "VmRSS"), rss);
	assert_int_equal(victim_status(pid, "VmPTE"), tables);
	look_end(&look);
}

static void reading_changes_nothing_with_scan(void **state)
{
	(void)state;
	reading_changes_nothing(0);
}

static void reading_changes_nothing_with_the_table(void **state)
{
	(void)state;
	reading_changes_nothing(LIVE_NO_SCAN);
}

static void reading_by_mem_gives_the_same(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, LIVE_NO_VM_READV);
	assert_string_equal(live_mechanism(&look.space), "/proc/PID/mem");
	for (size_t i = 0; i < 200; i++)
		check_page(&look, i);
	look_end(&look);
}

static void reads_end_at_holes(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, 0);
	uint8_t buffer[4 * PAGE];
	check_error(space_read(&look.space, at(ground.mosaic + PAGE / 2), buffer, 2 * PAGE), 0,
		    NULL);
	assert_int_equal(buffer[2 * PAGE - 1], 0xaa);
	check_error(space_read(&look.space, at(ground.mosaic + 2 * PAGE), buffer, PAGE + 1),
		    ERROR_FAULT, NULL);
	check_error(space_read(&look.space, at(ground.mosaic + 3 * PAGE), buffer, 1), ERROR_FAULT,
		    NULL);
	check_error(space_read(&look.space, at(ground.mosaic + 4 * PAGE), buffer, 1), ERROR_FAULT,
		    NULL);
	check_error(space_read(&look.space, at(ground.mosaic + 4 * PAGE - 1), buffer, 3),
		    ERROR_FAULT, NULL);
	check_error(space_read(&look.space, at(ground.mosaic + 5 * PAGE), buffer, 3 * PAGE), 0,
		    NULL);
	look_end(&look);
}

/* Pieces one behind the other, as a table has them: got in one go, or each by itself around a hole. */
static void tables_are_gathered_piece_for_piece(void **state)
{
	(void)state;
	enum { PIECE = 1024, COUNT = 32 };
	uint8_t bytes[COUNT * PIECE], got[COUNT] = {0};
	struct look look = look_start(victim_run, 0);
	struct space_slice whole = {at(ground.mosaic + 5 * PAGE), PIECE, PIECE, 12, bytes, got};
	memset(bytes, 0, sizeof(bytes));
	check_error(space_gather(&look.space, &whole, 1, NULL), 0, NULL);
	for (size_t i = 0; i < whole.count; i++)
		assert_int_equal(got[i], SLICE_READ);
	for (size_t i = 0; i < whole.count * PIECE; i++)
		assert_int_equal(bytes[i], 0xaa);

	struct space_slice holed = {at(ground.mosaic), PIECE, PIECE, COUNT, bytes, got};
	memset(bytes, 0, sizeof(bytes));
	memset(got, 0, sizeof(got));
	check_error(space_gather(&look.space, &holed, 1, NULL), 0, NULL);
	for (size_t i = 0; i < COUNT; i++) {
		size_t page = i * PIECE / PAGE;
		if (page == 3)
			continue; /* no access: the way of reading decides */
		assert_int_equal(got[i], page == 4 ? SLICE_UNREADABLE : SLICE_READ);
		assert_int_equal(bytes[i * PIECE], page == 4 ? 0 : 0xaa);
		assert_int_equal(bytes[i * PIECE + PIECE - 1], page == 4 ? 0 : 0xaa);
	}
	look_end(&look);
}

static void what_was_unmapped_is_not_zeros(unsigned lacks)
{
	struct look look = look_start(victim_run, lacks);
	uint8_t byte = 1;
	victim_nudge(&look.victim);
	assert_int_equal(victim_hear(&look.victim), 2);
	for (size_t i = 0; i < 10; i++)
		check_error(space_read(&look.space, at(ground.area + i * PAGE), &byte, 1),
			    ERROR_FAULT, NULL);
	assert_non_null(space_region(&look.space, at(ground.area)));
	check_error(process_refresh(look.process, &look.space), 0, NULL);
	assert_null(space_region(&look.space, at(ground.area)));
	look_end(&look);
}

static void what_was_unmapped_is_not_zeros_by_either(void **state)
{
	(void)state;
	what_was_unmapped_is_not_zeros(0);
	what_was_unmapped_is_not_zeros(LIVE_NO_SCAN);
}

static void file_pages_come_from_the_file(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, 0);
	uint8_t buffer[PAGE], expected[PAGE];
	const struct region *region = space_region(&look.space, at(ground.file));
	assert_non_null(region);
	assert_int_equal(region->kind, REGION_FILE);
	uint64_t rss = victim_status(look.victim.pid, "VmRSS");
	check_error(space_read(&look.space, at(ground.file), buffer, 1), ERROR_FAULT, NULL);
	check_error(space_back(&look.space, region, ground.fd), 0, NULL);
	check_error(space_back(&look.space, region, ground.fd), 0, NULL);
	for (size_t i = 0; i < PAGE; i++)
		expected[i] = (uint8_t)(i % 251 + 1);
	check_error(space_read(&look.space, at(ground.file), buffer, PAGE), 0, NULL);
	assert_memory_equal(buffer, expected, PAGE);
	check_error(space_read(&look.space, at(ground.file + PAGE), buffer, 1), 0, NULL);
	assert_int_equal(buffer[0], 0x99);
	check_error(space_read(&look.space, at(ground.file + 2 * PAGE), buffer, PAGE), 0, NULL);
	assert_int_equal(buffer[PAGE / 2 - 1], (2 * PAGE + PAGE / 2 - 1) % 251 + 1);
	assert_int_equal(buffer[PAGE / 2], 0);
	check_error(space_read(&look.space, at(ground.file + 3 * PAGE), buffer, 1), ERROR_FAULT,
		    NULL);
	assert_int_equal(victim_status(look.victim.pid, "VmRSS"), rss);
	look_end(&look);
}

/* Nobody may say that a page of shared memory that is not in its page table is empty. */
static void shared_memory_is_not_guessed(void **state)
{
	(void)state;
	ground.shared[0] = 7; /* by us: the victim never touches it */
	struct look look = look_start(victim_run, 0);
	uint8_t byte;
	check_error(space_read(&look.space, at(ground.shared), &byte, 1), ERROR_FAULT, NULL);
	look_end(&look);
}

/* A page of zeros is in no RSS; only the plain table cannot tell it from the target's own. */
static void residency_is_what_mincore_says(unsigned lacks)
{
	struct look look = look_start(victim_run, lacks);
	struct residency r = RESIDENCY_EMPTY;
	/* Odd bounds: the pages that they touch count. */
	check_error(space_residency(&look.space, at(ground.area + 5), PAGES * PAGE - 9, &r), 0,
		    NULL);
	for (size_t i = 0; i < PAGES; i++) {
		bool zeros = is_zero_page(i);
		assert_int_equal(ground.truth[i] & 1, touched(i) || zeros);
		assert_int_equal(residency_present(&r, at(ground.area + i * PAGE), PAGE),
				 touched(i) || (zeros && (lacks || !kernel_shares_zeros())));
	}
	for (size_t i = 1; i < r.ranges.count; i++)
		assert_true(
			raddr_plus(r.ranges.items[i - 1].start, r.ranges.items[i - 1].size).value <
			r.ranges.items[i].start.value);
	residency_fini(&r);
	check_error(space_residency(&look.space, RADDR_NULL, UINT64_MAX, &r), ERROR_FAULT, NULL);
	look_end(&look);
}

static void residency_by_scan_is_true(void **state)
{
	(void)state;
	residency_is_what_mincore_says(0);
}

static void residency_by_table_is_true(void **state)
{
	(void)state;
	residency_is_what_mincore_says(LIVE_NO_SCAN);
}

static void a_dead_process_is_gone(unsigned lacks)
{
	struct look look = look_start(victim_run, lacks);
	struct residency r = RESIDENCY_EMPTY;
	uint8_t byte;
	assert_int_equal(kill(look.victim.pid, SIGKILL), 0);
	victim_await_state(look.victim.pid, 'Z');
	check_error(space_read(&look.space, at(ground.area), &byte, 1), ERROR_GONE, NULL);
	check_error(space_residency(&look.space, at(ground.area), PAGE, &r), ERROR_GONE, NULL);
	check_error(process_refresh(look.process, &look.space), ERROR_GONE, NULL);
	check_error(process_check(look.process), ERROR_GONE, NULL);
	residency_fini(&r);
	look_end(&look);
}

static void a_dead_process_is_gone_by_all(void **state)
{
	(void)state;
	a_dead_process_is_gone(0);
	a_dead_process_is_gone(LIVE_NO_SCAN);
	a_dead_process_is_gone(LIVE_NO_SCAN | LIVE_NO_VM_READV);
}

static void nothing_stays_open(void **state)
{
	(void)state;
	size_t before = count_descriptors();
	struct look look = look_start(victim_run, 0);
	const struct region *region = space_region(&look.space, at(ground.file));
	check_error(space_back(&look.space, region, ground.fd), 0, NULL);
	check_error(live_start_readers(&look.space), 0, NULL);
	look_end(&look);
	assert_int_equal(count_descriptors(), before);
}

static void only_live_spaces_are_live(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	check_error(live_map(&space), ERROR_BUG, NULL);
	check_error(live_start_readers(&space), ERROR_BUG, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_changes_nothing_with_scan),
		cmocka_unit_test(reading_changes_nothing_with_the_table),
		cmocka_unit_test(reading_by_mem_gives_the_same),
		cmocka_unit_test(reads_end_at_holes),
		cmocka_unit_test(tables_are_gathered_piece_for_piece),
		cmocka_unit_test(what_was_unmapped_is_not_zeros_by_either),
		cmocka_unit_test(file_pages_come_from_the_file),
		cmocka_unit_test(shared_memory_is_not_guessed),
		cmocka_unit_test(residency_by_scan_is_true),
		cmocka_unit_test(residency_by_table_is_true),
		cmocka_unit_test(a_dead_process_is_gone_by_all),
		cmocka_unit_test(nothing_stays_open),
		cmocka_unit_test(only_live_spaces_are_live),
	};
	return cmocka_run_group_tests(tests, ground_make, NULL);
}
