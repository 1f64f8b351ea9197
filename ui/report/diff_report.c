/*
 * diff_report: one table a part, the largest change first; signs stand before the figures.
 *
 *	RSS +31.2 MiB in 2 h: live objects +28.0 MiB …	sentence
 *	TYPES, ROOTS, SIZE CLASSES, LEDGER		   count      bytes   before     now  what
 */
#include "ui/report/diff_report.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "base/size.h"
#include "ui/report/caveat.h"
#include "ui/report/dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROWS       20
#define NAME_LEAST 16

static uint64_t magnitude(int64_t amount)
{
	return amount < 0 ? -(uint64_t)amount : (uint64_t)amount;
}

static void signed_bytes(char ret[UNITS_MAX + 1], enum units units, int64_t bytes)
{
	char amount[UNITS_MAX];
	units_amount(amount, units, magnitude(bytes));
	snprintf(ret, UNITS_MAX + 1, "%s%s", bytes < 0 ? "-" : bytes > 0 ? "+" : "", amount);
}

static void signed_count(char ret[UNITS_MAX + 1], int64_t count)
{
	char amount[UNITS_MAX];
	units_count(amount, magnitude(count));
	snprintf(ret, UNITS_MAX + 1, "%s%s", count < 0 ? "-" : count > 0 ? "+" : "", amount);
}

void diff_sentence(struct text *to, const struct difference *d, enum units units)
{
	char rss[UNITS_MAX + 1], live[UNITS_MAX + 1], arenas[UNITS_MAX + 1], age[UNITS_MAX],
		blocks[UNITS_MAX + 1];
	signed_bytes(rss, units, d->rss);
	signed_bytes(live, units, d->live_bytes);
	signed_count(arenas, d->arenas);
	signed_count(blocks, d->live_blocks);
	units_duration(age, (uint64_t)(d->seconds < 0 ? -d->seconds : d->seconds));
	text_addf(to, "RSS %s", rss);
	if (d->seconds >= 1 || d->seconds <= -1)
		text_addf(to, " in %s", age);
	text_addf(to, ": live bytes %s in %s blocks, arenas %s.", live, blocks, arenas);
	if (d->seconds < 0)
		text_add(to, " The second is the older one.");
	if (!d->same_process)
		text_add(to, d->same_build ? " They are two processes of one build."
					   : " They are processes of two builds.");
}

static unsigned name_column(const struct page *page)
{
	return 12 + 3 * ((unsigned)page_amount_width(page) + 2) + 2;
}

static void write_row(struct page *page, const struct difference_row *row)
{
	char count[UNITS_MAX + 1], bytes[UNITS_MAX + 1];
	unsigned column = name_column(page);
	int width = page_amount_width(page) + 1;
	/* A line of the ledger is bytes alone. */
	signed_count(count, row->count);
	if (row->part == DIFFERENCE_LEAF)
		count[0] = '\0';
	signed_bytes(bytes, page->style->units, row->bytes);
	page_addf(page, "%12s %*s ", count, width, bytes);
	page_amount(page, width, row->bytes_a);
	page_addf(page, " ");
	page_amount(page, width, row->bytes_b);
	page_addf(page, "  ");
	if (column + NAME_LEAST > page->style->width) {
		page_end(page);
		column = 6;
		text_add_char(page->text, ' ', column);
	}
	page_foreign(page, row->name ?: "?", size_subtract(page->style->width, column));
	page_end(page);
}

static void write_part(struct page *page, const struct difference *d, enum difference_part part,
		       uint64_t limit)
{
	static const char *const titles[] = {
		[DIFFERENCE_TYPE] = "TYPES",
		[DIFFERENCE_ROOT] = "ROOTS",
		[DIFFERENCE_CLASS] = "SIZE CLASSES",
		[DIFFERENCE_LEAF] = "LEDGER",
	};
	static const char *const meanings[] = {
		[DIFFERENCE_TYPE] = "Objects, with the buffers that they own.",
		[DIFFERENCE_ROOT] = "What is held by a global, a class, a frame.",
		[DIFFERENCE_CLASS] = "Blocks in use.",
		[DIFFERENCE_LEAF] = "Bytes in RAM by cause.",
	};
	size_t n = 0, most = limit ?: ROWS;
	for (size_t i = 0; i < d->rows.count; i++) {
		if (d->rows.items[i].part != part)
			continue;
		if (n == 0) {
			int width = page_amount_width(page) + 1;
			page_heading(page, titles[part], meanings[part]);
			page_inkf(page, INK_DIM, "%12s %*s %*s %*s",
				  part == DIFFERENCE_LEAF ? "" : "count", width, "bytes", width,
				  "before", width, "now");
			page_end(page);
		}
		if (n++ < most)
			write_row(page, &d->rows.items[i]);
	}
	if (n > most)
		page_inkf(page, INK_DIM, "  %s more\n", COUNT(n - most));
}

void diff_tables(struct page *page, const struct difference *difference, uint64_t limit)
{
	for (int part = DIFFERENCE_TYPE; part <= DIFFERENCE_LEAF; part++)
		write_part(page, difference, (enum difference_part)part, limit);
}

void diff_report_write(struct page *page, const struct snapshot *b,
		       const struct difference *difference, const struct diff_request *request)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	dump_write_head(page, b, request->contents);
	diff_sentence(&line, difference, page->style->units);
	page->text->failed |= line.failed;
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 0, text_string(&line));
	diff_tables(page, difference, request->limit);
	caveat_write_certainty(page, &b->doubts, NULL);
}
