/* parts: what there is no room for in the legend is left out from its end, where the least telling stand. */
#include "ui/tui/parts.h"

#include "base/cleanup.h"
#include "ui/text/units.h"

#define WIDE 96

enum style parts_style(enum ledger_part part)
{
	static const enum style styles[LEDGER_PARTS] = {
		[LEDGER_LIVE] = STYLE_LIVE,       [LEDGER_HELD] = STYLE_KEPT,
		[LEDGER_CACHED] = STYLE_CACHED,   [LEDGER_OVERHEAD] = STYLE_OVERHEAD,
		[LEDGER_FILES] = STYLE_FILES,     [LEDGER_SHARED] = STYLE_SHARED,
		[LEDGER_UNKNOWN] = STYLE_UNKNOWN,
	};
	return styles[part];
}

enum glyph parts_glyph(enum ledger_part part)
{
	static const enum glyph glyphs[LEDGER_PARTS] = {
		[LEDGER_LIVE] = GLYPH_LIVE,       [LEDGER_HELD] = GLYPH_KEPT,
		[LEDGER_CACHED] = GLYPH_CACHED,   [LEDGER_OVERHEAD] = GLYPH_OVERHEAD,
		[LEDGER_FILES] = GLYPH_FILES,     [LEDGER_SHARED] = GLYPH_SHARED,
		[LEDGER_UNKNOWN] = GLYPH_UNKNOWN,
	};
	return glyphs[part];
}

/* One entry of a legend at x; returns the column after it, or x where it does not fit. */
static int entry_draw(const struct area *area, int x, int y, const struct bar_part *part,
		      const char *words)
{
	int width = 2 + canvas_columns(words);
	if (x + width > area->width)
		return x;
	int end = area_glyph(area, x, y, part->style, part->glyph, 1);
	return area_text(area, end + 1, y, STYLE_PLAIN, words) + 2;
}

int parts_draw(const struct ledger *ledger, const struct area *area, int y, int lines)
{
	struct bar_part parts[LEDGER_PARTS];
	uint64_t amounts[LEDGER_PARTS];
	int x = 1, end = y + 1 + lines;
	ledger_split_parts(ledger, amounts);
	for (int i = 0; i < LEDGER_PARTS; i++)
		parts[i] = (struct bar_part){amounts[i], parts_style((enum ledger_part)i),
					     parts_glyph((enum ledger_part)i)};
	area_bar(area, 1, y++, area->width - 2, parts, LEDGER_PARTS);
	for (int i = 0; i < LEDGER_PARTS && y < end; i++) {
		_cleanup_(text_fini) struct text words = TEXT_EMPTY;
		char amount[UNITS_MAX];
		if (!amounts[i])
			continue;
		units_bytes_short(amount, amounts[i]);
		text_addf(&words, "%s %s", ledger_split_name((enum ledger_part)i), amount);
		int next = entry_draw(area, x, y, &parts[i], text_string(&words));
		if (next == x && x > 1 && ++y < end)
			next = entry_draw(area, 1, y, &parts[i], text_string(&words));
		x = next;
	}
	return y < end ? y + 1 : end;
}

/* ---- the overview's ---------------------------------------------------------------------- */

static void summary_words(struct text words[5], const struct bar_part parts[5], uint64_t trim,
			  bool wide)
{
	static const char *const names[] = {"live", "held", "malloc", "files", "rest"};
	static const char *const wide_names[] = {"live", "kept by Python", "by malloc", "files",
						 "rest"};
	for (int i = 0; i < 5; i++) {
		char amount[UNITS_MAX];
		units_bytes_short(amount, parts[i].amount);
		text_addf(&words[i], "%s %s", wide ? wide_names[i] : names[i], amount);
		units_bytes_short(amount, trim);
		if (i == 2 && parts[i].amount)
			text_addf(&words[i], wide ? " (trim gives %s)" : " (trim %s)", amount);
	}
}

void parts_summary(const struct ledger *ledger, const struct area *area, int y)
{
	uint64_t amounts[LEDGER_PARTS];
	struct text words[5] = {0};
	int x = 1;
	ledger_split_parts(ledger, amounts);
	const uint64_t rest =
		amounts[LEDGER_OVERHEAD] + amounts[LEDGER_SHARED] + amounts[LEDGER_UNKNOWN];
	const struct bar_part parts[] = {
		{amounts[LEDGER_LIVE], STYLE_LIVE, GLYPH_LIVE},
		{amounts[LEDGER_HELD], STYLE_KEPT, GLYPH_KEPT},
		{amounts[LEDGER_CACHED], STYLE_CACHED, GLYPH_CACHED},
		{amounts[LEDGER_FILES], STYLE_FILES, GLYPH_FILES},
		{rest, STYLE_REST, GLYPH_REST},
	};
	area_bar(area, 1, y, area->width - 2, parts, ARRAY_SIZE(parts));
	summary_words(words, parts, ledger_split_kept(ledger, LEAF_RETURNS_TRIM),
		      area->width >= WIDE);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		bool last = i + 1 == ARRAY_SIZE(parts);
		int next = entry_draw(area, x, y + 1, &parts[i], text_string(&words[i]));
		if (next == x && last)
			next = entry_draw(area, x, y + 1, &parts[i], "rest");
		x = next;
		text_fini(&words[i]);
	}
}
