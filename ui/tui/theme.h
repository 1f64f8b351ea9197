/*
 * theme: what things look like. Views name a role; here it becomes a colour, an
 * attribute, a glyph. Every role also differs by its glyph, so that nothing is
 * lost without colours.
 */
#ifndef UI_TUI_THEME_H
#define UI_TUI_THEME_H

#include "ui/occupancy.h"

enum style {
	STYLE_PLAIN,
	STYLE_DIM,     /* legends, rules, what can be overlooked */
	STYLE_STRONG,  /* figures that matter */
	STYLE_TITLE,   /* head of a panel or column */
	STYLE_BAR,     /* header and footer lines */
	STYLE_TAB,     /* the screen that is shown */
	STYLE_ALERT,   /* errors, the target's end */
	STYLE_VERDICT, /* the sentence above the picture */
	STYLE_LIVE,    /* bytes in use */
	STYLE_KEPT,    /* free bytes that pymalloc keeps */
	STYLE_OVERHEAD,
	STYLE_REST,   /* what is not pymalloc's */
	STYLE_CACHED, /* free bytes that malloc keeps */
	STYLE_FILES,
	STYLE_SHARED,
	STYLE_UNKNOWN,
	STYLE_UNREAD,
	STYLE_EMPTY,
	STYLE_PINNED, /* the hot one: nearly empty, but kept */
	STYLE_LOW,
	STYLE_MIDDLE,
	STYLE_HIGH,
	STYLE_SWAPPED,
	STYLE_GREW,
	STYLE_SHRANK,
	STYLE_COUNT
};

enum glyph {
	GLYPH_RULE,
	GLYPH_MARKER,   /* before the verdict */
	GLYPH_ELLIPSIS, /* text was cut here */
	GLYPH_RISING,   /* sorted upwards */
	GLYPH_FALLING,
	GLYPH_LIVE,
	GLYPH_KEPT,
	GLYPH_OVERHEAD,
	GLYPH_REST,
	GLYPH_CACHED,
	GLYPH_FILES,
	GLYPH_SHARED,
	GLYPH_UNKNOWN,
	GLYPH_UNREAD,
	GLYPH_EMPTY,
	GLYPH_PINNED,
	GLYPH_LOW,
	GLYPH_MIDDLE,
	GLYPH_HIGH,
	GLYPH_SWAPPED,
	GLYPH_GREW,
	GLYPH_SHRANK,
	GLYPH_SAME,
	GLYPH_BLOCK_USED,
	GLYPH_BLOCK_FREE,
	GLYPH_BLOCK_VIRGIN,
	GLYPH_BAR_FULL,
	GLYPH_BAR_REST,
	GLYPH_SPARK, /* the first of eight, low to high */
	GLYPH_COUNT = GLYPH_SPARK + 8
};

/* UTF-8 of one column, or one ASCII character. */
const char *theme_glyph(enum glyph glyph, bool ascii);

#define THEME_DEFAULT (-1) /* the terminal's own colour */

struct theme_look {
	short fg256, bg256; /* xterm's palette */
	short fg8, bg8;     /* 0 black 1 red 2 green 3 yellow 4 blue 5 magenta 6 cyan 7 white */
	bool bold, dim, reverse;
};

/* The look of a role. Static. */
const struct theme_look *theme_look(enum style style);

/* How a piece of memory of that occupancy is drawn. */
enum style theme_occupancy_style(enum occupancy_class class);
enum glyph theme_occupancy_glyph(enum occupancy_class class);

#endif
