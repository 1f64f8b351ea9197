/*
 * canvas: cells of one column each, row by row.
 *
 *	width ──►
 *	┌───┬───┬───┬───┐
 *	│ a │ 漢│   │ b │   a wide glyph owns the next cell too: its glyph is ""
 *	└───┴───┴───┴───┘
 *
 * Every write goes through cell_at(), the only place that knows about edges.
 */
#include "ui/tui/canvas.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

static const struct canvas_cell blank = {" ", STYLE_PLAIN, false, false};

static int within(int value, int low, int high)
{
	if (value < low)
		return low;
	return value > high ? high : value;
}

struct error *canvas_init(int width, int height, bool ascii, struct canvas *ret)
{
	struct canvas c = {within(width, 1, CANVAS_MAX), within(height, 1, CANVAS_MAX), ascii,
			   NULL};
	c.cells = calloc((size_t)c.width * (size_t)c.height, sizeof(*c.cells));
	if (!c.cells)
		return error_out_of_memory();
	canvas_clear(&c);
	*ret = c;
	return NULL;
}

void canvas_fini(struct canvas *c)
{
	free(c->cells);
	*c = CANVAS_EMPTY;
}

void canvas_clear(struct canvas *c)
{
	size_t n = (size_t)c->width * (size_t)c->height;
	for (size_t i = 0; i < n; i++)
		c->cells[i] = blank;
}

void canvas_to_text(const struct canvas *c, struct text *ret)
{
	for (int y = 0; y < c->height; y++) {
		const struct canvas_cell *row = &c->cells[(size_t)y * (size_t)c->width];
		int used = c->width;
		while (used && !strcmp(row[used - 1].glyph, " "))
			used--;
		for (int x = 0; x < used; x++)
			text_add(ret, row[x].glyph);
		text_add(ret, "\n");
	}
}

struct area area_whole(struct canvas *c)
{
	return (struct area){c, 0, 0, c->width, c->height};
}

struct area area_part(const struct area *a, int x, int y, int width, int height)
{
	int left = within(x, 0, a->width), top = within(y, 0, a->height);
	return (struct area){
		a->canvas,
		a->x + left,
		a->y + top,
		within(width, 0, a->width - left),
		within(height, 0, a->height - top),
	};
}

static struct canvas_cell *cell_at(const struct area *a, int x, int y)
{
	if (x < 0 || y < 0 || x >= a->width || y >= a->height)
		return NULL;
	return &a->canvas
			->cells[(size_t)(a->y + y) * (size_t)a->canvas->width + (size_t)(a->x + x)];
}

static void put(const struct area *a, int x, int y, enum style style, const char *glyph,
		size_t length)
{
	struct canvas_cell *cell = cell_at(a, x, y);
	if (!cell || length >= sizeof(cell->glyph))
		return;
	*cell = (struct canvas_cell){.style = (uint8_t)style};
	memcpy(cell->glyph, glyph, length);
}

/* Code points that take no column of their own, and those that take two: ranges of Unicode 15's
 * combining marks and of East Asian Width W and F, coarsely. What a terminal draws otherwise only
 * shifts that one line. */
struct point_range {
	uint32_t first, last;
	int columns;
};

static const struct point_range odd_points[] = {
	{0x0300, 0x036f, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05bd, 0},   {0x0610, 0x061a, 0},
	{0x064b, 0x065f, 0},   {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},
	{0x20d0, 0x20ff, 0},   {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xa960, 0xa97c, 2},
	{0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},
	{0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
	{0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
};

static int point_columns(const char *glyph, size_t length)
{
	if (length < 2)
		return 1;
	uint32_t point = (unsigned char)glyph[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++)
		point = point << 6 | ((unsigned char)glyph[i] & 0x3f);
	for (size_t i = 0; i < ARRAY_SIZE(odd_points); i++)
		if (point >= odd_points[i].first && point <= odd_points[i].last)
			return odd_points[i].columns;
	return 1;
}

/* The next glyph of a text: its bytes and columns; what is not UTF-8 counts as one '?'. */
static size_t glyph_next(const char *text, int *ret_columns)
{
	size_t length = text_utf8_length(text, strlen(text));
	*ret_columns = length ? point_columns(text, length) : 1;
	return length;
}

int canvas_columns(const char *text)
{
	int columns = 0;
	while (*text) {
		int wide;
		size_t length = glyph_next(text, &wide);
		columns += wide;
		text += length ? length : 1;
	}
	return columns;
}

int area_text(const struct area *a, int x, int y, enum style style, const char *text)
{
	while (*text && x < a->width) {
		int columns;
		size_t length = glyph_next(text, &columns);
		bool shown = length == 1 || (length && !a->canvas->ascii);
		if (columns && x + columns <= a->width) {
			put(a, x, y, style, shown ? text : "?", shown ? length : 1);
			if (columns == 2)
				put(a, x + 1, y, style, shown ? "" : " ", shown ? 0 : 1);
		}
		x += columns;
		text += length ? length : 1;
	}
	return x;
}

int area_textf(const struct area *a, int x, int y, enum style style, const char *format, ...)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	va_list args;
	va_start(args, format);
	text_addv(&line, format, args);
	va_end(args);
	return area_text(a, x, y, style, text_string(&line));
}

int area_text_right(const struct area *a, int end, int y, enum style style, const char *text)
{
	int x = end - canvas_columns(text);
	area_text(a, x, y, style, text);
	return x;
}

int area_foreign(const struct area *a, int x, int y, int width, enum style style,
		 const char *foreign)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_add_escaped(&line, foreign, strlen(foreign));
	struct area part = area_part(a, x, y, width, 1);
	int end = area_text(&part, 0, 0, style, text_string(&line));
	if (canvas_columns(text_string(&line)) > part.width)
		area_glyph(&part, part.width - 1, 0, style, GLYPH_ELLIPSIS, 1);
	return x + within(end, 0, part.width);
}

