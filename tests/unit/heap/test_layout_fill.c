/* layout_fill: memory is believed before a built-in table, and before nothing else. */
#include "inspector/scan/layout_fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct layout_entry entry(uint64_t offset, enum provenance provenance)
{
	return (struct layout_entry){offset, 8, 1, 8, provenance};
}

static struct layout_fill begin(enum provenance provenance)
{
	struct layout layout = {0};
	struct layout_fill fill;
	layout.entries[LAYOUT_FREELIST_DICT] = entry(100, provenance);
	layout_fill_init(&fill, &layout, 0);
	return fill;
}

static struct layout_fill found_at(enum provenance provenance, uint64_t offset)
{
	struct layout_entry found[LAYOUT_COUNT] = {0};
	struct layout_fill fill = begin(provenance);
	found[LAYOUT_FREELIST_DICT] = entry(offset, PROVENANCE_SCANNED);
	layout_fill_members(&fill, found);
	return fill;
}

static void members_are_found(void **state)
{
	(void)state;
	struct layout_fill fill = found_at(PROVENANCE_BUILTIN, 108);
	assert_int_equal(layout_offset(&fill.layout, LAYOUT_FREELIST_DICT), 108);
	assert_int_equal(fill.n_filled, 1);
	assert_int_equal(fill.n_disagree, 0);
	fill = found_at(PROVENANCE_BUILTIN, 100);
	assert_int_equal(fill.n_filled + fill.n_disagree, 0);
	fill = found_at(PROVENANCE_DWARF, 108);
	assert_int_equal(layout_offset(&fill.layout, LAYOUT_FREELIST_DICT), 100);
	assert_int_equal(fill.n_disagree, 1);
	fill = found_at(PROVENANCE_ABSENT, 108);
	assert_int_equal(layout_offset(&fill.layout, LAYOUT_FREELIST_DICT), 108);
}

static void what_is_recorded_may_be_denied(void **state)
{
	(void)state;
	struct layout_fill fill = begin(PROVENANCE_BUILTIN);
	layout_fill_deny(&fill, LAYOUT_FREELIST_DICT);
	layout_fill_deny(&fill, LAYOUT_FREELIST_LIST);
	assert_false(layout_has(&fill.layout, LAYOUT_FREELIST_DICT));
	assert_int_equal(fill.n_filled, 1);
	fill = begin(PROVENANCE_DWARF);
	layout_fill_deny(&fill, LAYOUT_FREELIST_DICT);
	assert_true(layout_has(&fill.layout, LAYOUT_FREELIST_DICT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(what_is_recorded_may_be_denied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
