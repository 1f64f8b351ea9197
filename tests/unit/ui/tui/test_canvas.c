/* canvas: clipping, columns of wide and foreign text, bars that add up; history and keys. */
#include "ui/tui/canvas.h"

#include "base/cleanup.h"
#include "ui/tui/history.h"
#include "ui/tui/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void canvas_finip(struct canvas *c)
{
	canvas_fini(c);
}

static struct canvas canvas_make(int width, int height, bool ascii)
{
	struct canvas c;
	assert_null(canvas_init(width, height, ascii, &c));
	return c;
}

static void expect(const struct canvas *c, const char *text)
{
	_cleanup_(text_fini) struct text drawn = TEXT_EMPTY;
	canvas_to_text(c, &drawn);
	assert_string_equal(text_string(&drawn), text);
}

static void nothing_is_drawn_outside(void **state)
{
	(void)state;
	_cleanup_(canvas_finip) struct canvas c = canvas_make(6, 3, true);
	struct area whole = area_whole(&c), part = area_part(&whole, 2, 1, 3, 1);
	assert_int_equal(area_text(&part, -1, 0, STYLE_PLAIN, "abcdefgh"), 3);
	area_text(&part, 0, 1, STYLE_PLAIN, "below");
	area_text(&part, 0, -1, STYLE_PLAIN, "above");
	area_glyph(&part, 2, 0, STYLE_PLAIN, GLYPH_HIGH, 100);
	area_mark(&part, 3, 0, true, true);
	expect(&c, "\n  bc#\n\n");
	struct area odd = area_part(&whole, 100, -5, 1000, 1000);
	assert_int_equal(odd.width, 0);
	area_text(&odd, 0, 0, STYLE_PLAIN, "x");
	assert_int_equal(area_wrap(&odd, 0, 0, 10, 10, STYLE_PLAIN, "words"), 0);
	expect(&c, "\n  bc#\n\n");
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	_cleanup_(canvas_finip) struct canvas small = canvas_make(-3, 0, true);
	_cleanup_(canvas_finip) struct canvas large = canvas_make(1 << 30, 1, true);
	assert_int_equal(small.width * small.height, 1);
	assert_int_equal(large.width, CANVAS_MAX);
}

static void foreign_text_moves_nothing(void **state)
{
	(void)state;
	_cleanup_(canvas_finip) struct canvas c = canvas_make(24, 5, false);
	struct area whole = area_whole(&c);
	area_foreign(&whole, 0, 0, 24, STYLE_PLAIN, "a\x1b[2Jb\nc");
	area_foreign(&whole, 0, 1, 6, STYLE_PLAIN, "much too long");
	area_foreign(&whole, 0, 2, 24, STYLE_PLAIN, "\xe6\xbc\xa2\xe5\xad\x97|e\xcc\x81|\xff");
	area_foreign(&whole, 23, 3, 24, STYLE_PLAIN, "\xe6\xbc\xa2");
	assert_int_equal(area_foreign(&whole, 0, 4, 4, STYLE_PLAIN, "ab"), 2);
	expect(&c, "a\\x1b[2Jb\\x0ac\nmuch …\n漢字|e|\\xff\n                       …\nab\n");
	assert_int_equal(canvas_columns("\xe6\xbc\xa2|"), 3);
}

static void ascii_stays_ascii(void **state)
{
	(void)state;
	_cleanup_(canvas_finip) struct canvas c = canvas_make(12, 1, true);
	struct area whole = area_whole(&c);
	area_text(&whole, 0, 0, STYLE_PLAIN, "\xc3\xa4 \xe6\xbc\xa2!");
	for (int g = 0; g < GLYPH_COUNT; g++)
		assert_true((unsigned char)theme_glyph((enum glyph)g, true)[0] < 0x80);
	expect(&c, "? ? !\n");
}

static void words_are_wrapped(void **state)
{
	(void)state;
	_cleanup_(canvas_finip) struct canvas c = canvas_make(12, 3, true);
	struct area whole = area_whole(&c);
	assert_int_equal(area_wrap(&whole, 1, 0, 10, 2, STYLE_PLAIN, "one two three four"), 2);
	expect(&c, " one two\n three four\n\n");
	canvas_clear(&c);
	assert_int_equal(area_wrap(&whole, 0, 0, 6, 2, STYLE_PLAIN, "abcdefghijklmnopq"), 2);
	expect(&c, "abcdef\nghijk~\n\n");
}

static int glyphs_of(const struct canvas *c, const char *glyph)
{
	int n = 0;
	for (int x = 0; x < c->width; x++)
		n += !strcmp(c->cells[x].glyph, glyph);
	return n;
}

