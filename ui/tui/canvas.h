/*
 * canvas: a screen in memory. Views draw on it; a test compares it with a text,
 * a terminal gets it copied.
 *
 * Drawing goes through an area, a rectangle of the canvas with its own origin.
 * What falls outside is not drawn: no caller needs to check a size.
 */
#ifndef UI_TUI_CANVAS_H
#define UI_TUI_CANVAS_H

#include "base/error.h"
#include "base/text.h"
#include "ui/tui/theme.h"

struct canvas_cell {
	char glyph[5]; /* UTF-8, NUL-terminated; "": right half of a wide glyph */
	uint8_t style; /* enum style */
	bool bold;     /* it changed */
	bool cursor;   /* the cursor is here */
};

struct canvas {
	int width, height; /* columns, lines */
	bool ascii;        /* draw with ASCII only; what else comes becomes '?' */
	struct canvas_cell *cells;
};

#define CANVAS_EMPTY ((struct canvas){0, 0, false, NULL})
#define CANVAS_MAX   1000 /* columns or lines: what is larger is cut */

/* A blank canvas; sizes below 1 are taken as 1. ERROR_RESOURCE. */
struct error *canvas_init(int width, int height, bool ascii, struct canvas *ret) MUST_CHECK;
void canvas_fini(struct canvas *c);
void canvas_clear(struct canvas *c);

/* The canvas as lines of text without trailing blanks, each ended by a newline. */
void canvas_to_text(const struct canvas *c, struct text *ret);

/* A rectangle of a canvas. */
struct area {
	struct canvas *canvas; /* borrowed */
	int x, y, width, height;
};

/* All of a canvas. */
struct area area_whole(struct canvas *c);

/* The part of an area at (x, y) of it, cut to what lies inside. */
struct area area_part(const struct area *a, int x, int y, int width, int height);

/* Text at (x, y), cut at the area's edge; returns the column after it. */
int area_text(const struct area *a, int x, int y, enum style style, const char *text);
int area_textf(const struct area *a, int x, int y, enum style style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same so that it ends before column `end`; returns the column where it began. */
int area_text_right(const struct area *a, int end, int y, enum style style, const char *text);

/* Foreign text, escaped, in at most `width` columns; what was cut ends with an ellipsis. */
int area_foreign(const struct area *a, int x, int y, int width, enum style style,
		 const char *foreign);

/* Words broken into lines of `width` columns at (x, y), at most `lines`; returns the lines used.
 * What does not fit ends with an ellipsis. */
int area_wrap(const struct area *a, int x, int y, int width, int lines, enum style style,
	      const char *text);

/* One glyph of the theme, `times` in a row; returns the column after it. */
int area_glyph(const struct area *a, int x, int y, enum style style, enum glyph glyph, int times);

/* A line over the whole width. */
void area_rule(const struct area *a, int y);

/* A style for the whole line y, over what is drawn there already. */
void area_paint(const struct area *a, int y, enum style style);

/* Marks the cell: changed, or under the cursor. */
void area_mark(const struct area *a, int x, int y, bool bold, bool cursor);

struct bar_part {
	uint64_t amount;
	enum style style;
	enum glyph glyph;
};

/* A bar of `width` columns shared out by amount; a part above 0 gets a column as long as there are
 * columns. The columns add up to `width` unless all amounts are 0. */
void area_bar(const struct area *a, int x, int y, int width, const struct bar_part *parts,
	      size_t n);

/* `width` columns of small bars, each the greatest value of its share of the n values, drawn
 * between the least and the greatest of all, or over 5 % of it: the newest at the right edge. */
void area_sparkline(const struct area *a, int x, int y, int width, enum style style,
		    const uint64_t *values, size_t n);

/* Columns that a text takes. */
int canvas_columns(const char *text);

#endif
