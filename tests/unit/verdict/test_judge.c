/*
 * What lies in no heap, what nobody reaches, what is in use, and what is nobody's fault.
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

/* ---- nothing is wrong ----------------------------------------------------------------------------------- */

static void test_an_idle_server(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_NOTHING_WRONG);
	assert_int_equal(cause->bytes, 0);
	for (int i = 0; i < THEORY_KINDS; i++)
		assert_non_null(look_ruled_out(&v, (enum theory)i));
	assert_int_equal(look_ruled_out(&v, THEORY_MALLOC_TRIM)->bytes.value, 200 * KIB);
	assert_int_equal(look_ruled_out(&v, THEORY_THREADS)->bytes.value, 64 * KIB);
	assert_false(look_ruled_out(&v, THEORY_GROWTH)->bytes.known);
}

/* As long as holders are sought nobody is acquitted, and what they alone tell is not ruled out. */
static void test_an_idle_server_from_the_ledger_alone(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	s->holders.filled = false;
	look_judge(s, &v);
	assert_true(v.preliminary);
	assert_int_equal(v.causes.count, 0);
	assert_null(look_ruled_out(&v, THEORY_GC));
	assert_null(look_ruled_out(&v, THEORY_PYTHON_LEAK));
	assert_non_null(look_ruled_out(&v, THEORY_MALLOC_TRIM));
}

static void test_a_loaded_array(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.DATA", "numpy.ndarray", NULL};
	look_set(s, LEAF_MALLOC_MMAPPED, 200 * MIB);
	look_root(s, "app.DATA", "numpy.ndarray", 1, 200 * MIB, links);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

static void test_a_bounded_cache(void **state)
{
	(void)state;
	static const char *const types[][2] = {
		{"functools._lru_cache_wrapper", "functools._lru_list_elem"},
		{"cachetools.TTLCache", "cachetools._TTLLink"},
		{"app.MyLRUCache", "app.Entry"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		LOOK;
		VERDICT;
		const char *const links[] = {"app.rendered", types[i][0], "dict",
					     types[i][1],    "str",       NULL};
		look_arenas(s, 80, 950 * KIB, 9000, 0);
		look_root(s, "app.rendered", "str", 200000, 70 * MIB, links);
		look_judge(s, &v);
		look_cause(&v, 0, CAUSE_NOTHING_WRONG);
	}
}

/* functools.lru_cache(maxsize=None): its entries are in no list from which the oldest would be dropped. */
static void test_a_cache_that_keeps_all(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.load", "functools._lru_cache_wrapper", "dict",
					    "app.Row", NULL};
	look_arenas(s, 80, 950 * KIB, 9000, 0);
	look_root(s, "app.load", "app.Row", 200000, 70 * MIB, links);
	look_judge(s, &v);
	assert_string_equal(look_evidence(look_cause(&v, 0, CAUSE_LIVE_OBJECTS), "root")->text,
			    "app.load");
}

static void test_many_roots_hold_a_little_each(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.TABLE", "dict", "app.Row", NULL};
	look_arenas(s, 200, 950 * KIB, 9000, 0);
	for (int i = 0; i < 10; i++)
		look_root(s, "app.TABLE", "app.Row", 20000, 18 * MIB, links);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
	assert_null(look_ruled_out(&v, THEORY_PYTHON_LEAK));
}

/* Of a process that is full of something else. */
static void test_live_objects_are_the_smaller_part(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.TABLE", "dict", "app.Row", NULL};
	look_set(s, LEAF_MALLOC_LIVE, 60 * MIB);
	look_root(s, "app.TABLE", "app.Row", 20000, 18 * MIB, links);
	look_judge(s, &v);
	assert_int_equal(look_ruled_out(&v, THEORY_PYTHON_LEAK)->bytes.value, 23 * MIB);
}

/* ---- in use ------------------------------------------------------------------------------------------------ */

static void test_one_root_keeps_most(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.BUS", "app.Bus", "set", "asyncio.Task", NULL};
	look_arenas(s, 80, 950 * KIB, 9000, 0);
	struct holder_root *root = look_root(s, "app.BUS", "bytes", 90000, 70 * MIB, links);
	root->returned = 68 * MIB;
	root->many = look_text("asyncio.Task");
	root->many_count = 30000;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 68 * MIB);
	assert_int_equal(cause->symptom, 70 * MIB);
	assert_int_equal(cause->holder_root, 1);
	assert_false(cause->measured);
	assert_string_equal(look_evidence(cause, "root")->text, "app.BUS");
	assert_string_equal(look_evidence(cause, "type")->text, "asyncio.Task");
	assert_int_equal(look_evidence(cause, "type_count")->value, 30000);
	assert_null(look_ruled_out(&v, THEORY_PYTHON_LEAK));
}

