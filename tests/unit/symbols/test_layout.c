/*
 * Tests of symbols/layout: what layout_check must let pass and what it must refuse.
 */
#include "symbols/layout.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct layout_entry entry(uint64_t offset, uint64_t width, uint64_t count, uint64_t stride)
{
	return (struct layout_entry){offset, width, count, stride, PROVENANCE_DWARF};
}

/* A table like 3.13's, as far as the tests touch it. */
static struct layout good(void)
{
	struct layout l = {0};
	l.entries[LAYOUT_ARENA_OBJECT_SIZE] = entry(0, 48, 1, 48);
	l.entries[LAYOUT_ARENA_ADDRESS] = entry(0, 8, 1, 8);
	l.entries[LAYOUT_ARENA_PREVARENA] = entry(40, 8, 1, 8);
	l.entries[LAYOUT_POOL_HEADER_SIZE] = entry(0, 48, 1, 48);
	l.entries[LAYOUT_POOL_MAXNEXTOFFSET] = entry(44, 4, 1, 4);
	l.entries[LAYOUT_STATE_SIZE] = entry(0, 263248, 1, 263248);
	l.entries[LAYOUT_STATE_USEDPOOLS] = entry(0, 8, 64, 8);
	l.entries[LAYOUT_INTERP_SIZE] = entry(0, 226240, 1, 226240);
	l.entries[LAYOUT_FREELIST_TUPLE] = entry(11152, 8, 20, 16);
	l.entries[LAYOUT_STATE_MAIN] = entry(0xc99e80, 263248, 1, 263248);
	return l;
}

static bool passes(const struct layout *l)
{
	struct error *err = layout_check(l);
	if (err)
		assert_int_equal(err->kind, ERROR_SYMBOLS);
	error_free(err);
	return !err;
}

/* A good table with one entry replaced. */
static bool passes_with(enum layout_entry_id id, struct layout_entry e)
{
	struct layout l = good();
	l.entries[id] = e;
	return passes(&l);
}

static void test_good_tables_pass(void **state)
{
	(void)state;
	struct layout empty = {0}, l = good();
	assert_true(passes(&empty));
	assert_true(passes(&l));
	/* A real build of 3.13 has an 8-byte field at an offset that is no multiple of 8. */
	assert_true(passes_with(LAYOUT_INTERP_NEXT, entry(20, 8, 1, 8)));
	assert_true(passes_with(LAYOUT_TUPLE_ITEM, entry(24, 8, 0, 8)));
	assert_true(passes_with(LAYOUT_INTERP_OBMALLOC, entry(3960, 200000, 1, 200000)));
}

static void test_fields_outside_their_struct_are_refused(void **state)
{
	(void)state;
	assert_false(passes_with(LAYOUT_ARENA_ADDRESS, entry(41, 8, 1, 8)));
	assert_false(passes_with(LAYOUT_ARENA_ADDRESS, entry(48, 8, 1, 8)));
	assert_false(passes_with(LAYOUT_ARENA_ADDRESS, entry(UINT64_MAX - 3, 8, 1, 8)));
	assert_false(passes_with(LAYOUT_POOL_SZIDX, entry(45, 4, 1, 4)));
	assert_false(passes_with(LAYOUT_STATE_USEDPOOLS, entry(263248 - 504, 8, 64, 8)));
	assert_false(passes_with(LAYOUT_FREELIST_TUPLE, entry(226000, 8, 20, 16)));
	assert_false(passes_with(LAYOUT_FREELIST_TUPLE, entry(11152, 8, 20, UINT64_MAX / 2)));
	assert_false(passes_with(LAYOUT_INTERP_OBMALLOC, entry(3960, 226240, 1, 226240)));
}

static void test_fields_of_unknown_pool_or_arena_are_refused(void **state)
{
	(void)state;
	assert_false(passes_with(LAYOUT_POOL_HEADER_SIZE, (struct layout_entry){0}));
	assert_false(passes_with(LAYOUT_ARENA_OBJECT_SIZE, (struct layout_entry){0}));
	assert_true(passes_with(LAYOUT_INTERP_SIZE, (struct layout_entry){0}));
}

