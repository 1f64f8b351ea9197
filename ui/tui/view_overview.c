/*
 * view_overview: the first screen. From top to bottom: RSS over time, the container, the
 * verdict, what RSS is made of, the map beside its panel. What there is no room
 * for is left out in the order of plan_of().
 */
#include "ui/tui/panel.h"

#include "base/cleanup.h"
#include "ui/report/headline.h"
#include "ui/text/units.h"
#include "ui/tui/list.h"
#include "ui/tui/parts.h"
#include "ui/tui/verdict.h"

/* Lines of each part; of the two gaps. */
struct plan {
	int verdict, sure, bar, rule, gap;
};

static struct plan plan_of(int height)
{
	return (struct plan){
		.verdict = height >= 17  ? 3
			   : height >= 8 ? 2
					 : height >= 5,
		.sure = height >= 20,
		.bar = height >= 11 ? 2 : 0,
		.rule = height >= 13,
		.gap = (height >= 17) + (height >= 20),
	};
}

static void trend_text(const struct board *board, struct text *ret)
{
	const struct history *h = &board->history;
	time_t since = 0, span = history_span(h);
	char figure[UNITS_MAX];
	struct tm parts;
	if (history_flat_since(h, &since) && localtime_r(&since, &parts)) {
		char clock[16];
		strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
		text_addf(ret, "flat since %s", clock);
	} else if (span > 0) {
		units_duration(figure, (uint64_t)span);
		bool same = h->points[0].rss == h->last_rss;
		if (!same)
			list_add_bytes_change(ret, h->points[0].rss, h->last_rss);
		text_addf(ret, same ? "same as %s ago" : " in %s", figure);
	}
}

/* What stands at the end of the RSS line: as much of it as there is room for, swap first. */
static void rss_end(const struct board *board, int room, struct text *ret)
{
	char swap[UNITS_MAX];
	units_bytes_short(swap, board->now->snapshot->target.swap);
	trend_text(board, ret);
	text_addf(ret, "%sswap %s", ret->length ? "  " : "", swap);
	if (canvas_columns(text_string(ret)) <= room)
		return;
	text_clear(ret);
	text_addf(ret, "swap %s", swap);
	if (canvas_columns(text_string(ret)) > room)
		text_clear(ret);
}

static void rss_draw(const struct board *board, const struct area *area, int y)
{
	const struct snapshot_target *target = &board->now->snapshot->target;
	if (target->kind == ORIGIN_CORE) {
		int end = area_text(area, 1, y, STYLE_TITLE, "RSS");
		area_text(area, end + 1, y, STYLE_PLAIN, "is not known of a core");
		return;
	}
	_cleanup_(text_fini) struct text right = TEXT_EMPTY;
	char rss[UNITS_MAX], peak[UNITS_MAX];
	uint64_t values[HISTORY_MAX];
	units_bytes(rss, target->rss);
	units_bytes(peak, target->peak_rss);
	int x = area_text(area, 1, y, STYLE_TITLE, "RSS");
	x = area_textf(area, x + 1, y, STYLE_STRONG, "%s", rss);
	x = area_textf(area, x, y, STYLE_PLAIN, ", peak %s", peak) + 2;
	rss_end(board, area->width - 1 - x, &right);
	int end = area_text_right(area, area->width - 1, y, STYLE_PLAIN, text_string(&right)) - 2;
	int width = end - x < 60 ? end - x : 60;
	size_t n = history_rss(&board->history, values);
	if (width >= 4)
		area_sparkline(area, x, y, width, STYLE_LIVE, values, n);
}

