/*
 * view_pins: who keeps sparse arenas: by what holds them, or by type; above it what freeing the cheapest would return.
 */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/report/why_words.h"
#include "ui/text/units.h"
#include "ui/tui/under_study.h"

#define FILTER_TYPES 1

static const char *const filters[] = {"by holder", "by type"};

/* Rows of both kinds in one list: roots first, types behind them. */
struct pin_row {
	const char *name, *type;
	enum holder_kind kind;
	bool is_root;
	uint64_t count, bytes, arenas, sole, returned;
};

static struct pin_row row_at(const struct board *board, size_t row)
{
	const struct pins *p = board_pins(board);
	if (row < p->roots.count) {
		const struct pin_root *r = &p->roots.items[row];
		uint64_t count = r->type_count ? r->type_count : r->count;
		return (struct pin_row){r->name,  r->type,   r->kind,        true,       count,
					r->bytes, r->arenas, r->sole_arenas, r->returned};
	}
	const struct pin *t = &p->types.items[row - p->roots.count];
	return (struct pin_row){t->type,  NULL,      HOLDER_UNKNOWN, false,      t->count,
				t->bytes, t->arenas, t->sole_arenas, t->returned};
}

#define FIGURE(field, add)                                                                \
	static void field##_text(const struct board *board, size_t row, struct text *ret) \
	{                                                                                 \
		add(ret, row_at(board, row).field);                                       \
	}                                                                                 \
	static int64_t field##_key(const struct board *board, size_t row)                 \
	{                                                                                 \
		return (int64_t)row_at(board, row).field;                                 \
	}

FIGURE(returned, list_add_bytes)
FIGURE(sole, list_add_count)
FIGURE(arenas, list_add_count)
FIGURE(count, list_add_count)
FIGURE(bytes, list_add_bytes)

static void name_paint(const struct board *board, size_t row, const struct area *cell)
{
	const struct why_words w = {board->with_census->snapshot, UNITS_AUTO, false, NULL};
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct pin_row r = row_at(board, row);
	why_root(&line, &w, r.name ?: "?", r.kind);
	if (r.is_root && r.type) {
		text_add(&line, ": ");
		why_escape(&line, &w, r.type);
	}
	area_text(cell, 0, 0, STYLE_PLAIN, text_string(&line));
}

static int64_t name_key(const struct board *board, size_t row)
{
	(void)board;
	return (int64_t)row;
}

static const struct list_column columns[] = {
	{"returns", 7, false, false, NULL, returned_text, NULL, returned_key},
	{"alone", 6, false, false, NULL, sole_text, NULL, sole_key},
	{"arenas", 6, false, false, NULL, arenas_text, NULL, arenas_key},
	{"objects", 9, false, false, NULL, count_text, NULL, count_key},
	{"bytes", 6, false, false, NULL, bytes_text, NULL, bytes_key},
	{"who", 36, true, true, NULL, NULL, name_paint, name_key},
};

/* Roots come first, then types. */
static bool passes(const struct board *board, const struct view *view, size_t row)
{
	return (row >= board_pins(board)->roots.count) == (view->filter == FILTER_TYPES);
}

static const struct list list = {columns, ARRAY_SIZE(columns), passes, NULL};

static struct error *refresh(struct board *board, struct view *view)
{
	const struct pins *p = board_pins(board);
	return list_fill(board, view, &list, p ? p->roots.count + p->types.count : 0);
}

static void sentence_add(const struct pins *p, struct text *ret)
{
	char sparse[UNITS_MAX], all[UNITS_MAX], held[UNITS_MAX], used[UNITS_MAX];
	units_count(sparse, p->sparse_arenas);
	units_count(all, p->arenas);
	units_bytes(held, p->sparse_free);
	units_bytes(used, p->sparse_used);
	text_addf(ret, "%s of %s arenas %s under a quarter used: %s in use keep %s that is free.",
		  sparse, all, p->sparse_arenas == 1 ? "is" : "are", used, held);
	for (size_t i = 0; i < p->curve.count; i++) {
		const struct pin_step *step = &p->curve.items[i];
		char blocks[UNITS_MAX], returned[UNITS_MAX];
		if (step->returned < p->sparse_bytes / 2)
			continue;
		units_count(blocks, step->blocks);
		units_bytes(returned, step->returned);
		text_addf(ret, " Freeing the %s cheapest blocks would return %s.", blocks,
			  returned);
		return;
	}
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct pins *p = board_pins(board);
	_cleanup_(text_fini) struct text sentence = TEXT_EMPTY;
	under_study_title(board, area, "PINS");
	area_text(area, 7, 0, STYLE_PLAIN, filters[view->filter]);
	if (!p) {
		under_study_draw(board, area);
		return;
	}
	sentence_add(p, &sentence);
	int y = 1 + area_wrap(area, 1, 1, area->width - 2, area->height >= 12 ? 3 : 1,
			      STYLE_VERDICT, text_string(&sentence));
	struct area rows = area_part(area, 0, y, area->width, area->height - y);
	list_draw(board, view, &list, &rows);
}

static bool request(struct board *board, struct view *view, enum request request)
{
	return under_study_request(board, request) ||
	       list_request(board, view, &list, request, ARRAY_SIZE(filters));
}

static void links_add(char *const *links, size_t n, struct text *ret)
{
	for (size_t i = 0; i < n; i++)
		text_addf(ret, "%s%s", i ? " > " : "", links[i]);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	if (view->cursor >= view->rows.count)
		return;
	const struct pins *p = board_pins(board);
	size_t row = view->rows.items[view->cursor];
	if (row < p->roots.count) {
		links_add(p->roots.items[row].links.items, p->roots.items[row].links.count, ret);
		return;
	}
	const struct pin *pin = &p->types.items[row - p->roots.count];
	if (pin->holders.count)
		links_add(pin->holders.items[0].links.items, pin->holders.items[0].links.count,
			  ret);
}

const struct view_ops view_pins = {
	.name = "pins",
	.title = "Pins",
	.keys = "s<> sort  f by type  r look again  e export  Tab screen  Space hold  ? help  q",
	.sort = 0,
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
};