static void test_widths_counts_and_sizes_are_sane(void **state)
{
	(void)state;
	assert_false(passes_with(LAYOUT_POOL_HEADER_SIZE, entry(0, 264, 1, 264)));
	assert_false(passes_with(LAYOUT_ARENA_OBJECT_SIZE, entry(0, 0, 1, 0)));
	assert_false(passes_with(LAYOUT_STATE_SIZE, entry(0, UINT64_C(1) << 40, 1, 0)));
	assert_false(passes_with(LAYOUT_POOL_SZIDX, entry(0, 3, 1, 3)));
	assert_false(passes_with(LAYOUT_POOL_SZIDX, entry(0, 0, 1, 0)));
	assert_false(passes_with(LAYOUT_POOL_SZIDX, entry(0, 16, 1, 16)));
	assert_false(passes_with(LAYOUT_STATE_NFP2LASTA, entry(0, 8, UINT64_C(1) << 30, 0)));
	assert_false(passes_with(LAYOUT_FREELIST_TUPLE, entry(11152, 8, 20, 4)));
}

static void test_addresses_do_not_wrap(void **state)
{
	(void)state;
	assert_false(passes_with(LAYOUT_STATE_MAIN, entry(UINT64_MAX - 8, 263248, 1, 263248)));
	assert_false(passes_with(LAYOUT_STATE_MAIN, entry(0, 8, 1, 8)));
	assert_false(passes_with(LAYOUT_RUNTIME, entry(4096, UINT64_C(1) << 40, 1, 0)));
}

static void test_the_first_bad_entry_is_named(void **state)
{
	(void)state;
	struct layout l = good();
	l.entries[LAYOUT_POOL_SZIDX] = entry(100, 4, 1, 4);
	_cleanup_(error_fini) struct error *err = layout_check(&l);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, "POOL_SZIDX"));
	assert_non_null(strstr(err->cause, "pool_header.szidx"));
}

static void test_entries_know_their_definition(void **state)
{
	(void)state;
	assert_string_equal(layout_name(LAYOUT_ARENA_ADDRESS), "ARENA_ADDRESS");
	assert_string_equal(layout_type(LAYOUT_ARENA_ADDRESS), "arena_object");
	assert_string_equal(layout_path(LAYOUT_ARENA_ADDRESS), "address");
	assert_string_equal(layout_type(LAYOUT_STATIC_ARENAS), "");
	assert_string_equal(layout_path(LAYOUT_STATIC_ARENAS), "arenas");
	assert_int_equal(layout_kind(LAYOUT_PYMALLOC_FREE), LAYOUT_KIND_FUNCTION);
	assert_string_equal(provenance_name(PROVENANCE_SELF_DESCRIBED), "self-described");
}

static void test_the_weakest_source_is_the_least(void **state)
{
	(void)state;
	struct layout l = good();
	unsigned fields = 1U << LAYOUT_KIND_FIELD, objects = 1U << LAYOUT_KIND_OBJECT;
	assert_int_equal(layout_weakest(&l, fields), PROVENANCE_DWARF);
	l.entries[LAYOUT_ARENA_ADDRESS].provenance = PROVENANCE_BUILTIN;
	assert_int_equal(layout_weakest(&l, fields), PROVENANCE_BUILTIN);
	assert_int_equal(layout_weakest(&l, objects), PROVENANCE_DWARF);
	assert_int_equal(layout_weakest(&l, 1U << LAYOUT_KIND_FUNCTION), PROVENANCE_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_tables_pass),
		cmocka_unit_test(test_fields_outside_their_struct_are_refused),
		cmocka_unit_test(test_fields_of_unknown_pool_or_arena_are_refused),
		cmocka_unit_test(test_widths_counts_and_sizes_are_sane),
		cmocka_unit_test(test_addresses_do_not_wrap),
		cmocka_unit_test(test_the_first_bad_entry_is_named),
		cmocka_unit_test(test_entries_know_their_definition),
		cmocka_unit_test(test_the_weakest_source_is_the_least),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
