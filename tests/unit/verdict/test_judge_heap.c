/*
 * What is free and kept, cause by cause: arenas of Python's, and of the C library's.
 */
#include "base/cleanup.h"
#include "looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOK    _cleanup_(snapshot_fini) struct snapshot *s = look_calm()
#define VERDICT _cleanup_(verdict_fini) struct verdict v = {.filled = false}

/* ---- pymalloc ----------------------------------------------------------------------------------------- */

static void test_sparse_arenas_are_pinned_by_a_root(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 100, 40 * KIB, 75, 50);
	look_pin_root(s, "app.CACHE", "app.Session", 750, 96 * MIB);
	look_pin_type(s, "app.Session", 750, 97 * MIB);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_PINNED);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 96 * MIB);
	assert_int_equal(cause->symptom, 100 * MIB);
	assert_int_equal(cause->pin_root, 0);
	assert_true(cause->measured);
	assert_int_equal(look_evidence(cause, "sparse_arenas")->value, 100);
	assert_int_equal(look_evidence(cause, "arenas")->value, 106);
	assert_int_equal(look_evidence(cause, "pinning_blocks")->value, 7500);
	assert_int_equal(look_evidence(cause, "type_count")->value, 750);
	assert_string_equal(look_evidence(cause, "type")->text, "app.Session");
	assert_int_equal(look_evidence(cause, "sparse_use")->value, 39);
}

/* Those that frozen garbage keeps are told with that, and who pins the others apart. */
static void test_arenas_that_frozen_garbage_keeps(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 100, 40 * KIB, 75, 50);
	look_pin_type(s, "app.Session", 3000, 39 * MIB);
	s->holders.frozen = (struct holder_type){look_text("app.Config"), 4500, 60 * 40 * KIB};
	s->pins.filled = true;
	s->pins.unreached_bytes = s->holders.frozen.bytes;
	s->pins.unreached_returned = s->pins.frozen_bytes = 60 * MIB;
	s->pins.frozen_arenas = 60;
	s->pins.frozen_free = 60 * MIB - s->holders.frozen.bytes;
	look_judge(s, &v);
	const struct cause *frozen = look_cause(&v, 0, CAUSE_FROZEN_GARBAGE);
	const struct cause *pinned = look_cause(&v, 1, CAUSE_PYMALLOC_PINNED);
	assert_int_equal(v.causes.count, 2);
	assert_int_equal(frozen->bytes, 60 * MIB);
	assert_int_equal(look_evidence(frozen, "frozen_arenas")->value, 60);
	assert_int_equal(pinned->bytes, 39 * MIB);
	assert_int_equal(pinned->symptom, 40 * MIB);
	assert_int_equal(look_evidence(pinned, "sparse_arenas")->value, 40);
}

/* Whoever holds them, the arenas that only gc.collect() empties are told, where there are any. */
static void test_arenas_that_a_collection_empties(void **state)
{
	(void)state;
	for (uint64_t collected = 0; collected < 4; collected += 3) {
		for (int common = 0; common < 2; common++) {
			LOOK;
			VERDICT;
			look_arenas(s, 100, 40 * KIB, 75, 50);
			look_pin_root(s, "app.CACHE", "app.Session", 750, common ? 96 * MIB : MIB);
			look_pin_type(s, "app.Session", 750, 97 * MIB);
			*(common ? &s->pins.lead_collected : &s->pins.types.items[0].collected) =
				collected;
			look_judge(s, &v);
			const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_PINNED);
			assert_int_equal(cause->pin_root, common ? 0 : SIZE_MAX);
			assert_int_equal(look_has(cause, "collected_arenas"), collected != 0);
			if (collected)
				assert_int_equal(look_evidence(cause, "collected_arenas")->value,
						 3);
		}
	}
}

