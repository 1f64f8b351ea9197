/*
 * theme: two tables, one of glyphs and one of colours.
 *
 * The map goes from calm to hot: well-used memory is quiet green and blue, the
 * nearly empty arenas that some blocks pin are orange, the colour the eye finds.
 */
#include "ui/tui/theme.h"

struct glyph_pair {
	const char *unicode, *ascii;
};

static const struct glyph_pair glyphs[GLYPH_COUNT] = {
	[GLYPH_RULE] = {"─", "-"},       [GLYPH_MARKER] = {"►", ">"},
	[GLYPH_ELLIPSIS] = {"…", "~"},   [GLYPH_RISING] = {"▲", "^"},
	[GLYPH_FALLING] = {"▼", "v"},    [GLYPH_LIVE] = {"█", "#"},
	[GLYPH_KEPT] = {"░", "."},       [GLYPH_OVERHEAD] = {"o", "o"},
	[GLYPH_CACHED] = {"▒", "m"},     [GLYPH_FILES] = {"▓", "f"},
	[GLYPH_SHARED] = {"=", "s"},     [GLYPH_UNKNOWN] = {"?", "?"},
	[GLYPH_REST] = {"·", "-"},       [GLYPH_UNREAD] = {"?", "?"},
	[GLYPH_EMPTY] = {"·", "_"},      [GLYPH_PINNED] = {"░", "."},
	[GLYPH_LOW] = {"▒", ":"},        [GLYPH_MIDDLE] = {"▓", "+"},
	[GLYPH_HIGH] = {"█", "#"},       [GLYPH_SWAPPED] = {"~", "~"},
	[GLYPH_GREW] = {"+", "+"},       [GLYPH_SHRANK] = {"-", "-"},
	[GLYPH_SAME] = {"·", "."},       [GLYPH_BLOCK_USED] = {"█", "#"},
	[GLYPH_BLOCK_FREE] = {"░", "."}, [GLYPH_BLOCK_VIRGIN] = {"·", "_"},
	[GLYPH_BAR_FULL] = {"█", "#"},   [GLYPH_BAR_REST] = {"░", "."},
	[GLYPH_SPARK] = {"▁", "_"},      [GLYPH_SPARK + 1] = {"▂", "."},
	[GLYPH_SPARK + 2] = {"▃", ":"},  [GLYPH_SPARK + 3] = {"▄", "-"},
	[GLYPH_SPARK + 4] = {"▅", "="},  [GLYPH_SPARK + 5] = {"▆", "+"},
	[GLYPH_SPARK + 6] = {"▇", "*"},  [GLYPH_SPARK + 7] = {"█", "#"},
};

const char *theme_glyph(enum glyph glyph, bool ascii)
{
	return ascii ? glyphs[glyph].ascii : glyphs[glyph].unicode;
}

#define NONE THEME_DEFAULT

static const struct theme_look looks[STYLE_COUNT] = {
	[STYLE_PLAIN] = {NONE, NONE, NONE, NONE, false, false, false},
	[STYLE_DIM] = {245, NONE, NONE, NONE, false, true, false},
	[STYLE_STRONG] = {NONE, NONE, NONE, NONE, true, false, false},
	[STYLE_TITLE] = {75, NONE, 6, NONE, true, false, false},
	[STYLE_BAR] = {252, 236, 7, 4, false, false, false},
	[STYLE_TAB] = {16, 75, 0, 6, true, false, true},
	[STYLE_ALERT] = {231, 160, 7, 1, true, false, true},
	[STYLE_VERDICT] = {223, NONE, 3, NONE, true, false, false},
	[STYLE_LIVE] = {71, NONE, 2, NONE, false, false, false},
	[STYLE_KEPT] = {208, NONE, 3, NONE, false, false, false},
	[STYLE_OVERHEAD] = {67, NONE, 4, NONE, false, false, false},
	[STYLE_REST] = {245, NONE, NONE, NONE, false, false, false},
	[STYLE_CACHED] = {176, NONE, 5, NONE, false, false, false},
	[STYLE_FILES] = {67, NONE, 4, NONE, false, false, false},
	[STYLE_SHARED] = {73, NONE, 6, NONE, false, false, false},
	[STYLE_UNKNOWN] = {245, NONE, NONE, NONE, false, false, false},
	[STYLE_UNREAD] = {213, NONE, 5, NONE, false, false, false},
	[STYLE_EMPTY] = {240, NONE, 4, NONE, false, false, false},
	[STYLE_PINNED] = {208, NONE, 1, NONE, false, false, false},
	[STYLE_LOW] = {178, NONE, 3, NONE, false, false, false},
	[STYLE_MIDDLE] = {73, NONE, 6, NONE, false, false, false},
	[STYLE_HIGH] = {71, NONE, 2, NONE, false, false, false},
	[STYLE_SWAPPED] = {213, NONE, 5, NONE, false, false, false},
	[STYLE_GREW] = {203, NONE, 1, NONE, true, false, false},
	[STYLE_SHRANK] = {78, NONE, 2, NONE, true, false, false},
};

const struct theme_look *theme_look(enum style style)
{
	return &looks[style];
}

enum style theme_occupancy_style(enum occupancy_class class)
{
	static const enum style styles[OCCUPANCY_CLASS_COUNT] = {
		STYLE_UNREAD, STYLE_EMPTY, STYLE_PINNED, STYLE_LOW, STYLE_MIDDLE, STYLE_HIGH,
	};
	return styles[class];
}

enum glyph theme_occupancy_glyph(enum occupancy_class class)
{
	static const enum glyph shapes[OCCUPANCY_CLASS_COUNT] = {
		GLYPH_UNREAD, GLYPH_EMPTY, GLYPH_PINNED, GLYPH_LOW, GLYPH_MIDDLE, GLYPH_HIGH,
	};
	return shapes[class];
}
