/*
 * mappings: kinds in a fixed order, the largest unknown first; those that the
 * process has none of are left out.
 *
 *	   mapped    in RAM   swapped
 *	  812 MiB   640 MiB         0  anon.unknown   anonymous: Python's arenas, …
 */
#include "ui/report/mappings.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

#define KEY_WIDTH 15

static const char *meaning(enum mapping_kind kind)
{
	static const char *const meanings[MAPPING_KINDS] = {
		[MAPPING_ANON] = "anonymous: arenas, larger objects, threads' stacks, others'",
		[MAPPING_HEAP] = "the heap that malloc grows by brk",
		[MAPPING_STACK] = "the main thread's stack",
		[MAPPING_TEXT] = "code of the program and its libraries",
		[MAPPING_DATA] = "their variables",
		[MAPPING_FILE] = "constants, and other files that are mapped",
		[MAPPING_SHARED] = "shared memory",
		[MAPPING_DEVICE] = "memory of devices",
		[MAPPING_SPECIAL] = "the kernel's own pages",
	};
	return meanings[kind];
}

static void add_figure(struct page *page, int width, struct maybe figure)
{
	if (figure.known)
		page_amount(page, width, figure.value);
	else
		page_addf(page, "%*s", width, "?");
}

static void add_sums(struct page *page, const struct mapping_sum *sum)
{
	int width = page_amount_width(page);
	page_amount(page, width, sum->mapped);
	add_figure(page, width + 1, sum->resident);
	add_figure(page, width + 1, sum->swapped);
}

/* The meaning goes on below itself. */
static void write_row(struct page *page, const struct mapping_sum *sum, const char *key,
		      const char *what)
{
	_cleanup_(text_fini) struct text paragraph = TEXT_EMPTY;
	struct page inner = {&paragraph, page->style};
	unsigned indent = (unsigned)(3 * page_amount_width(page) + 2) + 2 + KEY_WIDTH;
	add_sums(page, sum);
	page_addf(page, "  %-*s", KEY_WIDTH, key);
	page_wrap(&inner, INK_PLAIN, indent, indent, what);
	page->text->failed |= paragraph.failed;
	text_add(page->text, text_string(&paragraph) + size_min(indent, paragraph.length));
}

static void write_head(struct page *page, const struct facts *facts, const char *command)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char rss[UNITS_MAX], peak[UNITS_MAX], swap[UNITS_MAX];
	text_addf(&line, "pid %d ", (int)facts->pid);
	page_escape(&line, page->style, command ? command : "?");
	text_add(&line, ": its memory may not be read, only its mappings");
	page_wrap(page, INK_STRONG, 0, 2, text_string(&line));
	units_said(rss, page->style->units, facts->rss);
	units_said(peak, page->style->units, facts->peak_rss);
	units_said(swap, page->style->units, facts->swap);
	page_addf(page, "\nRSS %s, peak %s, swapped out %s\n\n", rss, peak, swap);
	page->text->failed |= line.failed;
}

void mappings_write(struct page *page, const struct mappings *m)
{
	int width = page_amount_width(page);
	write_head(page, &m->facts, m->command);
	page_inkf(page, INK_STRONG, "%*s%*s%*s", width, "mapped", width + 1, "in RAM", width + 1,
		  "swapped");
	page_end(page);
	for (int i = 0; i < MAPPING_KINDS; i++) {
		enum mapping_kind kind = (enum mapping_kind)i;
		if (m->kinds[i].n)
			write_row(page, &m->kinds[i], mapping_kind_name(kind), meaning(kind));
	}
	write_row(page, &m->total, "", "in all; what Python holds of it cannot be told from here");
}