/* Each of a thousand globals holds one: their type is all that they have in common. */
static void test_sparse_arenas_without_a_common_holder(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 100, 40 * KIB, 75, 50);
	look_pin_root(s, "app.name_1", "str", 1, 1 * MIB);
	look_pin_type(s, "str", 750, 95 * MIB);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_PINNED);
	assert_int_equal(cause->bytes, 95 * MIB);
	assert_int_equal(cause->pin_root, SIZE_MAX);
	assert_string_equal(look_evidence(cause, "type")->text, "str");
	assert_int_equal(look_evidence(cause, "holders")->value, 0);
}

/* Before anybody looked for holders the symptom is all there is, and it is not measured. */
static void test_sparse_arenas_from_the_ledger_alone(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	s->holders.filled = false;
	look_arenas(s, 100, 40 * KIB, 75, 50);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_PINNED);
	assert_true(v.preliminary);
	assert_false(cause->measured);
	assert_int_equal(cause->bytes, 100 * MIB);
}

static void test_half_full_arenas_keep_free_pools(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 60, 480 * KIB, 20000, 32);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_FREE_POOLS);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 60 * 32 * 16 * KIB + 6 * 2 * 16 * KIB);
	assert_false(cause->measured);
}

/* No pool is free, yet a third of every arena is. */
static void test_free_blocks_everywhere(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 60, 600 * KIB, 20000, 0);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_FREE_POOLS);
	assert_true(cause->bytes > 24 * MIB);
}

static void test_dense_arenas_are_in_order(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 500, 950 * KIB, 20000, 0);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

/* A peak that is over, and an arena that has just begun: its pages are not there yet. */
static void test_a_young_arena_is_not_sparse(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 40, 10 * KIB, 20, 0);
	struct pymalloc *p = &s->interpreters.items[0].pymalloc;
	for (size_t i = 6; i < p->arenas.count; i++)
		p->arenas.items[i].resident = 16 * KIB;
	look_set(s, LEAF_PYMALLOC_FREE_BLOCKS, 2 * MIB);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

static void test_mimalloc_keeps_pages(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_MIMALLOC_FREE, 60 * MIB);
	look_set(s, LEAF_MIMALLOC_LIVE, 3 * MIB);
	struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	m->used = true;
	m->delayed_bytes = 2 * MIB;
	struct mimalloc_heap *heap = vec_push(&m->heaps);
	struct mimalloc_page *page = vec_push(&m->pages);
	assert_true(heap && page);
	heap->kind = MIMALLOC_ABANDONED;
	*page = (struct mimalloc_page){.block_size = 64, .capacity = 1024};
	look_pin_root(s, "app.KEPT", "app.Session", 1500, 55 * MIB);
	s->pins.mimalloc = true;
	s->pins.sparse_used = MIB;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MIMALLOC_RETAINED);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 55 * MIB);
	assert_int_equal(cause->pin_root, 0);
	assert_int_equal(look_evidence(cause, "abandoned_pages")->value, 1);
	assert_int_equal(look_evidence(cause, "empty_pages_bytes")->value, 64 * KIB);
	assert_int_equal(look_evidence(cause, "delayed_bytes")->value, 2 * MIB);
}

/* ---- malloc --------------------------------------------------------------------------------------------- */

static void test_malloc_keeps_what_trim_gives(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_malloc_arena(s, MIB, 60 * MIB, MIB, 0, 2)->main = true;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MALLOC_FREE_TRIMMABLE);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 60 * MIB + 200 * KIB);
	assert_true(cause->measured);
	assert_int_equal(look_evidence(cause, "freed_from")->value, 16 * KIB);
	assert_int_equal(look_evidence(cause, "freed_to")->value, 32 * KIB);
}

static void test_malloc_keeps_crumbs(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_malloc_arena(s, 12 * MIB, MIB, 60 * MIB, 0, 0)->main = true;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MALLOC_FREE_STUCK);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 60 * MIB + 100 * KIB);
	assert_false(cause->measured);
}

static bool is_ruled_out(const struct verdict *v, enum theory theory)
{
	for (size_t i = 0; i < v->not_causes.count; i++) {
		if (v->not_causes.items[i].theory == theory)
			return true;
	}
	return false;
}

