/*
 * ledger_table: figures first, so that they stand below each other; what a leaf is and what gives
 * it back follows and wraps below itself, or on a narrow page stands below.
 *
 *	  ▒  2.02 GiB   56 %  malloc.free_trimmable  freed: malloc_trim(0) gives it back …
 *	  ▓  31.2 MiB  0.9 %  file.text              code of the program and its libraries …
 *	     12.1 MiB           /usr/lib/libpython3.12.so.1.0
 */
#include "ui/report/ledger_table.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "ui/report/ledger_words.h"

#include <stdio.h>
#include <string.h>

#define KEY_WIDTH       21 /* malloc.free_trimmable */
#define MEANING_LEAST   24 /* columns; a narrower paragraph is no text any more */
#define DETAILS         3  /* of a leaf, unless told otherwise */
#define DETAILS_UNKNOWN 10

enum ink ledger_table_ink(enum ledger_part part)
{
	static const enum ink inks[LEDGER_PARTS] = {
		[LEDGER_LIVE] = INK_LIVE,       [LEDGER_HELD] = INK_KEPT,
		[LEDGER_CACHED] = INK_CACHED,   [LEDGER_OVERHEAD] = INK_OVERHEAD,
		[LEDGER_FILES] = INK_FILES,     [LEDGER_SHARED] = INK_SHARED,
		[LEDGER_UNKNOWN] = INK_UNKNOWN,
	};
	return inks[part];
}

static uint64_t swapped_of(const struct ledger_line *line)
{
	return line->tally.swapped;
}

static uint64_t huge_of(const struct ledger_line *line)
{
	return line->tally.huge;
}

static uint64_t cow_of(const struct ledger_line *line)
{
	return line->tally.shared;
}

static uint64_t lazy_of(const struct ledger_line *line)
{
	return line->lazy_free.known ? line->lazy_free.value : 0;
}

static int extra_width(const struct ledger_table *t)
{
	return t->page->style->units == UNITS_BYTES ? page_amount_width(t->page) : 8;
}

static unsigned plain_column(const struct page *page)
{
	return 4 + (unsigned)page_amount_width(page) + 1 + 6 + 2;
}

struct ledger_table ledger_table_of(struct page *page, const struct ledger *ledger, uint64_t limit)
{
	struct ledger_table t = {
		.page = page,
		.ledger = ledger,
		.whole = ledger_split_whole(ledger),
		.limit = limit,
		.extras = {{"swapped", "left RAM for swap, and is not counted in it", swapped_of,
			    false},
			   {"huge", "lies in huge pages, which stay while any of it is used",
			    huge_of, false},
			   {"COW", "not written since a fork, so another process has it, too",
			    cow_of, false},
			   {"lazyfree",
			    "given back by MADV_FREE, and the kernel takes it when it needs to",
			    lazy_of, false}},
		.key_column = plain_column(page),
	};
	for (size_t i = 0; ledger->has_residency && i < LEDGER_EXTRAS; i++) {
		for (int leaf = 0; leaf < LEAF_COUNT; leaf++)
			t.extras[i].shown |= t.extras[i].amount(&ledger->lines[leaf]) > 0;
		t.key_column += t.extras[i].shown ? (unsigned)extra_width(&t) + 1 : 0;
	}
	t.folded = t.key_column + KEY_WIDTH > page->style->width;
	if (t.folded)
		t.key_column = plain_column(page);
	return t;
}

void ledger_table_plain(struct ledger_table *t)
{
	for (size_t i = 0; i < LEDGER_EXTRAS; i++)
		t->extras[i].shown = false;
	t->key_column = plain_column(t->page);
}

void ledger_table_head(const struct ledger_table *t, const char *what)
{
	struct page *page = t->page;
	page_inkf(page, INK_DIM, "    %*s %6s", page_amount_width(page),
		  t->ledger->has_residency ? "in RAM" : "size", "share");
	for (size_t i = 0; !t->folded && i < LEDGER_EXTRAS; i++) {
		if (t->extras[i].shown)
			page_inkf(page, INK_DIM, " %*s", extra_width(t), t->extras[i].title);
	}
	if (t->key_column + strlen(what) <= page->style->width)
		page_inkf(page, INK_DIM, "  %s", what);
	page_end(page);
}

void ledger_table_explain(const struct ledger_table *t)
{
	_cleanup_(text_fini) struct text words = TEXT_EMPTY;
	for (size_t i = 0; i < LEDGER_EXTRAS; i++) {
		if (t->extras[i].shown)
			text_addf(&words, "%s%s: %s", words.length ? "; " : "", t->extras[i].title,
				  t->extras[i].meaning);
	}
	text_add(&words, ".");
	if (words.length > 1)
		page_wrap(t->page, INK_DIM, 2, 2, text_string(&words));
	t->page->text->failed |= words.failed;
}

/* ---- a leaf ------------------------------------------------------------------------------ */

static void amount_text(char ret[UNITS_MAX], const struct ledger_table *t, uint64_t bytes)
{
	if (t->page->style->units == UNITS_BYTES)
		units_count(ret, bytes);
	else
		units_bytes_short(ret, bytes);
}

/* None is left blank: most leaves have none. */
static void write_extras(const struct ledger_table *t, const struct ledger_line *line)
{
	for (size_t i = 0; !t->folded && i < LEDGER_EXTRAS; i++) {
		uint64_t bytes = t->extras[i].amount(line);
		char amount[UNITS_MAX] = "";
		if (bytes)
			amount_text(amount, t, bytes);
		if (t->extras[i].shown)
			page_addf(t->page, " %*s", extra_width(t), amount);
	}
}