/* Bytes of the text's start that fit into `width` columns, broken at a space where one is near. */
static size_t line_length(const char *text, int width)
{
	size_t at = 0, space = 0;
	int columns = 0;
	while (text[at]) {
		int wide;
		size_t length = glyph_next(text + at, &wide);
		if (text[at] == ' ')
			space = at;
		if (columns + wide > width)
			return space ? space : (at ? at : length + !length);
		columns += wide;
		at += length ? length : 1;
	}
	return at;
}

int area_wrap(const struct area *a, int x, int y, int width, int lines, enum style style,
	      const char *text)
{
	struct area part = area_part(a, x, y, width, lines);
	int line = 0;
	for (; *text && line < part.height && part.width > 0; line++) {
		size_t length = line_length(text, part.width);
		_cleanup_(text_fini) struct text one = TEXT_EMPTY;
		text_add_bytes(&one, text, length);
		int end = area_text(&part, 0, line, style, text_string(&one));
		text += length;
		while (*text == ' ')
			text++;
		if (*text && line + 1 == part.height)
			area_glyph(&part, within(end, 0, part.width - 1), line, style,
				   GLYPH_ELLIPSIS, 1);
	}
	return line;
}

int area_glyph(const struct area *a, int x, int y, enum style style, enum glyph glyph, int times)
{
	const char *shape = theme_glyph(glyph, a->canvas->ascii);
	for (int i = 0; i < times; i++)
		put(a, x + i, y, style, shape, strlen(shape));
	return x + within(times, 0, CANVAS_MAX);
}

void area_rule(const struct area *a, int y)
{
	area_glyph(a, 0, y, STYLE_DIM, GLYPH_RULE, a->width);
}

void area_paint(const struct area *a, int y, enum style style)
{
	for (int x = 0; x < a->width; x++) {
		struct canvas_cell *cell = cell_at(a, x, y);
		if (cell && cell->style == STYLE_PLAIN)
			cell->style = (uint8_t)style;
	}
}

void area_mark(const struct area *a, int x, int y, bool bold, bool cursor)
{
	struct canvas_cell *cell = cell_at(a, x, y);
	if (!cell)
		return;
	cell->bold = cell->bold || bold;
	cell->cursor = cell->cursor || cursor;
}

/* Columns of the parts up to and including part i: cumulative rounding, so that the sum is right. */
static int bar_end(const struct bar_part *parts, size_t i, uint64_t total, int width)
{
	uint64_t sum = 0;
	for (size_t k = 0; k <= i; k++)
		sum = size_add(sum, parts[k].amount);
	return (int)((double)sum / (double)total * width + 0.5);
}

void area_bar(const struct area *a, int x, int y, int width, const struct bar_part *parts, size_t n)
{
	uint64_t total = 0;
	for (size_t i = 0; i < n; i++)
		total = size_add(total, parts[i].amount);
	int at = 0, later = 0; /* parts that still need a column */
	for (size_t i = 0; i < n; i++)
		later += parts[i].amount > 0;
	for (size_t i = 0; total && i < n; i++) {
		int end = bar_end(parts, i, total, width);
		later -= parts[i].amount > 0;
		if (parts[i].amount && end <= at)
			end = at + 1;
		end = within(within(end, 0, width - later), at, width);
		area_glyph(a, x + at, y, parts[i].style, parts[i].glyph, end - at);
		at = end;
	}
}

/* The greatest of the values that column i of `width` stands for. */
static uint64_t spark_value(const uint64_t *values, size_t n, int i, int width)
{
	size_t first = (size_t)i * n / (size_t)width;
	size_t end = ((size_t)i + 1) * n / (size_t)width;
	uint64_t most = 0;
	for (size_t k = first; k < end; k++)
		most = size_max(most, values[k]);
	return most;
}

void area_sparkline(const struct area *a, int x, int y, int width, enum style style,
		    const uint64_t *values, size_t n)
{
	uint64_t least = UINT64_MAX, most = 0;
	if (!n || width <= 0)
		return;
	for (size_t i = 0; i < n; i++) {
		least = size_min(least, values[i]);
		most = size_max(most, values[i]);
	}
	if (most - least < most / 20) { /* noise stays small, in the middle */
		uint64_t centre = least + (most - least) / 2;
		least = centre - most / 40;
		most = centre + most / 40;
	}
	int shown = n < (size_t)within(width, 0, CANVAS_MAX) ? (int)n : width;
	for (int i = 0; i < shown; i++) {
		uint64_t value = size_max(spark_value(values, n, i, shown), least);
		double height = most > least ? (double)(value - least) / (double)(most - least) : 0;
		enum glyph glyph = (enum glyph)(GLYPH_SPARK + (int)(height * 7 + 0.5));
		area_glyph(a, x + width - shown + i, y, style, glyph, 1);
	}
}