static void test_malloc_has_an_arena_for_each_thread(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	for (int i = 0; i < 10; i++)
		look_malloc_arena(s, 100 * KIB, 6 * MIB, 100 * KIB, 400 * KIB, 2);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MALLOC_ARENA_PER_THREAD);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 60 * MIB);
	assert_int_equal(cause->symptom, 60 * MIB + 10 * 500 * KIB);
	assert_int_equal(look_evidence(cause, "arenas")->value, 10);
	assert_int_equal(look_evidence(cause, "idle_arenas")->value, 10);
	assert_int_equal(look_evidence(cause, "arena_limit")->value, 64);
	assert_int_equal(look_evidence(cause, "trims")->value, 1);
	assert_false(is_ruled_out(&v, THEORY_MALLOC_TRIM));
}

/* Nothing that trim gives: only another start helps, and that was not measured. */
static void test_tops_of_many_arenas(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	for (int i = 0; i < 30; i++)
		look_malloc_arena(s, 100 * KIB, 10 * KIB, 100 * KIB, 2 * MIB, 0);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MALLOC_ARENA_PER_THREAD);
	assert_false(cause->measured);
	assert_int_equal(cause->bytes, 30 * (2 * MIB + 110 * KIB));
	assert_int_equal(look_evidence(cause, "trims")->value, 0);
	assert_true(is_ruled_out(&v, THEORY_MALLOC_TRIM));
	assert_false(is_ruled_out(&v, THEORY_ARENA_MAX));
}

/* One thread's arena is no matter of their number. */
static void test_one_busy_thread(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_malloc_arena(s, 100 * KIB, 60 * MIB, 100 * KIB, 0, 2);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_MALLOC_FREE_TRIMMABLE);
}

static void move_thresholds(struct snapshot *s, uint64_t to)
{
	s->malloc.settings.moved = true;
	s->malloc.settings.mmap_threshold = to;
	s->malloc.settings.trim_threshold = 2 * to;
}

static void test_a_top_stays_below_a_raised_threshold(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	move_thresholds(s, 32 * MIB);
	struct malloc_arena *a = look_malloc_arena(s, MIB, 0, 0, 0, 0);
	a->main = true;
	a->top = 50 * MIB;
	a->top_resident = maybe_known(a->top);
	a->trimmable = maybe_known(a->top);
	look_set(s, LEAF_MALLOC_FREE_TRIMMABLE, 50 * MIB + 200 * KIB);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MALLOC_THRESHOLD_RAISED);
	assert_int_equal(v.causes.count, 1);
	assert_in_range(cause->bytes, 50 * MIB, 50 * MIB + 200 * KIB);
	assert_int_equal(look_evidence(cause, "mmap_threshold")->value, 32 * MIB);
}

static void test_large_blocks_went_to_the_heap(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	move_thresholds(s, 4 * MIB);
	look_malloc_arena(s, MIB, 60 * MIB, 0, 0, 8)->main = true; /* runs of 1 to 2 MiB */
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_MALLOC_THRESHOLD_RAISED);
}

/* Dict tables have moved the thresholds in nearly every process; small blocks do not care, and a run that is larger than the
 * threshold was several blocks. */
static void test_moved_thresholds_of_small_blocks(void **state)
{
	(void)state;
	for (size_t sizes_at = 2; sizes_at <= 12; sizes_at += 10) {
		LOOK;
		VERDICT;
		move_thresholds(s, 300 * KIB);
		look_malloc_arena(s, MIB, 60 * MIB, 0, 0, sizes_at)->main = true;
		look_judge(s, &v);
		look_cause(&v, 0, CAUSE_MALLOC_FREE_TRIMMABLE);
		assert_int_equal(v.causes.count, 1);
	}
}

