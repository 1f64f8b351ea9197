/* grid: one thing a cell, in rows; the cursor moves in two directions. */
#ifndef UI_TUI_GRID_H
#define UI_TUI_GRID_H

#include "ui/tui/board.h"

/* Draws cell `i` at (x, y) of the area, in the columns that a cell has. */
typedef void grid_cell_fn(const struct board *board, const struct view *view, size_t i,
			  const struct area *area, int x, int y);

/* Draws view->count cells of `width` columns each, `columns` a row, scrolled to the cursor. */
void grid_draw(const struct board *board, struct view *view, const struct area *area, int width,
	       size_t columns, grid_cell_fn *cell);

/* The greatest power of two of cells of `width` columns that fit beside each other; at least 1. */
size_t grid_columns(const struct area *area, int width);

#endif