/* Nothing of it goes back while others' objects lie in each of its arenas; that it fills the process is so all the same. */
static void test_one_root_lies_between_others(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.ROWS", "list", "app.Row", NULL};
	look_arenas(s, 80, 950 * KIB, 9000, 0);
	look_root(s, "app.ROWS", "app.Row", 90000, 60 * MIB, links)->returned = MIB;
	s->pins.filled = true;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
	assert_int_equal(cause->bytes, MIB);
	assert_int_equal(cause->symptom, 60 * MIB);
	assert_int_equal(look_evidence(cause, "root_bytes")->value, 60 * MIB);
}

/* bytes(n) and numpy.zeros() are not in RAM before somebody writes to them. */
static void test_zeros_that_nobody_touched(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.ROWS", "list", "bytes", NULL};
	look_set(s, LEAF_MALLOC_MMAPPED, 20 * MIB);
	struct holder_root *root = look_root(s, "app.ROWS", "bytes", 5000, 950 * MIB, links);
	root->returned = 20 * MIB;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_LIVE_OBJECTS);
	assert_in_range(cause->bytes, 20 * MIB - 4 * KIB, 20 * MIB);
	assert_in_range(cause->symptom, 20 * MIB, 40 * MIB);
	assert_int_equal(look_evidence(cause, "in_ram_bytes")->value, cause->symptom);
	assert_int_equal(look_evidence(cause, "root_bytes")->value, 950 * MIB);
}

static void test_native_memory_in_use(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_MALLOC_LIVE, 64 * MIB);
	s->holders.native_count = 60000;
	s->holders.native_bytes = 60 * MIB;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_NATIVE_LIVE);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 60 * MIB);
	assert_int_equal(look_evidence(cause, "chunks")->value, 60000);
}

static void test_a_library_has_memory_of_its_own(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_ANON_OWNED, 90 * MIB);
	look_detail(s, LEAF_ANON_OWNED, "libonnxruntime.so", 90 * MIB);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_NATIVE_LIVE);
	assert_string_equal(look_evidence(cause, "library")->text, "libonnxruntime.so");
}

/* ---- reached by nothing -------------------------------------------------------------------------------------- */

static void test_garbage_waits(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 60, 950 * KIB, 9000, 0);
	s->holders.garbage = (struct holder_type){look_text("app.Node"), 60000, 50 * MIB};
	s->holders.gc_enabled = maybe_known(0);
	s->pins.filled = true;
	s->pins.unreached_bytes = 50 * MIB;
	s->pins.unreached_returned = 48 * MIB;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_UNCOLLECTED_GARBAGE);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 48 * MIB);
	assert_int_equal(look_evidence(cause, "gc_enabled")->value, 0);
	assert_string_equal(look_evidence(cause, "type")->text, "app.Node");
	assert_null(look_ruled_out(&v, THEORY_GC));
}

/* A collection is promised its own part alone; what is frozen is told as that. */
static void test_garbage_is_frozen(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 60, 950 * KIB, 9000, 0);
	s->holders.garbage = (struct holder_type){look_text("app.Node"), 1000, 1 * MIB};
	s->holders.frozen = (struct holder_type){look_text("app.Config"), 50000, 49 * MIB};
	s->pins.filled = true;
	s->pins.unreached_bytes = 50 * MIB;
	s->pins.unreached_returned = 25 * MIB;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_FROZEN_GARBAGE);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 49 * MIB / 2);
	assert_int_equal(cause->symptom, 49 * MIB);
	assert_int_equal(look_evidence(cause, "object_bytes")->value, 49 * MIB);
	assert_int_equal(look_evidence(cause, "objects")->value, 50000);
	assert_string_equal(look_evidence(cause, "type")->text, "app.Config");
	assert_int_equal(look_ruled_out(&v, THEORY_GC)->bytes.value, 1 * MIB);
}

