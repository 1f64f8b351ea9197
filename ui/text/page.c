/*
 * page: columns are counted in characters, not bytes, since foreign text and the
 * bars' glyphs are not ASCII; lines break only at spaces, so that a path or an
 * address stays whole for copying.
 */
#include "ui/text/page.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

void page_addf(struct page *page, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	text_addv(page->text, format, args);
	va_end(args);
}

void page_inkf(struct page *page, enum ink ink, const char *format, ...)
{
	va_list args;
	text_add(page->text, style_ink(page->style, ink));
	va_start(args, format);
	text_addv(page->text, format, args);
	va_end(args);
	text_add(page->text, style_ink_end(page->style, ink));
}

void page_end(struct page *page)
{
	struct text *text = page->text;
	while (text->length && text->data[text->length - 1] == ' ')
		text->length--;
	text_add(text, "\n");
}

int page_amount_width(const struct page *page)
{
	if (page->style->units == UNITS_AUTO)
		return 9;
	return page->style->width < 60 ? 11 : 15;
}

void page_amount(struct page *page, int width, uint64_t bytes)
{
	char amount[UNITS_MAX];
	units_amount(amount, page->style->units, bytes);
	page_addf(page, "%*s", width, amount);
}

/* Bytes of the character at s, and its columns. */
static size_t character(const char *s, size_t size, size_t *ret_columns)
{
	size_t length = text_utf8_length(s, size);
	wchar_t wide = 0;
	mbstate_t state = {0};
	int columns = length > 1 && mbrtowc(&wide, s, length, &state) == length ? wcwidth(wide) : 1;
	*ret_columns = columns < 0 ? 1 : (size_t)columns;
	return length ? length : 1;
}

size_t page_columns(const char *string)
{
	size_t columns = 0;
	for (size_t size = strlen(string); size;) {
		size_t wide;
		size_t length = character(string, size, &wide);
		columns += wide;
		string += length;
		size -= length;
	}
	return columns;
}

void page_escape(struct text *to, const struct style *style, const char *string)
{
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	text_add_escaped(&safe, string, strlen(string));
	to->failed |= safe.failed;
	for (const char *c = text_string(&safe); *c; c++) {
		if (style->ascii && (unsigned char)*c >= 0x80)
			text_addf(to, "\\x%02x", (unsigned char)*c);
		else
			text_add_char(to, *c, 1);
	}
}

void page_quote(struct text *to, const char *string)
{
	/* A piece that ends with its backslash shows no escape, so that one is left as it is. */
	while (*string) {
		size_t length = strcspn(string, "\\");
		length += string[length] == '\\';
		text_add_escaped(to, string, length);
		string += length;
	}
}

void page_foreign(struct page *page, const char *string, size_t width)
{
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	page_escape(&safe, page->style, string);
	const char *at = text_string(&safe);
	bool fits = page_columns(at) <= width;
	size_t room = fits ? width : size_subtract(width, 3);
	while (*at) {
		size_t columns;
		size_t length = character(at, strlen(at), &columns);
		if (columns > room)
			break;
		text_add_bytes(page->text, at, length);
		at += length;
		room -= columns;
	}
	page->text->failed |= safe.failed;
	if (!fits)
		text_add(page->text, "...");
}

static bool is_unit(const char *word, size_t length)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
					    "%", "ms",  "s",   "min", "h",   "d",   "bytes"};
	while (length && strchr(",.;:)", word[length - 1]))
		length--;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i]) == length && memcmp(units[i], word, length) == 0)
			return true;
	}
	return false;
}

/* Bytes up to the next place for a break: the next space, but not the one inside "6.8 ms". */
static size_t unbroken(const char *string)
{
	size_t length = strcspn(string, " ");
	if (!length || !isdigit((unsigned char)string[length - 1]) || string[length] != ' ')
		return length;
	size_t next = strcspn(string + length + 1, " ");
	return is_unit(string + length + 1, next) ? length + 1 + next : length;
}

void page_wrap(struct page *page, enum ink ink, unsigned first, unsigned rest, const char *string)
{
	size_t column = first;
	bool empty_line = true;
	text_add_char(page->text, ' ', first);
	text_add(page->text, style_ink(page->style, ink));
	while (*string) {
		size_t length = unbroken(string);
		char word[512];
		snprintf(word, sizeof(word), "%.*s", (int)size_min(length, 511), string);
		size_t columns = page_columns(word);
		if (!empty_line && column + 1 + columns > page->style->width) {
			text_add(page->text, "\n");
			text_add_char(page->text, ' ', rest);
			column = rest;
			empty_line = true;
		}
		text_add_char(page->text, ' ', !empty_line);
		text_add_bytes(page->text, string, length);
		column += columns + !empty_line;
		empty_line = false;
		string += length + strspn(string + length, " ");
	}
	text_add(page->text, style_ink_end(page->style, ink));
	text_add(page->text, "\n");
}

void page_heading(struct page *page, const char *title, const char *meaning)
{
	unsigned indent = (unsigned)strlen(title) + 2;
	page_addf(page, "\n");
	page_inkf(page, INK_STRONG, "%s", title);
	page_addf(page, "  ");
	/* The title stands already where the paragraph's first indent would be. */
	_cleanup_(text_fini) struct text paragraph = TEXT_EMPTY;
	struct page inner = {&paragraph, page->style};
	page_wrap(&inner, INK_DIM, indent, 2, meaning);
	page->text->failed |= paragraph.failed;
	text_add(page->text, text_string(&paragraph) + size_min(indent, paragraph.length));
}

/* Columns of one part: rounded, one at least of something, never more than are left. */
static unsigned bar_columns(uint64_t amount, uint64_t whole, unsigned width, unsigned left)
{
	if (!amount || !whole)
		return 0;
	double share = (double)amount / (double)whole * width;
	unsigned columns = share < 1 ? 1 : (unsigned)(share < width ? share + 0.5 : width);
	return columns < left ? columns : left;
}

void page_bar(struct page *page, const struct page_part *parts, size_t n_parts, uint64_t whole,
	      unsigned width)
{
	unsigned left = width, waiting = 0;
	for (size_t i = 0; i < n_parts; i++)
		waiting += parts[i].amount > 0;
	for (size_t i = 0; i < n_parts; i++) {
		/* Each part that is still to come keeps a column. */
		waiting -= parts[i].amount > 0;
		unsigned room = left > waiting ? left - waiting : left;
		unsigned columns = bar_columns(parts[i].amount, whole, width, room);
		left -= columns;
		text_add(page->text, style_ink(page->style, parts[i].ink));
		while (columns--)
			text_add(page->text, style_bar_glyph(page->style, parts[i].ink));
		text_add(page->text, style_ink_end(page->style, parts[i].ink));
	}
	text_add_char(page->text, ' ', left);
}
