/*
 * detail: what is told of each page beside that it is there, by both ways; and that looking leaves shared
 * pages shared. The victim is a fork, so that it has pages of every sort.
 *
 *	inherited   written by the test, left alone by the victim: shared
 *	written     the same, written by the victim, too: its own
 *	zeros       only read by the victim: the page of zeros
 */
#include "base/cleanup.h"
#include "inspector/look/footprint.h"
#include "inspector/target/residency/residency_judge.h"
#include "watched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  ((size_t)4096)
#define PAGES ((size_t)256)
#define MANY  ((size_t)8192) /* every second one is there: more ranges than one call returns */

static struct ground {
	uint8_t *inherited, *written, *zeros, *shared, *file;
	uint8_t *many;
	uint8_t *mixed; /* half inherited, half zeros */
} ground;

static uint8_t *map(size_t pages, int flags, int fd)
{
	void *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	assert_true(at != MAP_FAILED);
	if (fd < 0)
		assert_int_equal(madvise(at, pages * PAGE, MADV_NOHUGEPAGE), 0);
	return at;
}

/* Surrounded by what another mapping cannot merge with. */
static uint8_t *map_alone(size_t pages)
{
	uint8_t *at = map(pages + 2, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	assert_int_equal(mprotect(at, PAGE, PROT_NONE), 0);
	assert_int_equal(mprotect(at + (pages + 1) * PAGE, PAGE, PROT_NONE), 0);
	return at + PAGE;
}

static int make_file(void)
{
	char name[] = "/tmp/detail-test-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	(void)unlink(name);
	for (size_t i = 0; i < 4 * PAGE; i++)
		assert_int_equal(write(fd, "x", 1), 1);
	return fd;
}

static int ground_make(void **state)
{
	(void)state;
	ground.inherited = map_alone(PAGES);
	ground.written = map_alone(PAGES);
	ground.zeros = map_alone(PAGES);
	ground.many = map_alone(MANY);
	ground.mixed = map_alone(2 * PAGES);
	ground.shared = map(PAGES, MAP_SHARED | MAP_ANONYMOUS, -1);
	ground.file = map(4, MAP_PRIVATE, make_file());
	memset(ground.inherited, 1, PAGES * PAGE);
	memset(ground.written, 1, PAGES * PAGE);
	memset(ground.mixed, 1, PAGES * PAGE);
	return 0;
}

static void victim_run(struct victim *self, void *argument)
{
	(void)argument;
	memset(ground.written, 2, PAGES * PAGE);
	memset(ground.shared, 2, PAGES * PAGE);
	for (size_t i = 0; i < PAGES; i++) {
		(void)*(volatile uint8_t *)(ground.zeros + i * PAGE);
		(void)*(volatile uint8_t *)(ground.mixed + (PAGES + i) * PAGE);
	}
	for (size_t i = 0; i < MANY; i += 2)
		ground.many[i * PAGE] = 1;
	(void)*(volatile uint8_t *)ground.file;
	ground.file[PAGE] = 2;
	victim_tell(self, 1);
	victim_sleep();
}

static struct residency_tally tally(struct space *space, const uint8_t *at, size_t pages)
{
	_cleanup_(residency_fini) struct residency r = RESIDENCY_EMPTY;
	struct residency_tally sum = {0};
	size_t near = 0;
	raddr start = raddr_at((uintptr_t)at);
	check_error(space_residency_in_detail(space, start, pages * PAGE, &r), 0, NULL);
	residency_tally(&r, start, pages * PAGE, &near, &sum);
	return sum;
}

static void expect(struct residency_tally t, size_t present, size_t file, size_t shared)
{
	assert_int_equal(t.present, present * PAGE);
	assert_int_equal(t.file, file * PAGE);
	assert_int_equal(t.shared, shared * PAGE);
	assert_int_equal(t.swapped, 0);
}

/* What was only read counts as so many pages, shared with others; or is its own where the kernel shares none. */
static void expect_zeros(struct residency_tally t, size_t pages)
{
	if (kernel_shares_zeros())
		expect(t, pages, 0, pages);
	else
		expect(t, PAGES, 0, 0);
}

static void pages_are_told_apart(unsigned lacks)
{
	struct look look = look_start(victim_run, lacks);
	struct space *space = &look.space;
	expect(tally(space, ground.inherited, PAGES), PAGES, 0, PAGES);
	expect(tally(space, ground.written, PAGES), PAGES, 0, 0);
	expect(tally(space, ground.shared, PAGES), PAGES, PAGES, 0);
	expect(tally(space, ground.many, MANY), MANY / 2, 0, 0);
	struct residency_tally file = tally(space, ground.file, 4);
	assert_int_equal(file.present - file.file, PAGE); /* the copy */
	assert_true(file.file >= PAGE);
	/* The plain table cannot tell: they count as shared until smaps decides. */
	size_t unsure = lacks ? PAGES : 0;
	expect_zeros(tally(space, ground.zeros, PAGES), unsure);
	look_end(&look);
}

static void pages_are_told_apart_by_scan(void **state)
{
	(void)state;
	pages_are_told_apart(0);
}

static void pages_are_told_apart_by_the_table(void **state)
{
	(void)state;
	pages_are_told_apart(LIVE_NO_SCAN);
}

/* Of a whole process; smaps decides where the table cannot. */
static void survey(struct look *look, bool repeating, struct footprint *ret)
{
	struct origin origin = ORIGIN_EMPTY;
	check_error(process_origin(look->victim.pid, &origin), 0, NULL);
	check_error(footprint_take(&origin, &look->space, repeating, ret), 0, NULL);
	origin_close(&origin);
}

static struct residency_tally tally_of(const struct footprint *f, const uint8_t *at, size_t pages)
{
	struct residency_tally sum = {0};
	size_t near = 0;
	residency_tally(&f->residency, raddr_at((uintptr_t)at), pages * PAGE, &near, &sum);
	return sum;
}

static void smaps_tells_zeros_from_shared_pages(void **state)
{
	(void)state;
	struct look scan = look_start(victim_run, 0);
	struct footprint by_scan = FOOTPRINT_EMPTY, by_table = FOOTPRINT_EMPTY;
	survey(&scan, false, &by_scan);
	live_lack(&scan.space, LIVE_NO_SCAN);
	survey(&scan, false, &by_table);
	assert_int_equal(by_table.unsure, 0);
	expect_zeros(tally_of(&by_table, ground.zeros, PAGES), 0);
	expect(tally_of(&by_table, ground.inherited, PAGES), PAGES, 0, PAGES);
	expect(tally_of(&by_table, ground.mixed, 2 * PAGES),
	       kernel_shares_zeros() ? PAGES : 2 * PAGES, 0, PAGES);
	struct residency_tally all[2] = {0};
	size_t near[2] = {0};
	residency_tally(&by_scan.residency, RADDR_NULL, UINT64_MAX, &near[0], &all[0]);
	residency_tally(&by_table.residency, RADDR_NULL, UINT64_MAX, &near[1], &all[1]);
	/* The sanitizer's own reservations are too large for the table. */
	assert_true(all[0].present >= all[1].present);
	if (!by_table.untold)
		assert_int_equal(all[0].present, all[1].present);
	/* Not so what is shared: the test itself goes on writing to its side of it. */
	assert_int_equal(all[0].file, all[1].file);
	footprint_fini(&by_scan);
	footprint_fini(&by_table);
	look_end(&scan);
}

static void repeated_looks_read_no_smaps(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, LIVE_NO_SCAN);
	struct footprint f = FOOTPRINT_EMPTY;
	survey(&look, true, &f);
	assert_false(f.account.pss.known);
	assert_true(f.unsure >= (kernel_shares_zeros() ? 2 * PAGES : PAGES) * PAGE);
	expect_zeros(tally_of(&f, ground.zeros, PAGES), PAGES);
	/* What did not change is kept, and says the same. */
	survey(&look, true, &f);
	assert_true(f.unsure >= (kernel_shares_zeros() ? 2 * PAGES : PAGES) * PAGE);
	expect(tally_of(&f, ground.written, PAGES), PAGES, 0, 0);
	footprint_fini(&f);
	look_end(&look);
}

