/* save_heap: what of a heap's residency is of the moment when the heap was read. */
#include "inspector/save/save_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BASE UINT64_C(0x550000000000)
#define PAGE UINT64_C(4096)

static raddr page(uint64_t i)
{
	return raddr_at(BASE + i * PAGE);
}

static void add(struct residency *to, uint64_t first, uint64_t n, bool swapped, unsigned traits)
{
	assert_true(residency_add_traits(to, page(first), n * PAGE, swapped, traits));
}

static void add_range(struct save_heap *heap, uint64_t first, uint64_t n)
{
	struct save_range *range = vec_push(&heap->ranges);
	assert_non_null(range);
	*range = (struct save_range){.start = page(first), .size = n * PAGE};
}

static void assert_range(const struct residency *r, size_t i, uint64_t first, uint64_t n,
			 bool swapped, unsigned traits)
{
	assert_true(i < r->ranges.count);
	assert_int_equal(r->ranges.items[i].start.value, page(first).value);
	assert_int_equal(r->ranges.items[i].size, n * PAGE);
	assert_int_equal(r->ranges.items[i].swapped, swapped);
	assert_int_equal(r->ranges.items[i].traits, traits);
}

/*
 *	heap           [10 … 20)      [30 … 40)
 *	it then          12 13          30 … 34
 *	all since   8 ………… 15   18 …………… 32        36 … 45
 */
static void a_heap_keeps_its_own(void **state)
{
	struct save_heap heap = SAVE_HEAP_EMPTY;
	struct residency all = RESIDENCY_EMPTY, got = RESIDENCY_EMPTY;
	(void)state;
	add_range(&heap, 10, 10);
	add_range(&heap, 30, 10);
	add(&heap.residency, 12, 2, false, 0);
	add(&heap.residency, 30, 4, false, RESIDENCY_HUGE);
	add(&all, 8, 7, false, 0);
	add(&all, 18, 14, true, 0);
	add(&all, 36, 9, false, RESIDENCY_FILE);
	assert_true(save_heap_residency(&heap, &all, &got));
	assert_int_equal(got.ranges.count, 5);
	assert_range(&got, 0, 8, 2, false, 0);
	assert_range(&got, 1, 12, 2, false, 0);
	assert_range(&got, 2, 20, 10, true, 0);
	assert_range(&got, 3, 30, 4, false, RESIDENCY_HUGE);
	assert_range(&got, 4, 40, 5, false, RESIDENCY_FILE);
	residency_fini(&got);
	residency_fini(&all);
	save_heap_fini(&heap);
}

static void what_was_not_read_changes_nothing(void **state)
{
	struct save_heap heap = SAVE_HEAP_EMPTY;
	struct residency all = RESIDENCY_EMPTY, got = RESIDENCY_EMPTY;
	(void)state;
	add(&all, 8, 7, false, RESIDENCY_SHARED);
	assert_true(save_heap_residency(&heap, &all, &got));
	assert_int_equal(got.ranges.count, 1);
	assert_range(&got, 0, 8, 7, false, RESIDENCY_SHARED);
	residency_fini(&got);
	residency_fini(&all);
	save_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_heap_keeps_its_own),
		cmocka_unit_test(what_was_not_read_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
