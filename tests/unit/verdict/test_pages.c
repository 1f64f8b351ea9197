/*
 * Two processes of a few pages: what a fork has copied, and what of huge pages is zeros.
 */
#include "base/cleanup.h"
#include "inspector/verdict/fork_copies.h"
#include "inspector/verdict/huge_zeros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE  UINT64_C(4096)
#define HUGE  (2 * MIB)
#define BASE  UINT64_C(0x7f0000000000)
#define TYPES UINT64_C(0x7f1000000000) /* where types lie */
#define TEXT  UINT64_C(0x550000000000)
#define PAGES 8

struct side {
	struct space space;
	uint64_t words[PAGES * PAGE / 8];
	bool absent[PAGES];
	bool read[PAGES];
};

static struct error *read_side(void *source, raddr at, void *buffer, size_t size)
{
	struct side *side = source;
	uint64_t offset = at.value - BASE;
	assert_true(at.value >= BASE && offset + size <= sizeof(side->words));
	assert_false(side->absent[offset / PAGE]);
	side->read[offset / PAGE] = true;
	memcpy(buffer, (const uint8_t *)side->words + offset, size);
	return NULL;
}

static struct error *residency_of_side(void *source, raddr start, uint64_t size,
				       struct residency *ret)
{
	struct side *side = source;
	for (uint64_t at = 0; at < size; at += PAGE) {
		if (!side->absent[(start.value - BASE + at) / PAGE])
			assert_true(residency_add(ret, raddr_plus(start, at), PAGE, false));
	}
	return NULL;
}

static const struct space_ops side_ops = {.read = read_side, .residency = residency_of_side};

static void add_region(struct space *space, uint64_t start, uint64_t size, enum region_kind kind)
{
	struct region *region = vec_push(&space->regions);
	assert_non_null(region);
	region->start = raddr_at(start);
	region->size = size;
	region->kind = kind;
	region->readable = true;
	region->writable = kind == REGION_ANON;
	region->inode = kind == REGION_FILE ? 7 : 0;
	space->mapped_size += size;
}

static void side_init(struct side *side)
{
	*side = (struct side){.space = {.ops = &side_ops, .source = NULL}};
	side->space.source = side;
	add_region(&side->space, TEXT, PAGE, REGION_FILE);
	add_region(&side->space, BASE, PAGES * PAGE, REGION_ANON);
	add_region(&side->space, TYPES, PAGE, REGION_ANON);
}

static struct side child, parent;
static struct residency resident;

static int set_up(void **state)
{
	(void)state;
	side_init(&child);
	side_init(&parent);
	residency_clear(&resident);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vec_fini(&child.space.regions);
	vec_fini(&parent.space.regions);
	residency_fini(&resident);
	return 0;
}

static struct fork_copies_request request_of(uint64_t ob_type, uint64_t gc_size)
{
	return (struct fork_copies_request){.child = &child.space,
					    .parent = &parent.space,
					    .residency = &resident,
					    .parent_pid = 17,
					    .ob_type = ob_type,
					    .gc_size = gc_size,
					    .max_compared = MIB};
}

/* ---- one page -------------------------------------------------------------------------------------------- */

/* An object at word i of both, with a GC head of so many words before it. */
static void put_object(size_t i, size_t head)
{
	for (int both = 0; both < 2; both++) {
		uint64_t *words = both ? parent.words : child.words;
		if (head) {
			words[i - head] = BASE + 64;
			words[i - head + 1] = BASE + 128;
		}
		words[i] = 2;
		words[i + 1] = TYPES + 64;
	}
}

static enum page_change page_change(uint64_t ob_type, uint64_t gc_size)
{
	const struct fork_copies_request request = request_of(ob_type, gc_size);
	return fork_copies_page(child.words, parent.words, PAGE / 8, PAGE / 8, &request);
}

static void test_pages_that_are_equal_again(void **state)
{
	(void)state;
	put_object(10, 2);
	assert_int_equal(page_change(8, 16), PAGE_IDENTICAL);
}