/* A top that raised thresholds keep, and much more of small blocks: those are the matter. */
static void test_moved_thresholds_of_a_small_top(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	move_thresholds(s, 8 * MIB);
	struct malloc_arena *a = look_malloc_arena(s, MIB, 70 * MIB, 0, 0, 2);
	a->main = true;
	a->free_sizes[2] = 60 * MIB;
	a->top = 10 * MIB;
	a->top_resident = maybe_known(a->top);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_MALLOC_FREE_TRIMMABLE);
	assert_int_equal(v.causes.count, 1);
}

static void test_a_variable_without_effect(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	const char **name = vec_push(&s->malloc.settings.ineffective);
	assert_non_null(name);
	*name = "MALLOC_ARENA_MAX_";
	for (int i = 0; i < 10; i++)
		look_malloc_arena(s, 100 * KIB, 6 * MIB, 0, 0, 2);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_MALLOC_ENV_INEFFECTIVE);
	assert_string_equal(look_evidence(cause, "variable")->text, "MALLOC_ARENA_MAX_");
	assert_string_equal(look_evidence(cause, "instead_of")->text, "malloc_arena_per_thread");
	assert_int_equal(cause->bytes, 60 * MIB);
}

/* It was meant for another cause than there is. */
static void test_a_variable_that_does_not_matter(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	const char **name = vec_push(&s->malloc.settings.ineffective);
	assert_non_null(name);
	*name = "MALLOC_ARENA_MAX_";
	look_malloc_arena(s, MIB, 60 * MIB, MIB, 0, 2)->main = true;
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_MALLOC_FREE_TRIMMABLE);
}

/* All at once: every arena's bytes go to one cause. */
static void test_causes_share_malloc(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	move_thresholds(s, 4 * MIB);
	look_malloc_arena(s, MIB, 40 * MIB, 20 * MIB, 0, 8)->main = true;
	for (int i = 0; i < 20; i++)
		look_malloc_arena(s, 100 * KIB, 5 * MIB, 100 * KIB, 100 * KIB, 2);
	look_judge(s, &v);
	assert_int_equal(v.causes.count, 3);
	assert_int_equal(look_cause(&v, 0, CAUSE_MALLOC_ARENA_PER_THREAD)->bytes, 100 * MIB);
	assert_int_equal(look_cause(&v, 1, CAUSE_MALLOC_THRESHOLD_RAISED)->bytes,
			 40 * MIB + 200 * KIB);
	look_cause(&v, 2, CAUSE_MALLOC_FREE_STUCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse_arenas_are_pinned_by_a_root),
		cmocka_unit_test(test_sparse_arenas_without_a_common_holder),
		cmocka_unit_test(test_arenas_that_frozen_garbage_keeps),
		cmocka_unit_test(test_arenas_that_a_collection_empties),
		cmocka_unit_test(test_sparse_arenas_from_the_ledger_alone),
		cmocka_unit_test(test_half_full_arenas_keep_free_pools),
		cmocka_unit_test(test_free_blocks_everywhere),
		cmocka_unit_test(test_dense_arenas_are_in_order),
		cmocka_unit_test(test_a_young_arena_is_not_sparse),
		cmocka_unit_test(test_mimalloc_keeps_pages),
		cmocka_unit_test(test_malloc_keeps_what_trim_gives),
		cmocka_unit_test(test_malloc_keeps_crumbs),
		cmocka_unit_test(test_malloc_has_an_arena_for_each_thread),
		cmocka_unit_test(test_tops_of_many_arenas),
		cmocka_unit_test(test_one_busy_thread),
		cmocka_unit_test(test_a_top_stays_below_a_raised_threshold),
		cmocka_unit_test(test_large_blocks_went_to_the_heap),
		cmocka_unit_test(test_moved_thresholds_of_small_blocks),
		cmocka_unit_test(test_moved_thresholds_of_a_small_top),
		cmocka_unit_test(test_a_variable_without_effect),
		cmocka_unit_test(test_a_variable_that_does_not_matter),
		cmocka_unit_test(test_causes_share_malloc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
