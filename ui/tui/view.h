/*
 * view: a screen is a table of functions over one small state.
 *
 * What all screens share (cursor, scrolling, sorting, the stack of opened ones,
 * search) is written once, in board and list; a new screen is a new table in a
 * file of its own.
 */
#ifndef UI_TUI_VIEW_H
#define UI_TUI_VIEW_H

#include "base/text.h"
#include "inspector/inspector.h"
#include "ui/tui/canvas.h"
#include "ui/tui/keys.h"
#include "ui/tui/picture.h"

struct board;
struct view;

struct view_ops {
	const char *name;         /* of files that it is exported to: "arenas" */
	const char *title;        /* of its tab; NULL: it is opened from another screen */
	const char *keys;         /* the footer's text */
	const char *segment_keys; /* the same where segments are shown; NULL: the same keys */
	unsigned sort;            /* column of the list that it is sorted by at first */

	/* The picture, the filter or the order changed: makes the rows anew. */
	struct error *(*refresh)(struct board *board, struct view *view)MUST_CHECK;
	/* Draws, and learns what fits: columns, page. */
	void (*draw)(const struct board *board, struct view *view, const struct area *area);
	/* One line on what the cursor is on. */
	void (*hint)(const struct board *board, const struct view *view, struct text *ret);
	/* Answers a request; false: it is none of this screen's. */
	bool (*request)(struct board *board, struct view *view, enum request request);
	/* Address of what the cursor is on; null: of nothing. NULL: its rows have none. */
	raddr (*locate)(const struct board *board, const struct view *view);
	/* Puts the cursor on the thing that holds an address; false: it is not here. NULL: cannot. */
	bool (*show)(struct board *board, struct view *view, raddr address);
};

struct view {
	const struct view_ops *ops;
	raddr subject;  /* the arena, pool or leaf it shows; null where it shows all */
	size_t count;   /* rows of a list, cells of a grid */
	size_t cursor;  /* < count, or 0 */
	size_t top;     /* first row (of cells) shown */
	size_t columns; /* cells a row; 1 in a list */
	size_t page;    /* rows that fit, as of the last draw */
	raddr at;       /* what the cursor is on: it follows that when rows move */
	unsigned sort;  /* column */
	bool reversed;
	unsigned filter;
	VEC(size_t) rows;               /* lists: indexes in what is listed, in order */
	struct occupancy_map map;       /* overview */
	struct pymalloc_blocks blocks;  /* pool */
	struct inspector_object object; /* object; */
	bool asked;                     /* it was asked for */
};

extern const struct view_ops view_overview;
extern const struct view_ops view_ledger;
extern const struct view_ops view_leaf;
extern const struct view_ops view_malloc;
extern const struct view_ops view_arenas;
extern const struct view_ops view_classes;
extern const struct view_ops view_arena;
extern const struct view_ops view_pool;
extern const struct view_ops view_types;
extern const struct view_ops view_pins;
extern const struct view_ops view_object;
extern const struct view_ops view_help;

/* Moves the cursor; false: not a request for moving. Up and down go by rows of `columns`. */
bool view_move(struct view *view, enum request request);

/* Scrolls so that the cursor is on one of the `page` rows. */
void view_scroll(struct view *view);

/* Frees what the state holds. */
void view_fini(struct view *view);

#endif
