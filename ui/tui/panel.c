/*
 * panel: three blocks below each other; the first always, of the others what fits.
 * With little room the change since the mark stands in place of the key.
 */
#include "ui/tui/panel.h"

#include "base/cleanup.h"
#include "ui/text/units.h"
#include "ui/tui/change.h"
#include "ui/tui/list.h"

#define PANEL_WIDE       40
#define PANEL_NARROW     28
#define HISTOGRAM_HEIGHT (OCCUPANCY_BUCKET_COUNT + 1)
#define BLOCK_HEIGHT     3

int panel_width(int width)
{
	if (width >= 96)
		return PANEL_WIDE;
	return width >= 68 ? PANEL_NARROW : 0;
}

static enum style bucket_style(size_t id)
{
	static const enum style styles[OCCUPANCY_BUCKET_COUNT] = {
		STYLE_PINNED, STYLE_LOW, STYLE_MIDDLE, STYLE_MIDDLE, STYLE_HIGH, STYLE_EMPTY,
	};
	return styles[id];
}

static void histogram_draw(const struct occupancy *o, const struct area *area)
{
	bool wide = area->width >= PANEL_WIDE - 2;
	uint64_t most = 1;
	const char *title = o->segments ? "SEGMENTS BY USE" : "ARENAS BY USE";
	area_text(area, 0, 0, STYLE_TITLE, wide ? title : "BY USE");
	area_text_right(area, area->width - 9, 0, STYLE_TITLE, "count");
	area_text_right(area, area->width - 1, 0, STYLE_TITLE, occupancy_word(o, "held"));
	for (size_t i = 0; i < OCCUPANCY_BUCKET_COUNT; i++)
		most = size_max(most, o->buckets[i].n_arenas);
	for (size_t i = 0; i < OCCUPANCY_BUCKET_COUNT; i++) {
		const struct occupancy_bucket *bucket = &o->buckets[i];
		char count[UNITS_MAX], held[UNITS_MAX];
		int y = (int)i + 1, room = wide ? 10 : 3;
		int length = (int)((double)bucket->n_arenas / (double)most * room + 0.5);
		units_count(count, bucket->n_arenas);
		units_bytes_short(held, bucket->held);
		area_text(area, 0, y, STYLE_PLAIN,
			  occupancy_bucket_name((enum occupancy_bucket_id)i));
		area_glyph(area, 9, y, bucket_style(i), GLYPH_BAR_FULL,
			   bucket->n_arenas && !length ? 1 : length);
		area_text_right(area, area->width - 9, y, STYLE_STRONG, count);
		area_text_right(area, area->width - 1, y, STYLE_PLAIN, held);
	}
}

static void change_text(struct text *ret, const char *label, uint64_t before, uint64_t now)
{
	text_add(ret, label);
	list_add_bytes_change(ret, before, now);
}

static void since_draw(const struct board *board, const struct area *area)
{
	const struct picture *mark = board->mark, *now = board->now;
	char clock[16] = "", pools[UNITS_MAX];
	struct tm parts;
	time_t at = mark->snapshot->target.taken_at.tv_sec;
	if (localtime_r(&at, &parts))
		strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
	struct change change = change_between(mark, now);
	units_percent(pools, change.pools_changed, change.pools_compared);
	int middle = area->width < PANEL_WIDE - 2 ? area->width - 12 : area->width / 2;
	_cleanup_(text_fini) struct text rss = TEXT_EMPTY;
	_cleanup_(text_fini) struct text live = TEXT_EMPTY;
	change_text(&rss, "RSS    ", mark->snapshot->target.rss, now->snapshot->target.rss);
	change_text(&live, "live  ", mark->occupancy.totals.live, now->occupancy.totals.live);
	int x = area_text(area, 0, 0, STYLE_TITLE, "SINCE MARK");
	area_textf(area, x + 2, 0, STYLE_DIM, "m at %s", clock);
	area_text(area, 0, 1, STYLE_PLAIN, text_string(&rss));
	area_text(area, middle, 1, STYLE_PLAIN, text_string(&live));
	const struct occupancy *o = &now->occupancy;
	int end = area_textf(area, 0, 2, STYLE_PLAIN, "%s +%llu -%llu", occupancy_word(o, "arenas"),
			     (unsigned long long)change.arenas_new,
			     (unsigned long long)change.arenas_gone);
	area_textf(area, end < middle ? middle : end + 1, 2, STYLE_PLAIN, "%s %s",
		   occupancy_word(o, "pools"), pools);
}

static int key_part(const struct area *area, int x, int y, enum style style, enum glyph glyph,
		    const char *text)
{
	x = area_glyph(area, x, y, style, glyph, 1);
	return area_text(area, x + 1, y, STYLE_DIM, text) + 2;
}

static void key_draw(const struct board *board, const struct area *area)
{
	bool wide = area->width >= PANEL_WIDE - 2;
	int left = wide ? 5 : 0, x;
	if (wide)
		area_text(area, 0, 0, STYLE_TITLE, "KEY");
	if (list_difference(board)) {
		x = key_part(area, left, 0, STYLE_GREW, GLYPH_GREW, "more used");
		key_part(area, x, 0, STYLE_SHRANK, GLYPH_SHRANK, "less used");
		key_part(area, left, 1, STYLE_DIM, GLYPH_SAME, "as at the mark");
		return;
	}
	key_part(area, left, 0, STYLE_PINNED, GLYPH_PINNED,
		 wide ? "under 5 %: pinned, look" : "<5 PINNED");
	x = key_part(area, wide ? left : 13, wide ? 1 : 0, STYLE_LOW, GLYPH_LOW, "5-25");
	x = key_part(area, wide ? x : 0, 1, STYLE_MIDDLE, GLYPH_MIDDLE, "25-75");
	key_part(area, wide ? x : 13, 1, STYLE_HIGH, GLYPH_HIGH, wide ? "75+ %" : "75+");
	x = key_part(area, left, 2, STYLE_EMPTY, GLYPH_EMPTY, "empty");
	x = key_part(area, wide ? x : 13, 2, STYLE_SWAPPED, GLYPH_SWAPPED, "swapped");
	if (wide)
		area_text(area, x, 2, STYLE_DIM, "bold = changed");
}

void panel_draw(const struct board *board, const struct area *area)
{
	histogram_draw(&board->now->occupancy, area);
	int y = HISTOGRAM_HEIGHT, left = area->height - y;
	int gap = left >= 2 * BLOCK_HEIGHT + 2 ? 1 : 0;
	if (board->mark && left >= BLOCK_HEIGHT) {
		struct area since = area_part(area, 0, y + gap, area->width, BLOCK_HEIGHT);
		since_draw(board, &since);
		left -= BLOCK_HEIGHT + gap;
	}
	if (left >= BLOCK_HEIGHT) {
		struct area key =
			area_part(area, 0, area->height - BLOCK_HEIGHT, area->width, BLOCK_HEIGHT);
		key_draw(board, &key);
	}
}