/* The container: how full it is, and how far from the end. False: there is none to tell of. */
static bool purse_draw(const struct board *board, const struct area *area, int y)
{
	const struct purse *p = board_purse(board);
	char current[UNITS_MAX], limit[UNITS_MAX], left[UNITS_MAX];
	_cleanup_(text_fini) struct text right = TEXT_EMPTY;
	if (!p || !p->version || !p->current.known)
		return false;
	units_bytes(current, p->current.value);
	units_bytes(limit, p->limit.value);
	units_bytes(left, p->headroom.value);
	int x = area_text(area, 1, y, STYLE_TITLE, "POD");
	x = area_text(area, x + 1, y, STYLE_STRONG, current);
	if (!p->limit.known) {
		area_text(area, x, y, STYLE_PLAIN,
			  p->limit.absent ? ", no limit" : ", limit not known");
		return true;
	}
	x = area_textf(area, x, y, STYLE_PLAIN, " of %s", limit) + 2;
	if (p->headroom.known)
		text_addf(&right, "%s left", left);
	bool near = p->headroom.known && p->headroom.value < p->limit.value / 10;
	int end = area_text_right(area, area->width - 1, y, near ? STYLE_ALERT : STYLE_PLAIN,
				  text_string(&right)) -
		  2;
	const struct bar_part parts[] = {
		{p->current.value, near ? STYLE_PINNED : STYLE_LIVE, GLYPH_BAR_FULL},
		{size_subtract(p->limit.value, p->current.value), STYLE_DIM, GLYPH_BAR_REST},
	};
	if (end - x >= 4)
		area_bar(area, x, y, end - x < 60 ? end - x : 60, parts, ARRAY_SIZE(parts));
	return true;
}

static int verdict_draw(const struct board *board, const struct area *area, int y, int lines)
{
	_cleanup_(text_fini) struct text verdict = TEXT_EMPTY;
	verdict_add(&verdict, board->now, board_ledger(board), board->with_census);
	area_glyph(area, 1, y, STYLE_VERDICT, GLYPH_MARKER, 1);
	area_wrap(area, 3, y, area->width - 4, lines, STYLE_VERDICT, text_string(&verdict));
	return y + lines;
}

/* Without arenas: all of the verdict, and the ledger's bar where there is one. */
static void mapless_draw(const struct board *board, const struct area *area, int y,
			 const struct ledger *ledger)
{
	_cleanup_(text_fini) struct text verdict = TEXT_EMPTY;
	int room = area->height - y;
	bool bar = ledger && room > 8;
	verdict_add(&verdict, board->now, board_ledger(board), board->with_census);
	area_glyph(area, 1, y, STYLE_VERDICT, GLYPH_MARKER, 1);
	y += area_wrap(area, 3, y, area->width - 4, bar ? room - 4 : room, STYLE_VERDICT,
		       text_string(&verdict));
	if (bar)
		(void)parts_draw(ledger, area, y + 1, 2);
}

/* Doubts' details may quote foreign text. */
static void sure_draw(const struct board *board, const struct area *area, int y, int lines)
{
	_cleanup_(text_fini) struct text sure = TEXT_EMPTY;
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	verdict_add_surety(&sure, board->now);
	text_add_escaped(&safe, text_string(&sure), sure.length);
	area_text(area, 3, y, STYLE_TITLE, "SURE");
	(void)area_wrap(area, 8, y, area->width - 9, lines, STYLE_DIM, text_string(&safe));
}

struct share {
	const char *label, *short_label;
	struct bar_part part;
};

/* What of the arenas RSS does not hold; or that its parts are only about right. */
static void absent_draw(const struct occupancy_totals *t, bool exact, const struct area *area,
			int x, int y)
{
	uint64_t absent = size_subtract(t->total, t->resident);
	char figure[UNITS_MAX];
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	units_bytes(figure, absent);
	if (t->has_residency && absent && absent >= t->total / 100)
		text_addf(&line, "(%s not in RAM)", figure);
	else if (!exact)
		text_add(&line, "(about)");
	if (x + canvas_columns(text_string(&line)) < area->width)
		area_text(area, x, y, STYLE_DIM, text_string(&line));
}

/* The bar of what RSS is made of, and its legend below. */
static void bar_draw(const struct board *board, const struct area *area, int y)
{
	const struct occupancy_totals *t = &board->now->occupancy.totals;
	const struct headline_split split =
		headline_split_of(board->now->snapshot, &board->now->occupancy);
	const char *held_words = board->now->occupancy.segments ? "free, held by mimalloc"
								: "free, held by pymalloc";
	const struct share shares[] = {
		{"live", "live", {split.live, STYLE_LIVE, GLYPH_LIVE}},
		{held_words, "held", {split.kept, STYLE_KEPT, GLYPH_KEPT}},
		{"overhead", "overhead", {split.overhead, STYLE_OVERHEAD, GLYPH_OVERHEAD}},
		{"rest of RSS", "rest", {split.elsewhere, STYLE_REST, GLYPH_REST}},
	};
	struct bar_part parts[ARRAY_SIZE(shares)];
	bool wide = area->width >= 90;
	int x = 1;
	bool rss_known = board->now->snapshot->target.kind != ORIGIN_CORE;
	size_t n = ARRAY_SIZE(shares) - !rss_known;
	for (size_t i = 0; i < n; i++) {
		char figure[UNITS_MAX];
		parts[i] = shares[i].part;
		units_bytes(figure, parts[i].amount);
		x = area_glyph(area, x, y + 1, parts[i].style, parts[i].glyph, 1) + 1;
		x = area_textf(area, x, y + 1, STYLE_PLAIN, "%s %s",
			       wide ? shares[i].label : shares[i].short_label, figure) +
		    2;
	}
	area_bar(area, 1, y, area->width - 2, parts, n);
	if (rss_known)
		absent_draw(t, split.exact, area, x, y + 1);
}

