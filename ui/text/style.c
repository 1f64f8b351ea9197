/*
 * style: a picture must not need colours: every meaning has a glyph of its own,
 * and colour only repeats it.
 */
#include "ui/text/style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   40
#define WIDTH_MOST    200

/* secure_getenv: a program with more rights than its user takes no hints from him. */
static bool is_set(const char *name)
{
	const char *value = secure_getenv(name);
	return value && *value;
}

static bool wants_color(enum style_color asked, bool to_terminal)
{
	const char *force = secure_getenv("CLICOLOR_FORCE");
	const char *term = secure_getenv("TERM");
	if (asked != STYLE_COLOR_AUTO)
		return asked == STYLE_COLOR_ALWAYS;
	if (is_set("NO_COLOR"))
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return to_terminal && term && *term && strcmp(term, "dumb") != 0;
}

static unsigned width_asked(void)
{
	uint64_t columns = 0;
	const char *text = secure_getenv("COLUMNS");
	struct error *err = text ? units_parse_count(text, "COLUMNS", &columns) : NULL;
	error_free(err);
	return columns > 10000 ? 0 : (unsigned)columns;
}

static unsigned width_of(bool to_terminal)
{
	struct winsize size = {0};
	unsigned width = width_asked();
	if (!width && to_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (!width)
		width = WIDTH_DEFAULT;
	width = width < WIDTH_LEAST ? WIDTH_LEAST : width;
	return width > WIDTH_MOST ? WIDTH_MOST : width;
}

struct style style_of(enum style_color asked, bool ascii, enum units units, bool to_terminal)
{
	return (struct style){
		.color = wants_color(asked, to_terminal),
		.ascii = ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0,
		.width = width_of(to_terminal),
		.units = units,
	};
}

struct ink_look {
	const char *start; /* terminal sequence; the eight basic colours only */
	const char *bar, *ascii_bar;
};

static const struct ink_look inks[INK_COUNT] = {
	[INK_PLAIN] = {"", "█", "#"},
	[INK_STRONG] = {"\033[1m", "█", "#"},
	[INK_DIM] = {"\033[2m", "·", "-"},
	[INK_LIVE] = {"\033[32m", "█", "#"},
	[INK_KEPT] = {"\033[33m", "░", "."},
	[INK_OVERHEAD] = {"\033[36m", "o", "o"},
	[INK_ELSEWHERE] = {"\033[2m", "·", "-"},
	[INK_CACHED] = {"\033[35m", "▒", "m"},
	[INK_FILES] = {"\033[34m", "▓", "f"},
	[INK_SHARED] = {"\033[36m", "=", "s"},
	[INK_UNKNOWN] = {"\033[2m", "?", "?"},
	[INK_HOT] = {"\033[1;31m", "░", "."},
};

const char *style_ink(const struct style *style, enum ink ink)
{
	return style->color ? inks[ink].start : "";
}

const char *style_ink_end(const struct style *style, enum ink ink)
{
	return style->color && inks[ink].start[0] ? "\033[0m" : "";
}

const char *style_bar_glyph(const struct style *style, enum ink ink)
{
	return style->ascii ? inks[ink].ascii_bar : inks[ink].bar;
}

const char *style_glyph(const struct style *style, enum occupancy_class class)
{
	static const char *const glyphs[OCCUPANCY_CLASS_COUNT] = {
		[OCCUPANCY_UNREAD] = "?", [OCCUPANCY_EMPTY] = "·",  [OCCUPANCY_PINNED] = "░",
		[OCCUPANCY_LOW] = "▒",    [OCCUPANCY_MIDDLE] = "▓", [OCCUPANCY_HIGH] = "█",
	};
	static const char *const ascii[OCCUPANCY_CLASS_COUNT] = {
		[OCCUPANCY_UNREAD] = "?", [OCCUPANCY_EMPTY] = "_",  [OCCUPANCY_PINNED] = ".",
		[OCCUPANCY_LOW] = ":",    [OCCUPANCY_MIDDLE] = "+", [OCCUPANCY_HIGH] = "#",
	};
	return style->ascii ? ascii[class] : glyphs[class];
}

enum ink style_glyph_ink(enum occupancy_class class)
{
	static const enum ink by_class[OCCUPANCY_CLASS_COUNT] = {
		[OCCUPANCY_UNREAD] = INK_DIM,   [OCCUPANCY_EMPTY] = INK_DIM,
		[OCCUPANCY_PINNED] = INK_HOT,   [OCCUPANCY_LOW] = INK_KEPT,
		[OCCUPANCY_MIDDLE] = INK_PLAIN, [OCCUPANCY_HIGH] = INK_LIVE,
	};
	return by_class[class];
}