static bool judges_leak(struct snapshot *s)
{
	VERDICT;
	look_judge(s, &v);
	return v.causes.items[0].kind == CAUSE_LEAKED_REFERENCES;
}

/* Not where who refers to them may lie in what a file does not tell, or be of another moment. */
static void test_references_leaked(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 60, 950 * KIB, 9000, 0);
	s->holders.leaked = (struct holder_type){look_text("app.Record"), 120000, 50 * MIB};
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_LEAKED_REFERENCES);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(look_evidence(cause, "objects")->value, 120000);
	s->malloc.arenas.items[0].verified = false;
	assert_true(judges_leak(s));
	s->target.kind = ORIGIN_CORE;
	assert_false(judges_leak(s));
	s->malloc.arenas.items[0].verified = true;
	assert_true(judges_leak(s));
	s->target.at_work = true;
	assert_false(judges_leak(s));
}

static void test_chunks_are_lost(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_MALLOC_LIVE, 64 * MIB);
	s->holders.lost_count = 60000;
	s->holders.lost_bytes = 60 * MIB;
	s->holders.lost_library = look_text("libfoo.so");
	struct holder_sizes *size = vec_push(&s->holders.lost_sizes);
	assert_non_null(size);
	*size = (struct holder_sizes){1008, 59990};
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_NATIVE_LOST);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(look_evidence(cause, "most_size")->value, 1008);
	assert_string_equal(look_evidence(cause, "library")->text, "libfoo.so");
}

/* Of the moment: what a conservative scan misses anyway. */
static void test_a_few_chunks_are_noise(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	s->holders.lost_count = 40;
	s->holders.lost_bytes = 32 * KIB;
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

/* ---- in no heap ----------------------------------------------------------------------------------------------- */

static void test_mappings(void **state)
{
	(void)state;
	static const struct {
		enum leaf leaf;
		enum cause_kind kind;
	} cases[] = {
		{LEAF_STACK_THREADS, CAUSE_THREAD_STACKS},
		{LEAF_FILE_MAPPED, CAUSE_FILE_MAPPINGS},
		{LEAF_SHARED_MEMORY, CAUSE_SHARED_MEMORY},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		LOOK;
		VERDICT;
		look_set(s, cases[i].leaf, 60 * MIB);
		look_detail(s, cases[i].leaf, "small", MIB);
		look_detail(s, cases[i].leaf, "large", 59 * MIB);
		look_judge(s, &v);
		const struct cause *cause = look_cause(&v, 0, cases[i].kind);
		assert_int_equal(v.causes.count, 1);
		assert_in_range(cause->bytes, 60 * MIB, 61 * MIB);
		assert_string_equal(look_evidence(cause, "largest")->text, "large");
		assert_int_equal(look_evidence(cause, "largest_bytes")->value, 59 * MIB);
	}
}

/* Text of large libraries is nobody's fault. */
static void test_program_files_are_in_order(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_FILE_TEXT, 400 * MIB);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

static void test_huge_pages_hold_zeros(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_ANON_UNKNOWN, 60 * MIB);
	s->ledger.lines[LEAF_ANON_UNKNOWN].tally.huge = 60 * MIB;
	s->verdict.huge = (struct huge_zeros){true, 30 * MIB, 27 * MIB};
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_HUGE_PAGES);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 54 * MIB);
	assert_false(cause->measured);
	assert_int_equal(look_evidence(cause, "zero_share")->value, 900);
}

static void test_huge_pages_in_use_are_in_order(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_MALLOC_MMAPPED, 60 * MIB);
	s->ledger.lines[LEAF_MALLOC_MMAPPED].tally.huge = 60 * MIB;
	s->verdict.huge = (struct huge_zeros){true, 60 * MIB, MIB};
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