static void cell_draw(const struct board *board, const struct occupancy_cell *cell,
		      const struct area *area, int x, int y)
{
	enum style style = theme_occupancy_style(cell->class);
	enum glyph glyph = theme_occupancy_glyph(cell->class);
	if (cell->swapped > 0.5) {
		style = STYLE_SWAPPED;
		glyph = GLYPH_SWAPPED;
	}
	if (list_difference(board)) {
		uint64_t old = occupancy_used_before(cell, &board->now->occupancy,
						     &board->mark->occupancy);
		style = cell->used > old ? STYLE_GREW : cell->used < old ? STYLE_SHRANK : STYLE_DIM;
		glyph = cell->used > old   ? GLYPH_GREW
			: cell->used < old ? GLYPH_SHRANK
					   : GLYPH_SAME;
	}
	area_glyph(area, x, y, style, glyph, 1);
	area_mark(area, x, y, cell->changed, false);
}

static void map_title(const struct board *board, const struct occupancy_map *map,
		      const struct area *area)
{
	char size[UNITS_MAX];
	units_bytes(size, map->cell_size);
	int x = area_text(area, 0, 0, STYLE_TITLE, "MAP") + 2;
	if (board->now->choice.one)
		x = area_textf(area, x, 0, STYLE_STRONG, "interpreter %lld, ",
			       (long long)board->now->choice.id);
	uint64_t n = map->units_per_cell ? map->units_per_cell : map->arenas_per_cell;
	/* A page of mimalloc is of one or more slices: those are what a cell is cut by. */
	const char *pool = board->now->occupancy.segments ? "slice" : "pool";
	const char *arena = occupancy_word(&board->now->occupancy, "arena");
	area_textf(area, x, 0, STYLE_DIM, "1 cell = %llu %s%s = %s%s%s", (unsigned long long)n,
		   map->units_per_cell ? pool : arena, n > 1 ? "s" : "", size,
		   map->larger ? "+" : "", board->now->choice.one ? "" : ", by address");
}

/* Cuts the map to the room there is; the cursor stays on its address. */
static bool map_make(const struct board *board, struct view *view, size_t n_max)
{
	struct occupancy_map map;
	const struct occupancy *now = &board->now->occupancy;
	struct error *err = occupancy_map_of(now, n_max, &map);
	if (err) {
		error_free(err);
		return false;
	}
	const struct picture *before = list_difference(board) ? board->mark : board->before;
	if (before)
		occupancy_mark_changes(&map, now, &before->occupancy);
	occupancy_map_fini(&view->map);
	view->map = map;
	view->count = map.cells.count;
	return true;
}

static bool show(struct board *board, struct view *view, raddr address)
{
	(void)board;
	size_t found = view->map.cells.count;
	for (size_t i = 0; i < view->map.cells.count; i++)
		if (raddr_compare(view->map.cells.items[i].address, address) <= 0)
			found = i;
	if (found == view->map.cells.count)
		return false;
	view->cursor = found;
	return true;
}

