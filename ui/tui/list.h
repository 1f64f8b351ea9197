/*
 * list: a table on the screen. Its columns are data: what to print, and a number
 * to sort by. Drawing, sorting and the keys for it are the same for all lists.
 */
#ifndef UI_TUI_LIST_H
#define UI_TUI_LIST_H

#include "ui/tui/board.h"

struct list_column {
	const char *title; /* in pymalloc's words: see occupancy_word() */
	int width;      /* at least: names (left, ascending) at the end take the rest of the line */
	bool left;      /* aligned; numbers are to the right */
	bool ascending; /* as it is first sorted */
	/* Whether it is there at all; NULL: always. */
	bool (*shown)(const struct board *board);
	/* The text of a row, or NULL with paint. */
	void (*text)(const struct board *board, size_t row, struct text *ret);
	/* Draws a row's cell instead. */
	void (*paint)(const struct board *board, size_t row, const struct area *cell);
	/* What it is sorted by. */
	int64_t (*key)(const struct board *board, size_t row);
};

struct list {
	const struct list_column *columns; /* the most telling ones first: the right ones are cut */
	size_t n_columns;
	/* Whether the view's filter lets a row through; NULL: there is none. */
	bool (*passes)(const struct board *board, const struct view *view, size_t row);
	/* What a row is found again by when rows move; NULL: by nothing. */
	raddr (*address)(const struct board *board, size_t row);
};

/*
 * Makes view->rows anew: of the first `n` those that pass, ordered by the view's column; equal rows stay in order of their
 * index. ERROR_RESOURCE.
 */
struct error *list_fill(const struct board *board, struct view *view, const struct list *list,
			size_t n) MUST_CHECK;

/* The address of the row that the cursor is on; null: there are no rows. */
raddr list_locate(const struct board *board, const struct view *view, const struct list *list);

/* Puts the cursor on the row with that address; false: there is none. */
bool list_show(const struct board *board, struct view *view, const struct list *list,
	       raddr address);

/* Title line at y 0 of the area, rows below. */
void list_draw(const struct board *board, struct view *view, const struct list *list,
	       const struct area *area);

/* The keys s < > f; with `n_filters` above 0 f goes through that many. False: another request. */
bool list_request(struct board *board, struct view *view, const struct list *list,
		  enum request request, unsigned n_filters);

/* Whether the tables show the difference to a baseline: a list_column.shown. */
bool list_difference(const struct board *board);

/* A cell's figure: "12,345", "1.15G". */
void list_add_count(struct text *ret, uint64_t count);
void list_add_bytes(struct text *ret, uint64_t bytes);

/* "+1,402", "-12", "0" */
void list_add_change(struct text *ret, uint64_t before, uint64_t now);

/* "+1.2M", "-900K", "0" */
void list_add_bytes_change(struct text *ret, uint64_t before, uint64_t now);

#endif