static void reading_leaves_shared_pages_shared(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, 0);
	_cleanup_(free_pointer) uint8_t *bytes = malloc(PAGES * PAGE);
	uint8_t got[PAGES];
	struct space_slice slice = {
		raddr_at((uintptr_t)ground.inherited), PAGE, 64, PAGES, bytes, got};
	assert_string_equal(live_mechanism(&look.space), "/proc/PID/mem");
	check_error(space_read(&look.space, slice.start, bytes, PAGES * PAGE), 0, NULL);
	assert_int_equal(bytes[5 * PAGE], 1);
	check_error(space_gather(&look.space, &slice, 1, NULL), 0, NULL);
	assert_int_equal(got[PAGES - 1], SLICE_READ);
	expect(tally(&look.space, ground.inherited, PAGES), PAGES, 0, PAGES);
	look_end(&look);
}

static void what_smaps_counts_decides(void **state)
{
	(void)state;
	struct residency r = RESIDENCY_EMPTY;
	unsigned unsure = RESIDENCY_SHARED | RESIDENCY_UNSURE;
	size_t near = 0;
	assert_true(residency_add_traits(&r, raddr_at(0x1000), PAGE, false, 0));
	assert_true(residency_add_traits(&r, raddr_at(0x2000), 2 * PAGE, false, unsure));
	assert_true(residency_add_traits(&r, raddr_at(0x4000), PAGE, true, 0));
	assert_true(residency_add_traits(&r, raddr_at(0x9000), 3 * PAGE, false, unsure));
	residency_judge(&r, raddr_at(0x1000), 0x4000, 2 * PAGE, &near);
	assert_int_equal(r.ranges.items[1].size, PAGE);
	assert_int_equal(r.ranges.items[1].traits, RESIDENCY_SHARED);
	assert_int_equal(residency_unsure(&r), 3 * PAGE);
	residency_judge(&r, raddr_at(0x9000), 0x3000, 0, &near);
	assert_int_equal(r.ranges.items[3].size, 0);
	assert_int_equal(residency_unsure(&r), 0);
	residency_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_told_apart_by_scan),
		cmocka_unit_test(pages_are_told_apart_by_the_table),
		cmocka_unit_test(smaps_tells_zeros_from_shared_pages),
		cmocka_unit_test(repeated_looks_read_no_smaps),
		cmocka_unit_test(reading_leaves_shared_pages_shared),
		cmocka_unit_test(what_smaps_counts_decides),
	};
	return cmocka_run_group_tests(tests, ground_make, NULL);
}
