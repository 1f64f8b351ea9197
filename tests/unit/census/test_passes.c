/*
 * What the passes stand on: sets of words, the way from a word to an orphan and to memory outside of arenas, and the
 * crew, which shows each block in use once however many work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspector/census/passes/atlas.h"
#include "inspector/census/passes/orphans.h"
#include "inspector/census/passes/word_set.h"
#include "inspector/census/tables/numbers.h"

static void test_a_word_is_added_once(void **state)
{
	(void)state;
	struct word_set set = {.limit = 20000};
	for (uint64_t i = 1; i <= 20000; i++)
		assert_true(word_set_add(&set, i * 64));
	for (uint64_t i = 1; i <= 20000; i++)
		assert_false(word_set_add(&set, i * 64));
	assert_int_equal(set.count, 20000);
	assert_int_equal(set.n_untold, 0);
	assert_false(word_set_add(&set, 8)); /* it is full, and says so */
	assert_int_equal(set.n_untold, 1);
	word_set_fini(&set);
}

static void test_rows_are_found_by_their_hash(void **state)
{
	(void)state;
	struct numbers numbers = {0};
	assert_int_equal(numbers_find(&numbers, 7), NUMBERS_NONE);
	for (uint32_t i = 0; i < 5000; i++)
		assert_true(numbers_add(&numbers, numbers_mix(i, 1), i));
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(numbers_find(&numbers, numbers_mix(i, 1)), i);
	assert_int_equal(numbers_find(&numbers, numbers_mix(5000, 1)), NUMBERS_NONE);
	numbers_fini(&numbers);
}

static void test_bytes_make_different_hashes(void **state)
{
	(void)state;
	const char text[] = "abcdefghijklmnop";
	uint64_t seen[sizeof(text)];
	for (size_t n = 0; n < sizeof(text); n++) {
		seen[n] = numbers_mix_bytes(0, text, n);
		for (size_t k = 0; k < n; k++)
			assert_int_not_equal(seen[n], seen[k]);
	}
	assert_int_not_equal(numbers_mix_bytes(0, "x\0", 1), numbers_mix_bytes(0, "x\0", 2));
}

/* ---- orphans -------------------------------------------------------------------------- */

#define BLOCKS 1000
#define START  0x7f0000001030
#define HOOK   16

static struct plot_run run = {START, 64, BLOCKS, 0, 0};

static void make_orphans(struct labels *labels, size_t max, struct orphans *ret)
{
	const struct plot plot = {.runs = {&run, 1, 1}, .n_run_blocks = BLOCKS, .n_blocks = BLOCKS};
	assert_null(labels_init(labels, BLOCKS));
	for (uint32_t b = 0; b < BLOCKS; b++)
		labels->of_block[b] = b % 3 ? LABELS_OTHERS : LABELS_UNEXPLAINED;
	assert_null(orphans_gather(&plot, labels, HOOK, max, ret));
}

static void test_orphans_are_the_unexplained(void **state)
{
	(void)state;
	struct labels labels;
	struct orphans orphans = {0};
	make_orphans(&labels, 1000000, &orphans);
	assert_int_equal(orphans.count, BLOCKS / 3 + 1);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		struct orphan *orphan = orphans_at(&orphans, START + b * 64 + HOOK);
		assert_int_equal(orphan != NULL, b % 3 == 0);
		if (orphan)
			assert_int_equal(orphan->block, b);
		assert_null(orphans_at(&orphans, START + b * 64));
	}
	orphans_fini(&orphans);
	labels_fini(&labels);
}

static void test_the_lowest_owner_counts(void **state)
{
	(void)state;
	struct labels labels;
	struct orphans orphans = {0};
	make_orphans(&labels, 10, &orphans);
	assert_int_equal(orphans.count, 10);
	struct orphan *orphan = orphans_at(&orphans, START + HOOK);
	assert_non_null(orphan);
	assert_int_equal(orphan->owner, ORPHANS_NOBODY);
	orphan_claim(orphan, 50);
	orphan_claim(orphan, 70);
	assert_int_equal(orphan->owner, 50);
	orphan_claim(orphan, 20);
	assert_int_equal(orphan->owner, 20);
	orphans_fini(&orphans);
	labels_fini(&labels);
}

/* ---- atlas ---------------------------------------------------------------------------- */

#define ARENA (256 * KIB)

static void test_what_lies_outside_of_arenas(void **state)
{
	(void)state;
	/* A program's data far away; a mapping that is all arena, and one that an arena only begins. */
	struct region regions[] = {
		{.start = {0x555500000000}, .size = MIB, .readable = true, .writable = true},
		{.start = {0x7f0000000000}, .size = 2 * ARENA, .readable = true, .writable = true},
		{.start = {0x7f0010000000}, .size = 3 * ARENA, .readable = true, .writable = true},
		{.start = {0x7f0020000000}, .size = MIB, .readable = true, .executable = true},
	};
	struct plot_arena arenas[] = {
		{.start = 0x7f0000000000, .size = ARENA},
		{.start = 0x7f0000000000 + ARENA, .size = ARENA},
		{.start = 0x7f0010000000, .size = ARENA},
	};
	const struct space space = {.regions = {regions, ARRAY_SIZE(regions), 4}};
	const struct plot plot = {.arenas = {arenas, ARRAY_SIZE(arenas), 3}};
	struct atlas atlas;
	assert_null(atlas_draw(&space, &plot, &atlas));
	assert_int_equal(atlas.n_islands, 2);
	assert_true(atlas_outside(&atlas, 0x555500000000));
	assert_true(atlas_outside(&atlas, 0x555500000000 + MIB - 8));
	assert_false(atlas_outside(&atlas, 0x7f0000000008));
	assert_false(atlas_outside(&atlas, 0x7f0000000000 + 2 * ARENA - 8));
	assert_false(atlas_outside(&atlas, 0x7f0010000000 + ARENA - 8));
	assert_true(atlas_outside(&atlas, 0x7f0010000000 + ARENA));
	assert_false(atlas_outside(&atlas, 0x7f0008000000)); /* a hole */
	assert_false(atlas_outside(&atlas, 0x7f0020000000)); /* code */
	assert_false(atlas_outside(&atlas, 0));
	assert_false(atlas_outside(&atlas, UINT64_MAX - 7));
	atlas_fini(&atlas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_word_is_added_once),
		cmocka_unit_test(test_rows_are_found_by_their_hash),
		cmocka_unit_test(test_bytes_make_different_hashes),
		cmocka_unit_test(test_orphans_are_the_unexplained),
		cmocka_unit_test(test_the_lowest_owner_counts),
		cmocka_unit_test(test_what_lies_outside_of_arenas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