static void map_draw(const struct board *board, struct view *view, const struct area *area)
{
	struct area cells = area_part(area, 0, 1, area->width, area->height - 1);
	if (cells.width <= 0 || cells.height <= 0)
		return;
	size_t width = view->columns = (size_t)cells.width;
	size_t height = view->page = (size_t)cells.height;
	if (!map_make(board, view, width * height))
		return;
	if (!raddr_is_null(view->at))
		(void)show(NULL, view, view->at);
	view_scroll(view);
	map_title(board, &view->map, area);
	for (size_t i = 0; i < view->map.cells.count; i++)
		cell_draw(board, &view->map.cells.items[i], &cells, (int)(i % width),
			  (int)(i / width));
	if (view->count)
		area_mark(&cells, (int)(view->cursor % width), (int)(view->cursor / width), false,
			  true);
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	struct plan plan = plan_of(area->height);
	int y = 0, side = panel_width(area->width);
	rss_draw(board, area, y++);
	/* The container's line takes a gap's place, so that the map keeps its own. */
	if (area->height >= 8 && purse_draw(board, area, y)) {
		y++;
		plan.gap = plan.gap ? plan.gap - 1 : 0;
	}
	y += plan.gap > 1;
	bool map = board->now->occupancy.arenas.count;
	const struct ledger *ledger = board_ledger(board);
	bool bar = ledger && ledger->has_residency;
	if (!map) {
		view->count = 0;
		if (plan.verdict)
			mapless_draw(board, area, y, bar ? ledger : NULL);
		return;
	}
	if (plan.verdict)
		y = verdict_draw(board, area, y, plan.verdict);
	/* Doubts that matter take the place of a gap. */
	bool doubtful = doubts_worst(&board->now->snapshot->doubts) > DOUBT_NOTE;
	bool squeezed = !plan.sure && plan.gap && doubtful;
	/* A long doubt takes the gap too: what is below must not move with it. */
	if (plan.sure || squeezed)
		sure_draw(board, area, y++, plan.sure && plan.gap ? 2 : 1);
	y += plan.gap > 0 && !squeezed;
	if (plan.bar && bar)
		parts_summary(ledger, area, y);
	else if (plan.bar)
		bar_draw(board, area, y);
	y += plan.bar;
	if (plan.rule)
		area_rule(area, y++);
	struct area left = area_part(area, 1, y, area->width - side - 2, area->height - y);
	struct area right = area_part(area, area->width - side + 1, y, side - 1, area->height - y);
	map_draw(board, view, &left);
	if (side)
		panel_draw(board, &right);
}

static raddr locate(const struct board *board, const struct view *view)
{
	(void)board;
	return view->cursor < view->map.cells.count ? view->map.cells.items[view->cursor].address
						    : RADDR_NULL;
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	if (view->cursor >= view->map.cells.count)
		return;
	const struct occupancy_cell *cell = &view->map.cells.items[view->cursor];
	char share[UNITS_MAX], held[UNITS_MAX];
	units_percent(share, cell->used, cell->used + cell->held);
	units_bytes(held, cell->held);
	text_addf(ret, RADDR_FORMAT ": ", cell->address.value);
	if (cell->class == OCCUPANCY_UNREAD)
		text_add(ret, "not read");
	else if (cell->class == OCCUPANCY_EMPTY)
		text_addf(ret, "empty, %s free", held);
	else
		text_addf(ret, "%s used, %s %s", share, held,
			  occupancy_word(&board->now->occupancy, "held"));
	if (cell->swapped > 0)
		text_addf(ret, ", %.0f %% swapped", cell->swapped * 100);
	if (cell->changed)
		text_add(ret, list_difference(board) ? ", changed since mark" : ", just changed");
}

/* One arena opens; several are shown in the list, in their order. */
static void cell_open(struct board *board, const struct view *view)
{
	if (view->cursor >= view->map.cells.count)
		return;
	const struct occupancy_cell cell = view->map.cells.items[view->cursor];
	if (cell.arena >= board->now->occupancy.arenas.count)
		return;
	raddr arena = board->now->occupancy.arenas.items[cell.arena].address;
	if (cell.n_arenas == 1) {
		board_open(board, &view_arena, arena, cell.address);
		return;
	}
	for (size_t i = 0; i < BOARD_TABS; i++) {
		struct view *tab = &board->tabs[i];
		if (tab->ops != &view_arenas)
			continue;
		tab->sort = tab->filter = 0;
		tab->reversed = false;
		tab->at = arena;
		board_tab(board, i);
	}
}

static bool request(struct board *board, struct view *view, enum request request)
{
	if (request != REQUEST_ENTER)
		return false;
	cell_open(board, view);
	return true;
}

static struct error *refresh(struct board *board, struct view *view)
{
	(void)board;
	/* Its cells point into the last picture: drawing makes them anew. */
	occupancy_map_fini(&view->map);
	return NULL;
}

const struct view_ops view_overview = {
	.name = "overview",
	.title = "Overview",
	.keys = "Enter look in  Tab screen  / find  m mark  d diff  e export  Space hold  ? q",
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