static void test_refcounts(void **state)
{
	(void)state;
	put_object(10, 2);
	put_object(20, 0);
	child.words[10]++;
	child.words[20] += 1000;
	assert_int_equal(page_change(8, 16), PAGE_REFCOUNTS);
	child.words[30] = 1; /* of nothing that has a type */
	assert_int_equal(page_change(8, 16), PAGE_CHANGED);
}

static void test_refcounts_without_the_gil(void **state)
{
	(void)state;
	child.words[13] = parent.words[13] = TYPES + 64;
	child.words[11] = 5;
	child.words[12] = 9;
	assert_int_equal(page_change(24, 0), PAGE_REFCOUNTS);
	assert_int_equal(page_change(8, 0), PAGE_CHANGED);
}

static void test_links_of_the_collector(void **state)
{
	(void)state;
	put_object(10, 2);
	put_object(40, 3);
	child.words[8] = BASE + 256;
	child.words[9] = BASE + 512 + 1; /* with a flag */
	child.words[10]++;
	assert_int_equal(page_change(8, 16), PAGE_GC_LINKS);
	child.words[39] = 77; /* the third word of a larger head */
	assert_int_equal(page_change(8, 16), PAGE_CHANGED);
	child.words[8] = parent.words[8];
	child.words[9] = parent.words[9];
	assert_int_equal(page_change(8, 24), PAGE_GC_LINKS);
}

/* A list's items: addresses, and an address behind each. */
static void test_pointers_are_no_refcounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++)
		child.words[i] = parent.words[i] = BASE + 64 * i + 64;
	child.words[5] = BASE + 8;
	assert_int_equal(page_change(8, 16), PAGE_CHANGED);
}

/* Where a program is not position-independent its heap lies low. */
static void test_low_pointers_are_no_refcounts(void **state)
{
	(void)state;
	tear_down(state);
	side_init(&child);
	side_init(&parent);
	child.space.regions.items[0].start = raddr_at(0x2000000);
	for (size_t i = 0; i < 20; i++)
		child.words[i] = parent.words[i] = 0x2000000 + 8 * i;
	child.words[5] = 0x2000800;
	assert_int_equal(page_change(8, 16), PAGE_CHANGED);
}

/* The type of another page, the last word of this one. */
static void test_nothing_is_read_behind_the_end(void **state)
{
	(void)state;
	const struct fork_copies_request request = request_of(8, 16);
	size_t last = PAGE / 8 - 1;
	child.words[last] = 3;
	child.words[last + 1] = parent.words[last + 1] = TYPES + 64;
	assert_int_equal(page_change(8, 16), PAGE_CHANGED);
	assert_int_equal(
		fork_copies_page(child.words, parent.words, PAGE / 8, PAGE / 8 + 1, &request),
		PAGE_REFCOUNTS);
}

/* ---- all pages ---------------------------------------------------------------------------------------------- */

static void compare(struct fork_copies *ret)
{
	const struct fork_copies_request request = request_of(8, 16);
	assert_null(fork_copies_compare(&request, ret));
}

static uint64_t *word_of(struct side *side, size_t page, size_t i)
{
	return &side->words[page * PAGE / 8 + i];
}

static void test_every_private_page_is_compared(void **state)
{
	(void)state;
	struct fork_copies copies;
	residency_add_traits(&resident, raddr_at(BASE), 4 * PAGE, false, 0);
	residency_add_traits(&resident, raddr_at(BASE + 4 * PAGE), PAGE, false, RESIDENCY_SHARED);
	residency_add_traits(&resident, raddr_at(BASE + 5 * PAGE), 2 * PAGE, false, 0);
	residency_add_traits(&resident, raddr_at(BASE + 7 * PAGE), PAGE, true, 0);
	parent.absent[6] = child.absent[7] = true;
	put_object(2 * PAGE / 8 + 10, 2);
	*word_of(&child, 2, 10) += 1;
	*word_of(&child, 3, 10) = 1;
	*word_of(&child, 4, 10) = 1;
	compare(&copies);
	assert_true(copies.filled);
	assert_int_equal(copies.parent, 17);
	assert_int_equal(copies.compared, 5 * PAGE);
	assert_int_equal(copies.private_bytes, 5 * PAGE);
	assert_int_equal(copies.identical, 3 * PAGE);
	assert_int_equal(copies.refcounts_only, PAGE);
	assert_int_equal(copies.changed, PAGE);
	assert_false(child.read[4]);
}