static void bars_add_up(void **state)
{
	(void)state;
	static const uint64_t amounts[][3] = {
		{1, 1, 1}, {1, 0, 1000000}, {1000000, 1, 1}, {0, 0, 5}, {UINT64_MAX, 1, UINT64_MAX},
	};
	for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
		_cleanup_(canvas_finip) struct canvas c = canvas_make(10, 1, true);
		struct area whole = area_whole(&c);
		const struct bar_part parts[] = {
			{amounts[i][0], STYLE_LIVE, GLYPH_LIVE},
			{amounts[i][1], STYLE_KEPT, GLYPH_KEPT},
			{amounts[i][2], STYLE_REST, GLYPH_REST},
		};
		area_bar(&whole, 0, 0, 10, parts, 3);
		int live = glyphs_of(&c, "#"), kept = glyphs_of(&c, "."), rest = glyphs_of(&c, "-");
		assert_int_equal(live + kept + rest, 10);
		assert_int_equal(!live, !amounts[i][0]);
		assert_int_equal(!kept, !amounts[i][1]);
		assert_int_equal(!rest, !amounts[i][2]);
	}
}

static void sparkline_shows_the_peak(void **state)
{
	(void)state;
	uint64_t values[100];
	_cleanup_(canvas_finip) struct canvas c = canvas_make(10, 1, true);
	struct area whole = area_whole(&c);
	for (size_t i = 0; i < 100; i++)
		values[i] = i == 55 ? 1000 : 100;
	area_sparkline(&whole, 0, 0, 10, STYLE_LIVE, values, 100);
	expect(&c, "_____#____\n");
	canvas_clear(&c);
	area_sparkline(&whole, 0, 0, 10, STYLE_LIVE, values, 3);
	expect(&c, "       ===\n");
	area_sparkline(&whole, 0, 0, 10, STYLE_LIVE, values, 0);
	area_sparkline(&whole, 0, 0, 0, STYLE_LIVE, values, 3);
}

static void history_keeps_the_whole_time(void **state)
{
	(void)state;
	struct history h = {0};
	uint64_t values[HISTORY_MAX];
	time_t since;
	for (int i = 0; i < 10 * HISTORY_MAX; i++) {
		uint64_t leaves[LEAF_COUNT] = {[LEAF_MALLOC_TOP] = i == 78 ? 7 : 3};
		history_add(&h, 1000 + i, i == 77 ? 900 : 500, 100, leaves);
	}
	size_t n = history_rss(&h, values);
	uint64_t most = 0;
	for (size_t i = 0; i < n; i++)
		most = size_max(most, values[i]);
	assert_in_range(n, HISTORY_MAX / 2, HISTORY_MAX);
	assert_int_equal(most, 900);
	assert_int_equal(history_leaf(&h, LEAF_MALLOC_TOP, values), n);
	most = 0;
	for (size_t i = 0; i < n; i++)
		most = size_max(most, values[i]);
	assert_int_equal(most, 7);
	assert_int_equal(values[n - 1], 3);
	assert_int_equal(h.points[n - 1].at, 1000 + 10 * HISTORY_MAX - 1);
	assert_true(history_span(&h) > 10 * HISTORY_MAX - 100);
	assert_true(history_flat_since(&h, &since));
	assert_in_range(since, 1078, 1120);
	history_add(&h, 9000, 600, 100, NULL);
	assert_false(history_flat_since(&h, &since));
}

static void keys_are_those_of_the_help(void **state)
{
	(void)state;
	size_t n;
	assert_int_equal(keys_request('q'), REQUEST_QUIT);
	assert_int_equal(keys_request('1'), REQUEST_TAB_1);
	assert_int_equal(keys_request('9'), REQUEST_TAB_9);
	assert_int_equal(keys_request(PRESS_ESCAPE), REQUEST_BACK);
	assert_int_equal(keys_request(PRESS_BACKSPACE), REQUEST_BACK);
	assert_int_equal(keys_request('x'), REQUEST_NONE);
	assert_int_equal(keys_request(PRESS_NONE), REQUEST_NONE);
	const struct keys_help *help = keys_help(&n);
	for (size_t i = 0; i < n; i++)
		if (strlen(help[i].keys) == 1)
			assert_int_not_equal(keys_request(help[i].keys[0]), REQUEST_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_drawn_outside),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(foreign_text_moves_nothing),
		cmocka_unit_test(ascii_stays_ascii),
		cmocka_unit_test(words_are_wrapped),
		cmocka_unit_test(bars_add_up),
		cmocka_unit_test(sparkline_shows_the_peak),
		cmocka_unit_test(history_keeps_the_whole_time),
		cmocka_unit_test(keys_are_those_of_the_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
