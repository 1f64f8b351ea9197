/*
 * ledger_report: who stops reading early has read what matters.
 *
 *	Of 3.58 GiB in RAM 2.24 GiB (63 %) is free but kept: …	sentence
 *	RSS … Container … [████░░░▒▒▓?]				money
 *	LIVE, KEPT, OVERHEAD, FILES, SHARED, UNKNOWN		groups of ledger_table's rows
 *	SUM, SURE						that nothing is missing
 */
#include "ui/report/ledger_report.h"

#include "base/cleanup.h"
#include "ui/report/caveat.h"
#include "ui/report/dump.h"
#include "ui/report/ledger_table.h"
#include "ui/report/ledger_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- groups ------------------------------------------------------------------------------ */

static bool is_there(const struct ledger_table *t, enum leaf leaf)
{
	const struct ledger_line *line = &t->ledger->lines[leaf];
	return ledger_split_amount(t->ledger, leaf) || line->tally.swapped;
}

struct rank {
	uint64_t amount;
	enum leaf leaf;
};

static int by_amount(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	int order = (x->amount < y->amount) - (x->amount > y->amount);
	return order ? order : (x->leaf > y->leaf) - (x->leaf < y->leaf);
}

/* The leaves of a group that are there, in the order asked for; returns how many. */
static size_t rank_group(const struct ledger_table *t, enum leaf_group group, const char *sort,
			 struct rank ranks[LEAF_COUNT])
{
	size_t n = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		enum leaf leaf = (enum leaf)i;
		if (leaf_group(leaf) == group && is_there(t, leaf))
			ranks[n++] = (struct rank){ledger_split_amount(t->ledger, leaf), leaf};
	}
	if (!sort || strcmp(sort, "key") != 0)
		qsort(ranks, n, sizeof(*ranks), by_amount);
	return n;
}

static void write_group_head(const struct ledger_table *t, enum leaf_group group)
{
	static const char *const titles[] = {
		[LEAF_GROUP_LIVE] = "LIVE",         [LEAF_GROUP_KEPT] = "KEPT",
		[LEAF_GROUP_OVERHEAD] = "OVERHEAD", [LEAF_GROUP_FILE] = "FILES",
		[LEAF_GROUP_SHARED] = "SHARED",     [LEAF_GROUP_UNKNOWN] = "UNKNOWN",
	};
	char amount[UNITS_MAX], share[UNITS_MAX], line[160];
	uint64_t sum = ledger_split_group(t->ledger, group);
	units_said(amount, t->page->style->units, sum);
	units_percent(share, sum, t->whole);
	snprintf(line, sizeof(line), "%s, %s: %s", amount, share, ledger_words_group(group));
	page_heading(t->page, titles[group], line);
}

static void write_group(const struct ledger_table *t, enum leaf_group group, const char *sort)
{
	struct rank ranks[LEAF_COUNT];
	size_t n = rank_group(t, group, sort, ranks);
	if (n)
		write_group_head(t, group);
	for (size_t i = 0; i < n; i++) {
		ledger_table_leaf(t, ranks[i].leaf);
	}
}

/* ---- the head ---------------------------------------------------------------------------- */

static void add_said(struct text *line, const char *format, enum units units, struct maybe figure)
{
	char amount[UNITS_MAX];
	units_said(amount, units, figure.value);
	if (figure.known) {
		text_add(line, format);
		text_add(line, amount);
	}
}

static void write_rss(struct page *page, const struct snapshot *snapshot)
{
	const struct ledger *ledger = &snapshot->ledger;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	enum units units = page->style->units;
	uint64_t whole = ledger_split_whole(ledger);
	const char *unknown = snapshot->target.kind == ORIGIN_CORE
				      ? "RSS is not known of a core; mapped is "
				      : "RSS is not known; mapped is ";
	add_said(&line, ledger->has_residency ? "RSS " : unknown, units, maybe_known(whole));
	add_said(&line, ", peak ", units, ledger->peak_rss);
	add_said(&line, ", swapped out ", units,
		 ledger->has_residency ? maybe_known(ledger->swapped) : ledger->swap);
	add_said(&line, ", with shared pages counted in part (PSS) ", units, ledger->pss);
	page->text->failed |= line.failed;
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 2, text_string(&line));
}

static void write_purse(struct page *page, const struct purse *purse)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_addf(&line, "Container (cgroup v%d): ", purse->version);
	if (ledger_words_purse(&line, purse, page->style->units))
		page_wrap(page, INK_STRONG, 0, 2, text_string(&line));
	page->text->failed |= line.failed;
}

/* "  █ live 0.61 GiB  ░ kept by Python 1.2 GiB …", as many a line as fit. */
static void write_legend(struct page *page, const uint64_t parts[LEDGER_PARTS])
{
	size_t column = 0;
	for (int i = 0; i < LEDGER_PARTS; i++) {
		enum ink ink = ledger_table_ink((enum ledger_part)i);
		char amount[UNITS_MAX], entry[UNITS_MAX + 32];
		if (!parts[i])
			continue;
		units_said(amount, page->style->units, parts[i]);
		snprintf(entry, sizeof(entry), " %s %s", ledger_split_name((enum ledger_part)i),
			 amount);
		if (column && column + 3 + strlen(entry) > page->style->width) {
			page_addf(page, "\n");
			column = 0;
		}
		page_addf(page, "  ");
		page_inkf(page, ink, "%s", style_bar_glyph(page->style, ink));
		page_addf(page, "%s", entry);
		column += 3 + strlen(entry);
	}
	page_addf(page, "\n");
}

