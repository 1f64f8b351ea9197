/*
 * style: what the reader's screen can show: width, colours, Unicode or not.
 */
#ifndef UI_STYLE_H
#define UI_STYLE_H

#include "ui/occupancy.h"
#include "ui/text/units.h"

#include <stdbool.h>

enum style_color { STYLE_COLOR_AUTO, STYLE_COLOR_ALWAYS, STYLE_COLOR_NEVER };

struct style {
	bool color;
	bool ascii;     /* only 7-bit characters: asked for, or the locale is not UTF-8 */
	unsigned width; /* columns of a line, 40 to 200 */
	enum units units;
};

/*
 * Decides by what was asked, by NO_COLOR, CLICOLOR_FORCE, TERM, COLUMNS and the locale (which the
 * program has set), and by whether the answer goes to a terminal.
 */
struct style style_of(enum style_color asked, bool ascii, enum units units, bool to_terminal);

/* A meaning, not a colour. */
enum ink {
	INK_PLAIN,
	INK_STRONG,    /* headings, the sentence that matters */
	INK_DIM,       /* what may be skipped */
	INK_LIVE,      /* in use */
	INK_KEPT,      /* free, but held */
	INK_OVERHEAD,  /* the allocator's own */
	INK_ELSEWHERE, /* not pymalloc's */
	INK_CACHED,    /* free, but kept by malloc */
	INK_FILES,
	INK_SHARED,
	INK_UNKNOWN, /* nobody can say what for */
	INK_HOT,     /* nearly empty but pinned: look here */
	INK_COUNT
};

/* The terminal's sequence that starts or ends an ink; "" without colour. Static strings. */
const char *style_ink(const struct style *style, enum ink ink);
const char *style_ink_end(const struct style *style, enum ink ink);

/* One column that stands for a piece of memory so full; and the ink it is written in. */
const char *style_glyph(const struct style *style, enum occupancy_class class);
enum ink style_glyph_ink(enum occupancy_class class);

/* One column that fills a bar's part of this ink. */
const char *style_bar_glyph(const struct style *style, enum ink ink);

#endif