static void test_memory_of_its_own_is_no_copy(void **state)
{
	(void)state;
	struct fork_copies copies;
	residency_add_traits(&resident, raddr_at(BASE), PAGES * PAGE, false, 0);
	parent.space.regions.items[1].shared = true;
	compare(&copies);
	assert_false(copies.filled);
	assert_int_equal(copies.private_bytes, 0);
}

/* One stretch in two is read, and the figures are of all. */
static void test_a_sample_is_scaled_up(void **state)
{
	(void)state;
	struct fork_copies copies;
	for (size_t i = 0; i < PAGES; i += 2)
		residency_add_traits(&resident, raddr_at(BASE + i * PAGE), PAGE, false, 0);
	struct fork_copies_request request = request_of(8, 16);
	request.max_compared = 3 * PAGE;
	assert_null(fork_copies_compare(&request, &copies));
	assert_int_equal(copies.compared, 2 * PAGE);
	assert_int_equal(copies.private_bytes, 4 * PAGE);
	assert_int_equal(copies.identical, 4 * PAGE);
}

static void test_relatives(void **state)
{
	(void)state;
	assert_true(fork_copies_related(&child.space, &parent.space, raddr_at(TEXT + 16)));
	assert_false(fork_copies_related(&child.space, &parent.space, raddr_at(BASE)));
	parent.space.regions.items[0].inode = 8;
	assert_false(fork_copies_related(&child.space, &parent.space, raddr_at(TEXT + 16)));
}

/* ---- huge pages ------------------------------------------------------------------------------------------------ */

static struct error *read_striped(void *source, raddr at, void *buffer, size_t size)
{
	uint64_t *n_read = source;
	memset(buffer, 0, size);
	*n_read += size;
	if (at.value / PAGE % 4 == 0)
		((uint8_t *)buffer)[size - 1] = 1;
	return NULL;
}

static void test_zeros_of_huge_pages(void **state)
{
	(void)state;
	static const struct space_ops ops = {.read = read_striped};
	uint64_t n_read = 0;
	struct space space = {.ops = &ops, .source = &n_read};
	struct huge_zeros zeros = {.filled = false};
	add_region(&space, BASE, 64 * HUGE, REGION_ANON);
	residency_add_traits(&resident, raddr_at(BASE), 2 * HUGE, false, 0);
	assert_null(huge_zeros_count(&space, &resident, 16 * HUGE, &zeros));
	assert_false(zeros.filled);
	residency_add_traits(&resident, raddr_at(BASE + 4 * HUGE), 32 * HUGE, false,
			     RESIDENCY_HUGE);
	residency_add_traits(&resident, raddr_at(BASE + 40 * HUGE), HUGE, false,
			     RESIDENCY_HUGE | RESIDENCY_FILE);
	assert_null(huge_zeros_count(&space, &resident, 16 * HUGE, &zeros));
	assert_true(zeros.filled);
	assert_in_range(zeros.compared, 8 * HUGE, 16 * HUGE);
	assert_int_equal(zeros.compared, n_read);
	assert_int_equal(zeros.zeros, zeros.compared / 4 * 3);
	assert_null(huge_zeros_count(&space, &resident, 64 * HUGE, &zeros));
	assert_int_equal(zeros.compared, 32 * HUGE);
	vec_fini(&space.regions);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pages_that_are_equal_again),
		TEST(test_refcounts),
		TEST(test_refcounts_without_the_gil),
		TEST(test_links_of_the_collector),
		TEST(test_pointers_are_no_refcounts),
		TEST(test_low_pointers_are_no_refcounts),
		TEST(test_nothing_is_read_behind_the_end),
		TEST(test_every_private_page_is_compared),
		TEST(test_memory_of_its_own_is_no_copy),
		TEST(test_a_sample_is_scaled_up),
		TEST(test_relatives),
		TEST(test_zeros_of_huge_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
