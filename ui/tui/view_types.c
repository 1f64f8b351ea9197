/* view_types: what is in the heap, by type, as of the last look into every block. */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/report/types_words.h"
#include "ui/text/units.h"
#include "ui/tui/under_study.h"

#include <string.h>

static const struct census_row *row_at(const struct board *board, size_t row)
{
	return &board_census(board)->types.items[row];
}

/* The same type in the baseline; a row of nothing where it was not there. */
static struct census_row row_marked(const struct board *board, size_t row)
{
	const struct census_row *now = row_at(board, row);
	const struct census *mark = board_census_marked(board);
	for (size_t i = 0; mark && i < mark->types.count; i++) {
		const struct census_row *old = &mark->types.items[i];
		if (raddr_equal(old->type, now->type) && old->name && now->name &&
		    strcmp(old->name, now->name) == 0)
			return *old;
	}
	return (struct census_row){0};
}

static void count_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_count(ret, row_at(board, row)->count);
}

static int64_t count_key(const struct board *board, size_t row)
{
	return (int64_t)row_at(board, row)->count;
}

static void bytes_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, row_at(board, row)->bytes);
}

static int64_t bytes_key(const struct board *board, size_t row)
{
	return (int64_t)row_at(board, row)->bytes;
}

static void total_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, types_total(row_at(board, row)));
}

static int64_t total_key(const struct board *board, size_t row)
{
	return (int64_t)types_total(row_at(board, row));
}

static void arenas_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_count(ret, row_at(board, row)->arenas);
}

static int64_t arenas_key(const struct board *board, size_t row)
{
	return (int64_t)row_at(board, row)->arenas;
}

static void change_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_change(ret, row_marked(board, row).count, row_at(board, row)->count);
}

static int64_t change_key(const struct board *board, size_t row)
{
	return (int64_t)row_at(board, row)->count - (int64_t)row_marked(board, row).count;
}

static void growth_text(const struct board *board, size_t row, struct text *ret)
{
	struct census_row old = row_marked(board, row);
	list_add_bytes_change(ret, types_total(&old), types_total(row_at(board, row)));
}

static int64_t growth_key(const struct board *board, size_t row)
{
	struct census_row old = row_marked(board, row);
	return (int64_t)types_total(row_at(board, row)) - (int64_t)types_total(&old);
}

static void name_paint(const struct board *board, size_t row, const struct area *cell)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	types_name(&name, row_at(board, row));
	area_foreign(cell, 0, 0, cell->width, STYLE_PLAIN, text_string(&name));
}

static int64_t name_key(const struct board *board, size_t row)
{
	(void)board;
	return (int64_t)row;
}

#define TOTAL_COLUMN 1

static const struct list_column columns[] = {
	{"count", 10, false, false, NULL, count_text, NULL, count_key},
	{"total", 6, false, false, NULL, total_text, NULL, total_key},
	{"bytes", 6, false, false, NULL, bytes_text, NULL, bytes_key},
	{"change", 8, false, false, list_difference, change_text, NULL, change_key},
	{"growth", 7, false, false, list_difference, growth_text, NULL, growth_key},
	{"arenas", 6, false, false, NULL, arenas_text, NULL, arenas_key},
	{"type", 30, true, true, NULL, NULL, name_paint, name_key},
};

static raddr row_address(const struct board *board, size_t row)
{
	return row_at(board, row)->type;
}

static const struct list list = {columns, ARRAY_SIZE(columns), NULL, row_address};

static struct error *refresh(struct board *board, struct view *view)
{
	const struct census *census = board_census(board);
	return list_fill(board, view, &list, census ? census->types.count : 0);
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct census *census = board_census(board);
	_cleanup_(text_fini) struct text sentence = TEXT_EMPTY;
	under_study_title(board, area, "TYPES");
	if (!census) {
		under_study_draw(board, area);
		return;
	}
	types_sentence(&sentence, census, UNITS_AUTO);
	int y = 1 + area_wrap(area, 1, 1, area->width - 2, area->height >= 12 ? 2 : 1,
			      STYLE_VERDICT, text_string(&sentence));
	struct area rows = area_part(area, 0, y, area->width, area->height - y);
	list_draw(board, view, &list, &rows);
}

static raddr locate(const struct board *board, const struct view *view)
{
	return list_locate(board, view, &list);
}

static bool show(struct board *board, struct view *view, raddr address)
{
	return list_show(board, view, &list, address);
}

static bool request(struct board *board, struct view *view, enum request request)
{
	return under_study_request(board, request) || list_request(board, view, &list, request, 0);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	if (view->cursor >= view->rows.count)
		return;
	const struct census_row *r = row_at(board, view->rows.items[view->cursor]);
	char buffers[UNITS_MAX], bytes[UNITS_MAX];
	units_count(buffers, r->buffer_count);
	units_bytes(bytes, r->buffer_bytes);
	text_addf(ret, "%s buffers of theirs, %s; type object at " RADDR_FORMAT, buffers, bytes,
		  r->type.value);
}

const struct view_ops view_types = {
	.name = "types",
	.title = "Types",
	.keys = "s<> sort  / find  m mark  d since mark  r look again  e export  Tab screen  ? q",
	.sort = TOTAL_COLUMN,
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
