/* space and residency: holes, borders and wrap-around, on a source that is an array. */
#include "base/cleanup.h"
#include "inspector/target/space.h"
#include "victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BASE      0x10000
#define LENGTH    0x8000
#define HUGE_BASE (UINT64_MAX - 0xfff)

/*
 *	10000  12000  13000     15000      17000     18000		top page
 *	[ r    ][ r    ]  hole  [ not r   ][ r       ]  hole  …  [ r   ]
 */
static struct {
	uint8_t bytes[LENGTH];
	unsigned n_reads, n_closes;
	uint64_t fails_at; /* an address that the source cannot read after all */
	int fails_as;
} fixture;

static struct error *fixture_read(void *source, raddr at, void *buffer, size_t size)
{
	assert_ptr_equal(source, &fixture);
	fixture.n_reads++;
	if (fixture.fails_as && raddr_in(raddr_at(fixture.fails_at), at, size))
		return error_new((enum error_kind)fixture.fails_as, "as told");
	if (at.value >= HUGE_BASE) {
		memset(buffer, 0x77, size);
		return NULL;
	}
	assert_true(at.value >= BASE && at.value + size <= BASE + LENGTH);
	memcpy(buffer, fixture.bytes + (at.value - BASE), size);
	return NULL;
}

static void fixture_close(void *source)
{
	assert_ptr_equal(source, &fixture);
	fixture.n_closes++;
}

static void add(struct space *space, uint64_t start, uint64_t size, bool readable)
{
	struct region *region = vec_push(&space->regions);
	assert_non_null(region);
	*region = (struct region){.start = raddr_at(start), .size = size, .readable = readable};
	region->label = strdup("x");
	if (readable)
		space->mapped_size += size;
}

static struct space make(void)
{
	static const struct space_ops ops = {.read = fixture_read, .close = fixture_close};
	struct space space = {.ops = &ops, .source = &fixture};
	memset(&fixture, 0, sizeof(fixture));
	for (size_t i = 0; i < LENGTH; i++)
		fixture.bytes[i] = (uint8_t)(i * 31 + (i >> 8));
	add(&space, 0x10000, 0x2000, true);
	add(&space, 0x12000, 0x1000, true);
	add(&space, 0x15000, 0x2000, false);
	add(&space, 0x17000, 0x1000, true);
	add(&space, HUGE_BASE, 0x1000, true);
	return space;
}

static void reads_cross_regions_but_not_holes(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = make();
	uint8_t buffer[0x4000];
	check_error(space_read(&space, raddr_at(0x11ff0), buffer, 32), 0, NULL);
	assert_memory_equal(buffer, fixture.bytes + 0x1ff0, 32);
	assert_int_equal(fixture.n_reads, 2);
	check_error(space_read(&space, raddr_at(0x10000), buffer, 0x3000), 0, NULL);
	fixture.n_reads = 0;
	struct error *err = space_read(&space, raddr_at(0x12ff0), buffer, 32);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, "0x13000"));
	check_error(err, ERROR_FAULT, NULL);
	check_error(space_read(&space, raddr_at(0x14fff), buffer, 1), ERROR_FAULT, NULL);
	check_error(space_read(&space, raddr_at(0x15000), buffer, 1), ERROR_FAULT, NULL);
	check_error(space_read(&space, raddr_at(0x16fff), buffer, 2), ERROR_FAULT, NULL);
	check_error(space_read(&space, raddr_at(0xffff), buffer, 1), ERROR_FAULT, NULL);
	check_error(space_read(&space, RADDR_NULL, buffer, 8), ERROR_FAULT, NULL);
	assert_int_equal(fixture.n_reads, 0);
	check_error(space_read(&space, raddr_at(0x13000), buffer, 0), 0, NULL);
}

static void the_top_of_memory_does_not_wrap(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = make();
	uint8_t buffer[16];
	check_error(space_read(&space, raddr_at(UINT64_MAX - 15), buffer, 16), 0, NULL);
	assert_int_equal(buffer[15], 0x77);
	check_error(space_read(&space, raddr_at(UINT64_MAX - 14), buffer, 16), ERROR_FAULT, NULL);
	check_error(space_read(&space, raddr_at(0x10000), buffer, SIZE_MAX), ERROR_FAULT, NULL);
	assert_non_null(space_region(&space, raddr_at(UINT64_MAX)));
}

static void regions_are_found(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = make();
	assert_null(space_region(&space, raddr_at(0xffff)));
	assert_ptr_equal(space_region(&space, raddr_at(0x10000)), &space.regions.items[0]);
	assert_ptr_equal(space_region(&space, raddr_at(0x11fff)), &space.regions.items[0]);
	assert_ptr_equal(space_region(&space, raddr_at(0x12000)), &space.regions.items[1]);
	assert_null(space_region(&space, raddr_at(0x13000)));
	assert_ptr_equal(space_region(&space, raddr_at(0x17fff)), &space.regions.items[3]);
	assert_null(space_region(&space, raddr_at(0x18000)));
}

