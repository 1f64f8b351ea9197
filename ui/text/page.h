/*
 * page: a text being laid out for one reader's screen.
 *
 * All that is added fails like text does: once, seen at the end.
 */
#ifndef UI_PAGE_H
#define UI_PAGE_H

#include "base/text.h"
#include "ui/text/style.h"

#include <stdint.h>

struct page {
	struct text *text;         /* borrowed */
	const struct style *style; /* borrowed */
};

/* Our own words, as they are. */
void page_addf(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same in an ink. */
void page_inkf(struct page *page, enum ink ink, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the line; blanks at its end are taken back. */
void page_end(struct page *page);

/* Columns of a table for amounts: in bytes enough for 100 GB, or for 1 GB on a narrow page. */
int page_amount_width(const struct page *page);

/* An amount of bytes in the units asked for, right-aligned in `width` columns. */
void page_amount(struct page *page, int width, uint64_t bytes);

/* Foreign text, made safe for the screen; cut with "..." behind `width` columns. */
void page_foreign(struct page *page, const char *string, size_t width);

/* Foreign text made safe, whole, for use inside page_wrap()'s paragraph. */
void page_escape(struct text *to, const struct style *style, const char *string);

/* A line of ours that may quote foreign text, escaped already or not: made safe, not escaped twice. */
void page_quote(struct text *to, const char *string);

/*
 * A paragraph, broken at spaces (but not between a figure and its unit) into lines of the page's
 * width, the first indented by `first` columns, the others by `rest`; ends with a newline. `string`
 * is our own words and escaped text.
 */
void page_wrap(struct page *page, enum ink ink, unsigned first, unsigned rest, const char *string);

/* "SIZE CLASSES  what it means", preceded by an empty line; `meaning` wraps below itself. */
void page_heading(struct page *page, const char *title, const char *meaning);

struct page_part {
	uint64_t amount;
	enum ink ink;
};

/* A bar of `width` columns for `whole`; a part that is not nothing gets a column at least. */
void page_bar(struct page *page, const struct page_part *parts, size_t n_parts, uint64_t whole,
	      unsigned width);

/* Columns that a text takes on a screen: control sequences none, a character mostly one. */
size_t page_columns(const char *string);

#endif