/* The same in a line of its own: "swapped 31.0M, COW 12.0M". */
static void write_folded(const struct ledger_table *t, const struct ledger_line *line)
{
	_cleanup_(text_fini) struct text words = TEXT_EMPTY;
	for (size_t i = 0; t->folded && i < LEDGER_EXTRAS; i++) {
		uint64_t bytes = t->extras[i].amount(line);
		char amount[UNITS_MAX];
		if (!bytes || !t->extras[i].shown)
			continue;
		amount_text(amount, t, bytes);
		text_addf(&words, "%s%s %s", words.length ? ", " : "of it ", t->extras[i].title,
			  amount);
	}
	if (words.length)
		page_wrap(t->page, INK_DIM, 6, 6, text_string(&words));
	t->page->text->failed |= words.failed;
}

static void write_figures(const struct ledger_table *t, enum leaf leaf)
{
	struct page *page = t->page;
	enum ink ink = ledger_table_ink(ledger_split_part(leaf));
	uint64_t amount = ledger_split_amount(t->ledger, leaf);
	char share[UNITS_MAX];
	units_percent(share, amount, t->whole);
	page_addf(page, "  ");
	page_inkf(page, ink, "%s", style_bar_glyph(page->style, ink));
	page_addf(page, " ");
	page_amount(page, page_amount_width(page), amount);
	page_addf(page, " %6s", share);
	write_extras(t, &t->ledger->lines[leaf]);
}

/* The key behind the figures, or below them where it would not fit. */
static void write_key(const struct ledger_table *t, enum leaf leaf)
{
	bool fits = t->key_column + KEY_WIDTH <= t->page->style->width;
	if (!fits)
		page_end(t->page);
	page_addf(t->page, fits ? "  " : "    ");
	page_inkf(t->page, INK_STRONG, "%-*s", KEY_WIDTH, leaf_key(leaf));
}

static void write_meaning(const struct ledger_table *t, enum leaf leaf)
{
	_cleanup_(text_fini) struct text paragraph = TEXT_EMPTY;
	struct page inner = {&paragraph, t->page->style};
	unsigned column = t->key_column + KEY_WIDTH + 2;
	if (column + MEANING_LEAST > t->page->style->width) {
		page_end(t->page);
		page_wrap(t->page, INK_DIM, 6, 6, ledger_words_leaf(leaf));
		return;
	}
	page_addf(t->page, "  ");
	page_wrap(&inner, INK_DIM, column, column, ledger_words_leaf(leaf));
	t->page->text->failed |= paragraph.failed;
	text_add(t->page->text, text_string(&paragraph) + size_min(column, paragraph.length));
}

/* ---- details ----------------------------------------------------------------------------- */

static uint64_t detail_amount(const struct ledger_table *t, const struct ledger_detail *detail)
{
	return t->ledger->has_residency ? detail->tally.present : detail->size;
}

/* Of a path that does not fit its last part tells the most. */
static void write_name(struct page *page, const char *name, size_t room)
{
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	const char *last = strrchr(name, '/');
	page_escape(&safe, page->style, name);
	page->text->failed |= safe.failed;
	bool fits = page_columns(text_string(&safe)) <= room;
	page_foreign(page, !fits && name[0] == '/' && last[1] ? last + 1 : name, room);
}

static void write_detail(const struct ledger_table *t, const struct ledger_detail *detail)
{
	unsigned width = t->page->style->width, column = 4 + (unsigned)page_amount_width(t->page);
	unsigned at = (unsigned)size_min(t->key_column + 2, width / 2);
	unsigned name = at > column ? at : column + 2;
	page_addf(t->page, "    ");
	page_amount(t->page, page_amount_width(t->page), detail_amount(t, detail));
	text_add_char(t->page->text, ' ', name - column);
	write_name(t->page, detail->name ?: "?", size_subtract(width, name));
	page_end(t->page);
}

static void write_details(const struct ledger_table *t, enum leaf leaf)
{
	const struct ledger_line *line = &t->ledger->lines[leaf];
	bool unknown = leaf_group(leaf) == LEAF_GROUP_UNKNOWN;
	uint64_t limit = t->limit ?: unknown ? DETAILS_UNKNOWN : DETAILS;
	size_t n = 0, shown = 0;
	while (n < line->details.count && detail_amount(t, &line->details.items[n]))
		n++;
	for (; shown < n && shown < limit; shown++)
		write_detail(t, &line->details.items[shown]);
	if (shown < n) {
		page_inkf(t->page, INK_DIM, "      and %s smaller (-l shows more)\n",
			  COUNT(n - shown));
	}
}

/* ---- rows -------------------------------------------------------------------------------- */

void ledger_table_leaf(const struct ledger_table *t, enum leaf leaf)
{
	write_figures(t, leaf);
	write_key(t, leaf);
	write_meaning(t, leaf);
	write_folded(t, &t->ledger->lines[leaf]);
	write_details(t, leaf);
}

void ledger_table_short(const struct ledger_table *t, enum leaf leaf)
{
	const char *returns = ledger_words_returns(leaf);
	write_figures(t, leaf);
	write_key(t, leaf);
	if (t->key_column + KEY_WIDTH + 2 + strlen(returns) <= t->page->style->width)
		page_inkf(t->page, INK_DIM, "  %s", returns);
	page_end(t->page);
}
