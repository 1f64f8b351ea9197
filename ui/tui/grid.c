/* grid: powers of two a row, since pools and blocks come in them: what repeats stands below itself. */
#include "ui/tui/grid.h"

size_t grid_columns(const struct area *area, int width)
{
	size_t columns = 1;
	while ((int)(columns * 2) * width <= area->width && columns < CANVAS_MAX)
		columns *= 2;
	return columns;
}

void grid_draw(const struct board *board, struct view *view, const struct area *area, int width,
	       size_t columns, grid_cell_fn *cell)
{
	view->columns = columns;
	view->page = area->height > 0 ? (size_t)area->height : 1;
	view_scroll(view);
	size_t first = view->top * columns;
	for (size_t i = 0; i < view->page * columns && first + i < view->count; i++) {
		int x = (int)(i % columns) * width, y = (int)(i / columns);
		cell(board, view, first + i, area, x, y);
		for (int k = 0; first + i == view->cursor && k < (width > 1 ? width - 1 : 1); k++)
			area_mark(area, x + k, y, false, true);
	}
}
