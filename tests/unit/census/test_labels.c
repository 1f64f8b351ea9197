/*
 * Labels: what is said twice has one number; what there is no number for is said to be among the others; objects outside
 * of blocks are found by where they begin and by what they hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspector/census/labels.h"
#include "inspector/census/outside.h"

static struct label object_of(uint32_t type)
{
	return (struct label){LABEL_OBJECT, PART_OTHER, type, TYPE_NONE, false};
}

static void test_every_block_is_free_at_first(void **state)
{
	(void)state;
	struct labels labels;
	assert_null(labels_init(&labels, 100));
	for (uint32_t b = 0; b < 100; b++)
		assert_int_equal(labels_of(&labels, b)->kind, LABEL_FREE);
	assert_int_equal(labels.list.items[LABELS_UNEXPLAINED].kind, LABEL_UNEXPLAINED);
	assert_int_equal(labels.list.items[LABELS_OTHERS].kind, LABEL_OBJECT);
	labels_fini(&labels);
}

static void test_what_is_said_twice_has_one_number(void **state)
{
	(void)state;
	struct labels labels;
	uint16_t numbers[3000];
	assert_null(labels_init(&labels, 1));
	for (uint32_t i = 0; i < 3000; i++) {
		struct label label = object_of(i);
		numbers[i] = labels_number(&labels, &label);
		assert_int_equal(labels.list.items[numbers[i]].type, i);
	}
	assert_int_equal(labels.list.count, 3000 + LABELS_OTHERS + 1);
	for (uint32_t i = 0; i < 3000; i++) {
		struct label label = object_of(i);
		assert_int_equal(labels_number(&labels, &label), numbers[i]);
	}
	labels_fini(&labels);
}

static void test_each_field_tells_labels_apart(void **state)
{
	(void)state;
	struct labels labels;
	assert_null(labels_init(&labels, 1));
	const struct label different[] = {
		{LABEL_OBJECT, PART_OTHER, 7, TYPE_NONE, false},
		{LABEL_FREE_LISTED, PART_OTHER, 7, TYPE_NONE, false},
		{LABEL_BUFFER, PART_DICT_KEYS, 7, TYPE_NONE, false},
		{LABEL_BUFFER, PART_DICT_VALUES, 7, TYPE_NONE, false},
		{LABEL_BUFFER, PART_DICT_KEYS, 7, 8, false},
		{LABEL_BUFFER, PART_DICT_KEYS, 7, 8, true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(different); i++)
		assert_int_equal(labels_number(&labels, &different[i]), LABELS_OTHERS + 1 + i);
	labels_fini(&labels);
}

static void test_more_than_there_are_numbers(void **state)
{
	(void)state;
	struct labels labels;
	assert_null(labels_init(&labels, 1));
	for (uint32_t i = 0; i < LABELS_MAX + 10; i++) {
		struct label label = object_of(i);
		(void)labels_number(&labels, &label);
	}
	assert_int_equal(labels.list.count, LABELS_MAX);
	assert_int_equal(labels.n_beyond, 10 + LABELS_OTHERS + 1);
	struct label last = object_of(LABELS_MAX + 9), first = object_of(0);
	assert_int_equal(labels_number(&labels, &last), LABELS_OTHERS);
	assert_int_equal(labels_number(&labels, &first), LABELS_OTHERS + 1);
	labels_fini(&labels);
}

static void test_objects_outside(void **state)
{
	(void)state;
	struct outside outside = {0};
	assert_int_equal(outside_find(&outside, 100), SIZE_MAX);
	for (size_t i = 1; i <= 5; i++)
		*(struct outside_object *)vec_push(&outside.list) =
			(struct outside_object){i * 100, 40, 3};
	assert_int_equal(outside_find(&outside, 100), 0);
	assert_int_equal(outside_find(&outside, 500), 4);
	assert_int_equal(outside_find(&outside, 501), SIZE_MAX);
	assert_int_equal(outside_around(&outside, 99), SIZE_MAX);
	assert_int_equal(outside_around(&outside, 339), 2);
	assert_int_equal(outside_around(&outside, 340), SIZE_MAX);
	outside_fini(&outside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_block_is_free_at_first),
		cmocka_unit_test(test_what_is_said_twice_has_one_number),
		cmocka_unit_test(test_each_field_tells_labels_apart),
		cmocka_unit_test(test_more_than_there_are_numbers),
		cmocka_unit_test(test_objects_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
