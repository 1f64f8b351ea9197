/* view: moving in a grid of `columns` by as many rows as there are; a list is a grid of one column. */
#include "ui/tui/view.h"

#include "base/size.h"

static size_t columns_of(const struct view *view)
{
	return view->columns ? view->columns : 1;
}

static void cursor_back(struct view *view, size_t cells)
{
	size_t columns = columns_of(view);
	if (cells > view->cursor)
		cells = cells < columns ? view->cursor : view->cursor - view->cursor % columns;
	view->cursor -= cells;
}

static void cursor_forth(struct view *view, size_t cells)
{
	size_t columns = columns_of(view), left = view->count - 1 - view->cursor;
	if (cells > left)
		cells = columns == 1 || cells < columns ? left : left / columns * columns;
	view->cursor += cells;
}

bool view_move(struct view *view, enum request request)
{
	size_t columns = columns_of(view);
	size_t page = columns * (view->page > 1 ? view->page - 1 : 1);
	if (request < REQUEST_UP || request > REQUEST_LAST)
		return false;
	if (!view->count)
		return true;
	if (request == REQUEST_UP && view->cursor >= columns)
		view->cursor -= columns;
	else if (request == REQUEST_DOWN && view->count - 1 - view->cursor >= columns)
		view->cursor += columns;
	else if (request == REQUEST_LEFT && columns > 1)
		cursor_back(view, 1);
	else if (request == REQUEST_RIGHT && columns > 1)
		cursor_forth(view, 1);
	else if (request == REQUEST_PAGE_UP)
		cursor_back(view, page);
	else if (request == REQUEST_PAGE_DOWN)
		cursor_forth(view, page);
	else if (request == REQUEST_FIRST)
		view->cursor = 0;
	else if (request == REQUEST_LAST)
		view->cursor = view->count - 1;
	return true;
}

void view_scroll(struct view *view)
{
	size_t columns = columns_of(view), page = view->page ? view->page : 1;
	size_t rows = (view->count + columns - 1) / columns;
	if (view->cursor >= view->count)
		view->cursor = view->count ? view->count - 1 : 0;
	size_t row = view->cursor / columns;
	if (view->top + page > rows)
		view->top = rows > page ? rows - page : 0;
	if (row < view->top)
		view->top = row;
	if (row >= view->top + page)
		view->top = row - page + 1;
}

void view_fini(struct view *view)
{
	vec_fini(&view->rows);
	occupancy_map_fini(&view->map);
	pymalloc_blocks_fini(&view->blocks);
	inspector_object_fini(&view->object);
	*view = (struct view){.ops = view->ops};
}
