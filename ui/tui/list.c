/* list: columns side by side, one blank between; what does not fit to the right is left out. */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/text/units.h"

static bool column_shown(const struct board *board, const struct list_column *column)
{
	return !column->shown || column->shown(board);
}

struct sorting {
	const struct board *board;
	const struct list_column *column;
	bool ascending;
};

static int row_compare(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int64_t left = sorting->column->key(sorting->board, x);
	int64_t right = sorting->column->key(sorting->board, y);
	int order = (left > right) - (left < right);
	if (order)
		return sorting->ascending ? order : -order;
	return (x > y) - (x < y);
}

static void sort(const struct board *board, struct view *view, const struct list *list)
{
	if (view->sort >= list->n_columns || !column_shown(board, &list->columns[view->sort]))
		view->sort = view->ops->sort;
	const struct list_column *column = &list->columns[view->sort];
	struct sorting sorting = {board, column, column->ascending != view->reversed};
	if (view->rows.count)
		qsort_r(view->rows.items, view->rows.count, sizeof(*view->rows.items), row_compare,
			&sorting);
}

struct error *list_fill(const struct board *board, struct view *view, const struct list *list,
			size_t n)
{
	view->rows.count = view->count = 0;
	if (!vec_reserve(&view->rows, n))
		return error_out_of_memory();
	for (size_t i = 0; i < n; i++)
		if (!list->passes || list->passes(board, view, i))
			view->rows.items[view->rows.count++] = i;
	view->count = view->rows.count;
	sort(board, view, list);
	return NULL;
}

raddr list_locate(const struct board *board, const struct view *view, const struct list *list)
{
	return view->cursor < view->rows.count
		       ? list->address(board, view->rows.items[view->cursor])
		       : RADDR_NULL;
}

bool list_show(const struct board *board, struct view *view, const struct list *list, raddr address)
{
	for (size_t i = 0; i < view->rows.count; i++) {
		if (raddr_equal(list->address(board, view->rows.items[i]), address)) {
			view->cursor = i;
			return true;
		}
	}
	return false;
}

static void title_draw(const struct board *board, const struct view *view, const struct list *list,
		       const struct area *area)
{
	int x = 1;
	for (size_t i = 0; i < list->n_columns; i++) {
		const struct list_column *column = &list->columns[i];
		if (!column_shown(board, column) || x + column->width > area->width)
			continue;
		struct area cell = area_part(area, x, 0, column->width, 1);
		const char *title = occupancy_word(&board->now->occupancy, column->title);
		bool sorted = i == view->sort;
		int end = column->left ? canvas_columns(title) : column->width;
		area_text_right(&cell, end, 0, STYLE_TITLE, title);
		bool rising = column->ascending != view->reversed;
		int mark = column->left ? end : end - canvas_columns(title) - 1;
		if (sorted)
			area_glyph(area, x + mark, 0, STYLE_STRONG,
				   rising ? GLYPH_RISING : GLYPH_FALLING, 1);
		x += column->width + 1;
	}
}

/* Names at the end of a line take what is left of it. */
static int cell_width(const struct list *list, size_t i, int left)
{
	const struct list_column *column = &list->columns[i];
	bool rest = i + 1 == list->n_columns && column->left && column->ascending;
	return rest && left > column->width ? left : column->width;
}

static void row_draw(const struct board *board, const struct list *list, size_t row,
		     const struct area *area, int y)
{
	int x = 1;
	for (size_t i = 0; i < list->n_columns; i++) {
		const struct list_column *column = &list->columns[i];
		if (!column_shown(board, column) || x + column->width > area->width)
			continue;
		int width = cell_width(list, i, area->width - x - 1);
		struct area cell = area_part(area, x, y, width, 1);
		_cleanup_(text_fini) struct text line = TEXT_EMPTY;
		if (column->text)
			column->text(board, row, &line);
		if (column->paint)
			column->paint(board, row, &cell);
		else if (column->left)
			area_text(&cell, 0, 0, STYLE_PLAIN, text_string(&line));
		else
			area_text_right(&cell, column->width, 0, STYLE_PLAIN, text_string(&line));
		x += column->width + 1;
	}
}

void list_draw(const struct board *board, struct view *view, const struct list *list,
	       const struct area *area)
{
	view->columns = 1;
	view->page = area->height > 1 ? (size_t)area->height - 1 : 1;
	view_scroll(view);
	title_draw(board, view, list, area);
	for (size_t i = 0; i < view->page && view->top + i < view->count; i++) {
		int y = (int)i + 1;
		row_draw(board, list, view->rows.items[view->top + i], area, y);
		for (int x = 0; view->top + i == view->cursor && x < area->width; x++)
			area_mark(area, x, y, false, true);
	}
}

/* The next column that is shown, in that direction. */
static void sort_step(const struct board *board, struct view *view, const struct list *list,
		      unsigned step)
{
	unsigned n = (unsigned)list->n_columns;
	do
		view->sort = (view->sort + step) % n;
	while (!column_shown(board, &list->columns[view->sort]));
	view->reversed = false;
}

bool list_request(struct board *board, struct view *view, const struct list *list,
		  enum request request, unsigned n_filters)
{
	if (request == REQUEST_SORT_REVERSE)
		view->reversed = !view->reversed;
	else if (request == REQUEST_SORT_RIGHT)
		sort_step(board, view, list, 1);
	else if (request == REQUEST_SORT_LEFT)
		sort_step(board, view, list, (unsigned)list->n_columns - 1);
	else if (request == REQUEST_FILTER && n_filters)
		view->filter = (view->filter + 1) % n_filters;
	else
		return false;
	view->cursor = view->top = 0;
	view->at = RADDR_NULL;
	board_refresh(board);
	return true;
}

bool list_difference(const struct board *board)
{
	return board->difference && board->mark;
}

void list_add_count(struct text *ret, uint64_t count)
{
	char figure[UNITS_MAX];
	units_count(figure, count);
	text_add(ret, figure);
}

void list_add_bytes(struct text *ret, uint64_t bytes)
{
	char figure[UNITS_MAX];
	units_bytes_short(figure, bytes);
	text_add(ret, figure);
}

void list_add_change(struct text *ret, uint64_t before, uint64_t now)
{
	char figure[UNITS_MAX];
	units_count(figure, now > before ? now - before : before - now);
	text_addf(ret, "%s%s", now > before ? "+" : now < before ? "-" : "", figure);
}

void list_add_bytes_change(struct text *ret, uint64_t before, uint64_t now)
{
	char figure[UNITS_MAX];
	units_bytes_short(figure, now > before ? now - before : before - now);
	text_addf(ret, "%s%s", now > before ? "+" : now < before ? "-" : "", figure);
}