/* The same memory is in use below one root: it is told once, as copies. */
static void test_a_fork_has_copied(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	static const char *const links[] = {"app.TABLE", "list", "app.Event", NULL};
	look_arenas(s, 40, 950 * KIB, 9000, 0);
	look_root(s, "app.TABLE", "app.Event", 120000, 38 * MIB, links)->returned = 38 * MIB;
	s->verdict.fork = (struct fork_copies){.filled = true,
					       .parent = 17,
					       .private_bytes = 44 * MIB,
					       .compared = 44 * MIB,
					       .identical = 2 * MIB,
					       .refcounts_only = 38 * MIB,
					       .gc_links_only = MIB,
					       .changed = 3 * MIB};
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_FORK_PRIVATE_COPIES);
	assert_int_equal(v.causes.count, 1);
	assert_int_equal(cause->bytes, 41 * MIB);
	assert_true(cause->measured);
	assert_int_equal(look_evidence(cause, "parent")->value, 17);
	assert_int_equal(v.fork.refcounts_only, 38 * MIB);
}

static void test_swapped_out(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	s->ledger.lines[LEAF_PYMALLOC_FREE_BLOCKS].tally.swapped = 300 * MIB;
	look_set(s, LEAF_FILE_MAPPED, 60 * MIB);
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_SWAPPED_OUT);
	look_cause(&v, 1, CAUSE_FILE_MAPPINGS);
	assert_int_equal(cause->bytes, 300 * MIB);
	assert_int_equal(look_evidence(cause, "swapped_free_bytes")->value, 300 * MIB);
	assert_null(look_ruled_out(&v, THEORY_SWAP));
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

/* A share of a large process that would be a finding in a small one. */
static void test_what_counts_depends_on_size(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_set(s, LEAF_FILE_MAPPED, 30 * MIB);
	look_set(s, LEAF_ANON_BSS, 2000 * MIB);
	look_judge(s, &v);
	look_cause(&v, 0, CAUSE_NOTHING_WRONG);
}

/* In a core nobody knows what was in RAM: what is mapped is told, as inferred, files not at all. */
static void test_a_core_tells_sizes(void **state)
{
	(void)state;
	LOOK;
	VERDICT;
	look_arenas(s, 100, 40 * KIB, 75, 50);
	look_set(s, LEAF_FILE_MAPPED, 900 * MIB);
	s->ledger.has_residency = false;
	for (int i = 0; i < LEAF_COUNT; i++)
		s->ledger.lines[i].tally = (struct residency_tally){0};
	s->ledger.rss = 0;
	s->interpreters.items[0].pymalloc.has_residency = false;
	look_judge(s, &v);
	const struct cause *cause = look_cause(&v, 0, CAUSE_PYMALLOC_PINNED);
	assert_int_equal(v.causes.count, 1);
	assert_false(cause->measured);
	assert_false(look_ruled_out(&v, THEORY_SWAP)->bytes.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_server),
		cmocka_unit_test(test_an_idle_server_from_the_ledger_alone),
		cmocka_unit_test(test_a_loaded_array),
		cmocka_unit_test(test_a_bounded_cache),
		cmocka_unit_test(test_a_cache_that_keeps_all),
		cmocka_unit_test(test_many_roots_hold_a_little_each),
		cmocka_unit_test(test_live_objects_are_the_smaller_part),
		cmocka_unit_test(test_one_root_keeps_most),
		cmocka_unit_test(test_one_root_lies_between_others),
		cmocka_unit_test(test_zeros_that_nobody_touched),
		cmocka_unit_test(test_native_memory_in_use),
		cmocka_unit_test(test_a_library_has_memory_of_its_own),
		cmocka_unit_test(test_garbage_waits),
		cmocka_unit_test(test_garbage_is_frozen),
		cmocka_unit_test(test_references_leaked),
		cmocka_unit_test(test_chunks_are_lost),
		cmocka_unit_test(test_a_few_chunks_are_noise),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_program_files_are_in_order),
		cmocka_unit_test(test_huge_pages_hold_zeros),
		cmocka_unit_test(test_huge_pages_in_use_are_in_order),
		cmocka_unit_test(test_a_fork_has_copied),
		cmocka_unit_test(test_swapped_out),
		cmocka_unit_test(test_what_counts_depends_on_size),
		cmocka_unit_test(test_a_core_tells_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