static void write_bar(struct page *page, const struct ledger *ledger)
{
	uint64_t amounts[LEDGER_PARTS];
	struct page_part parts[LEDGER_PARTS];
	ledger_split_parts(ledger, amounts);
	for (int i = 0; i < LEDGER_PARTS; i++)
		parts[i] = (struct page_part){amounts[i], ledger_table_ink((enum ledger_part)i)};
	page_addf(page, "[");
	page_bar(page, parts, LEDGER_PARTS, ledger_split_whole(ledger), page->style->width - 2);
	page_addf(page, "]\n");
	write_legend(page, amounts);
}

static void write_money(struct page *page, const struct snapshot *snapshot)
{
	write_rss(page, snapshot);
	write_purse(page, &snapshot->purse);
	write_bar(page, &snapshot->ledger);
}

/* ---- the sum ----------------------------------------------------------------------------- */

static void add_kernel(struct text *line, const struct ledger *ledger, enum units units)
{
	char kernel[UNITS_MAX], apart[UNITS_MAX];
	uint64_t seen = ledger->rss, told = ledger->rss_kernel.value;
	if (!ledger->rss_kernel.known)
		return;
	units_said(kernel, units, told);
	units_said(apart, units, seen > told ? seen - told : told - seen);
	text_addf(line, " The kernel's own RSS is %s", kernel);
	if (seen == told)
		text_add(line, ", the same.");
	else
		text_addf(line,
			  ", %s %s: pages came and went meanwhile, and its counter is approximate.",
			  apart, seen > told ? "less" : "more");
}

static void write_sum(struct page *page, const struct ledger *ledger)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char sum[UNITS_MAX], unexplained[UNITS_MAX], share[UNITS_MAX];
	uint64_t whole = ledger_split_whole(ledger);
	units_said(sum, page->style->units, whole);
	units_said(unexplained, page->style->units, ledger->unexplained);
	units_percent(share, ledger->unexplained, whole);
	if (ledger->has_residency) {
		text_addf(&line, "The lines add up to %s, all that was seen in RAM.", sum);
		add_kernel(&line, ledger, page->style->units);
		text_addf(&line, " Unexplained: %s (%s).", unexplained, share);
	} else {
		text_addf(&line, "The lines add up to %s, all that is mapped.", sum);
	}
	page->text->failed |= line.failed;
	page_heading(page, "SUM", text_string(&line));
}

static void write_sentence(struct page *page, const struct ledger *ledger)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	if (!ledger_words_sentence(&line, ledger, page->style->units))
		text_add(&line, "What is in RAM could not be looked at.");
	page->text->failed |= line.failed;
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 0, text_string(&line));
}

void ledger_report_write(struct page *page, const struct snapshot *snapshot,
			 const struct ledger_request *request)
{
	const struct ledger *ledger = &snapshot->ledger;
	dump_write_head(page, snapshot, request->contents);
	write_sentence(page, ledger);
	if (ledger->filled) {
		struct ledger_table table = ledger_table_of(page, ledger, request->limit);
		write_money(page, snapshot);
		page_addf(page, "\n");
		ledger_table_head(&table, "what it is, and what gives it back");
		ledger_table_explain(&table);
		for (int group = LEAF_GROUP_LIVE; group <= LEAF_GROUP_UNKNOWN; group++)
			write_group(&table, (enum leaf_group)group, request->sort);
		write_sum(page, ledger);
	}
	caveat_write_certainty(page, &snapshot->doubts, NULL);
}

/* ---- for dump ---------------------------------------------------------------------------- */

static void write_rest(const struct ledger_table *t, uint64_t rest)
{
	const char *more = "the rest: arenascope ledger tells all";
	char share[UNITS_MAX];
	if (!rest)
		return;
	bool fits = t->key_column + strlen(more) <= t->page->style->width;
	units_percent(share, rest, t->whole);
	page_addf(t->page, "    ");
	page_amount(t->page, page_amount_width(t->page), rest);
	page_addf(t->page, " %6s  %s", share, fits ? more : "the rest");
	page_end(t->page);
}

void ledger_report_summary(struct page *page, const struct snapshot *snapshot)
{
	const struct ledger *ledger = &snapshot->ledger;
	if (!ledger->filled)
		return;
	struct ledger_table table = ledger_table_of(page, ledger, 0);
	struct rank ranks[LEAF_COUNT];
	size_t n = 0;
	uint64_t rest = table.whole;
	ledger_table_plain(&table);
	write_money(page, snapshot);
	ledger_table_head(&table, "                       what gives it back");
	for (int i = 0; i < LEAF_COUNT; i++)
		ranks[n++] = (struct rank){ledger_split_amount(ledger, (enum leaf)i), (enum leaf)i};
	qsort(ranks, n, sizeof(*ranks), by_amount);
	for (size_t i = 0; i < n && ranks[i].amount && ranks[i].amount >= table.whole / 100; i++) {
		ledger_table_short(&table, ranks[i].leaf);
		rest -= ranks[i].amount;
	}
	write_rest(&table, rest);
}