static void a_gather_skips_what_it_must(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = make();
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	uint8_t bytes[6 * 16], got[6];
	memset(bytes, 0xee, sizeof(bytes));
	struct space_slice slice = {raddr_at(0x10000), 0x1800, 16, 6, bytes, got};
	check_error(space_gather(&space, &slice, 1, NULL), 0, NULL);
	/* 10000 11800 | 13000 14800 holes | 16000 unreadable | 17800 */
	static const uint8_t expected[6] = {SLICE_READ, SLICE_READ, 0, 0, 0, SLICE_READ};
	static const uint8_t zeros[16];
	assert_memory_equal(got, expected, 6);
	assert_memory_equal(bytes + 16, fixture.bytes + 0x1800, 16);
	assert_memory_equal(bytes + 2 * 16, zeros, 16);
	assert_memory_equal(bytes + 5 * 16, fixture.bytes + 0x7800, 16);
	assert_true(residency_add(&residency, raddr_at(0x11000), 0x1000, false));
	assert_true(residency_add(&residency, raddr_at(0x17000), 0x1000, true));
	check_error(space_gather(&space, &slice, 1, &residency), 0, NULL);
	assert_int_equal(got[0], SLICE_ABSENT);
	assert_int_equal(got[1], SLICE_READ);
	assert_int_equal(got[5], SLICE_ABSENT);
	slice.start = raddr_at(UINT64_MAX - 8);
	check_error(space_gather(&space, &slice, 1, NULL), 0, NULL);
	assert_int_equal(got[0], SLICE_UNREADABLE);
	assert_int_equal(got[1], SLICE_UNREADABLE);
}

static void what_the_source_says_is_handed_on(void **state)
{
	(void)state;
	_cleanup_(space_fini) struct space space = make();
	uint8_t bytes[2 * 16], got[2];
	struct space_slice slice = {raddr_at(0x10000), 0x1000, 16, 2, bytes, got};
	fixture.fails_at = 0x10008;
	fixture.fails_as = ERROR_FAULT;
	check_error(space_gather(&space, &slice, 1, NULL), 0, NULL);
	assert_int_equal(got[0], SLICE_UNREADABLE);
	assert_int_equal(got[1], SLICE_READ);
	fixture.fails_as = ERROR_GONE;
	check_error(space_gather(&space, &slice, 1, NULL), ERROR_GONE, NULL);
	check_error(space_read(&space, raddr_at(0x10000), bytes, 16), ERROR_GONE, NULL);
	assert_false(space_has_residency(&space));
	check_error(space_residency(&space, raddr_at(0x10000), 1, &(struct residency){0}),
		    ERROR_UNSUPPORTED, NULL);
}

static void an_empty_space_is_harmless(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	uint8_t byte;
	check_error(space_read(&space, raddr_at(1), &byte, 1), ERROR_FAULT, NULL);
	assert_null(space_region(&space, raddr_at(1)));
	space_fini(&space);
	space = make();
	space_fini(&space);
	assert_int_equal(fixture.n_closes, 1);
	assert_int_equal(space.mapped_size, 0);
	space_fini(&space);
	assert_int_equal(fixture.n_closes, 1);
}

static void residency_merges_and_counts(void **state)
{
	(void)state;
	_cleanup_(residency_fini) struct residency r = RESIDENCY_EMPTY;
	uint64_t present, swapped;
	assert_true(residency_add(&r, raddr_at(0x1000), 0x1000, false));
	assert_true(residency_add(&r, raddr_at(0x2000), 0x1000, false));
	assert_true(residency_add(&r, raddr_at(0x3000), 0x1000, true));
	assert_true(residency_add(&r, raddr_at(0x3fff), 0, true));
	assert_true(residency_add(&r, raddr_at(0x5000), 0x1000, false));
	assert_int_equal(r.ranges.count, 3);
	assert_true(residency_present(&r, raddr_at(0x1ff0), 32));
	assert_false(residency_present(&r, raddr_at(0x2ff0), 32));
	assert_false(residency_present(&r, raddr_at(0x3000), 1));
	assert_false(residency_present(&r, raddr_at(0xfff), 2));
	assert_true(residency_present(&r, raddr_at(0x5fff), 1));
	assert_false(residency_present(&r, raddr_at(0x6000), 1));
	residency_count(&r, raddr_at(0x1800), 0x4000, &present, &swapped);
	assert_int_equal(present, 0x1800 + 0x800);
	assert_int_equal(swapped, 0x1000);
	residency_count(&r, RADDR_NULL, UINT64_MAX, &present, &swapped);
	assert_int_equal(present, 0x3000);
	residency_count(&r, raddr_at(0x4000), 0x1000, &present, &swapped);
	assert_int_equal(present + swapped, 0);
	residency_clear(&r);
	assert_false(residency_present(&r, raddr_at(0x1000), 1));
}

/* Asking in any order gives what asking from scratch gives. */
static void residency_remembers_well(void **state)
{
	(void)state;
	_cleanup_(residency_fini) struct residency r = RESIDENCY_EMPTY;
	for (uint64_t i = 0; i < 300; i++)
		assert_true(residency_add(&r, raddr_at(i * 0x3000), 0x1000 + i % 2 * 0x1000,
					  i % 7 == 3));
	size_t near = 0;
	uint64_t at = 0;
	for (unsigned i = 0; i < 20000; i++) {
		at = i % 3 ? at + 0x800 : at * 6364136223846793005 + 1442695040888963407;
		at %= 310 * 0x3000;
		assert_int_equal(residency_present_near(&r, raddr_at(at), 64, &near),
				 residency_present(&r, raddr_at(at), 64));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_cross_regions_but_not_holes),
		cmocka_unit_test(the_top_of_memory_does_not_wrap),
		cmocka_unit_test(regions_are_found),
		cmocka_unit_test(a_gather_skips_what_it_must),
		cmocka_unit_test(what_the_source_says_is_handed_on),
		cmocka_unit_test(an_empty_space_is_harmless),
		cmocka_unit_test(residency_merges_and_counts),
		cmocka_unit_test(residency_remembers_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
