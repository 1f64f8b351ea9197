/*
 * why_report: labels in a column of their own, so that they are found at once.
 *
 *	RSS 1.93 GiB (peak 2.31) = in use 0.45 + free but kept 1.36 + files, rest 0.12
 *
 *	WHY   1.31 GiB: 1,402 of 1,659 pymalloc arenas are only 4 % used. …
 *	WHO   1,322 app.Session (0.9 MiB, all they own included) keep 1,264 arenas, 1.23 GiB
 *	          app.CACHE (module global) > dict > app.Session
 *	GAIN  1.23 GiB goes back by itself once those objects are gone
 *	DO    …
 *	NOT   …
 *	SURE  …
 *	MORE  …
 */
#include "ui/report/why_report.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "ui/report/caveat.h"
#include "ui/report/dump.h"
#include "ui/report/ledger_split.h"
#include "ui/report/ledger_words.h"
#include "ui/report/types_words.h"
#include "ui/report/why_advice.h"
#include "ui/report/why_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 6
#define CAUSES        3
#define ROOTS         5

static struct why_words words_of(const struct page *page, const struct snapshot *snapshot,
				 const struct why_request *request)
{
	return (struct why_words){snapshot, page->style->units, page->style->ascii, request->since};
}

/* "WHY   text …"; the lines after the first stand below the text. */
static void write_labelled(struct page *page, const char *label, enum ink ink, struct text *line)
{
	_cleanup_(text_fini) struct text paragraph = TEXT_EMPTY;
	struct page inner = {&paragraph, page->style};
	page->text->failed |= line->failed;
	page_wrap(&inner, ink, LABEL_COLUMNS, LABEL_COLUMNS, text_string(line));
	page_inkf(page, INK_STRONG, "%-*s", LABEL_COLUMNS, label);
	page->text->failed |= paragraph.failed;
	text_add(page->text, text_string(&paragraph) + size_min(LABEL_COLUMNS, paragraph.length));
	text_clear(line);
}

/* ---- the first part ---------------------------------------------------------------------- */

static void add_part(struct text *line, const struct page *page, const char *before, uint64_t bytes)
{
	char amount[UNITS_MAX];
	units_said(amount, page->style->units, bytes);
	text_addf(line, "%s%s", before, amount);
}

static void write_rss(struct page *page, const struct snapshot *s)
{
	const struct ledger *l = &s->ledger;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	uint64_t whole = ledger_split_whole(l);
	uint64_t live = ledger_split_group(l, LEAF_GROUP_LIVE);
	uint64_t kept = ledger_split_group(l, LEAF_GROUP_KEPT);
	if (!l->filled)
		return;
	add_part(&line, page, l->has_residency ? "RSS " : "mapped ", whole);
	if (l->peak_rss.known)
		add_part(&line, page, " (peak ", l->peak_rss.value);
	text_add(&line, l->peak_rss.known ? ") =" : " =");
	add_part(&line, page, " in use ", live);
	add_part(&line, page, " + free but kept ", kept);
	add_part(&line, page, " + files, rest ", size_subtract(whole, size_add(live, kept)));
	page->text->failed |= line.failed;
	page_wrap(page, INK_STRONG, 0, 2, text_string(&line));
}

static void write_purse(struct page *page, const struct snapshot *s)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_add(&line, "container ");
	if (s->purse.version && s->purse.limit.known &&
	    ledger_words_purse(&line, &s->purse, page->style->units))
		page_wrap(page, INK_STRONG, 0, 2, text_string(&line));
	page->text->failed |= line.failed;
}

static size_t n_causes(const struct verdict *v, const struct why_request *request)
{
	return size_min(request->limit ?: CAUSES, v->causes.count);
}

static void write_why(struct page *page, const struct snapshot *s,
		      const struct why_request *request)
{
	struct why_words w = words_of(page, s, request);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const struct verdict *v = &s->verdict;
	if (!v->causes.count) {
		if (v->filled)
			add_part(&line, page, "only ",
				 ledger_split_group(&s->ledger, LEAF_GROUP_KEPT));
		text_add(&line,
			 v->filled ? " is free but kept: that is not what fills it; who holds what "
				     "is in use follows"
				   : "what is in RAM could not be looked at");
		write_labelled(page, "WHY", INK_STRONG, &line);
		return;
	}
	for (size_t i = 0; i < n_causes(v, request); i++) {
		why_cause(&line, &w, &v->causes.items[i]);
		write_labelled(page, i ? "" : "WHY", i ? INK_PLAIN : INK_STRONG, &line);
	}
}

void why_report_first(struct page *page, const struct snapshot *snapshot,
		      const struct why_request *request)
{
	dump_write_head(page, snapshot, request->contents);
	write_rss(page, snapshot);
	write_purse(page, snapshot);
	page_addf(page, "\n");
	write_why(page, snapshot, request);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static bool same_causes(const struct snapshot *a, const struct snapshot *b)
{
	const struct verdict *x = &a->verdict, *y = &b->verdict;
	if (!x->causes.count || !y->causes.count)
		return x->causes.count == y->causes.count;
	return x->causes.items[0].kind == y->causes.items[0].kind &&
	       x->causes.items[0].kind != CAUSE_LIVE_OBJECTS;
}

static void write_who(struct page *page, const struct snapshot *s,
		      const struct why_request *request)
{
	struct why_words w = words_of(page, s, request);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY, chain = TEXT_EMPTY;
	const char *label = "WHO";
	for (size_t i = 0; i < n_causes(&s->verdict, request); i++) {
		why_who(&line, &w, &s->verdict.causes.items[i]);
		why_chain(&chain, &w, &s->verdict.causes.items[i]);
		if (line.length) {
			write_labelled(page, label, INK_PLAIN, &line);
			label = "";
		}
		if (chain.length)
			page_wrap(page, INK_PLAIN, LABEL_COLUMNS + 4, LABEL_COLUMNS + 8,
				  text_string(&chain));
		page->text->failed |= chain.failed;
		text_clear(&chain);
	}
}

/* Who keeps live memory, whatever the cause is: most real cases are growth. */
static void write_roots(struct page *page, const struct snapshot *s,
			const struct why_request *request)
{
	const struct holders *h = &s->holders;
	struct why_words w = words_of(page, s, request);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	size_t n = size_min(request->limit ?: ROOTS, h->roots.count);
	for (size_t i = 0; i < n; i++) {
		const struct holder_root *root = &h->roots.items[i];
		char bytes[UNITS_MAX], share[UNITS_MAX], count[UNITS_MAX];
		units_said(bytes, page->style->units, root->bytes);
		units_percent(share, root->bytes, h->reached_bytes);
		units_count(count, root->count);
		text_addf(&line, "%s (%s), %s block%s: ", bytes, share, count,
			  root->count == 1 ? "" : "s");
		why_root(&line, &w, root->name ?: "?", root->kind);
		write_labelled(page, i ? "" : "LIVE", INK_PLAIN, &line);
	}
}

static void write_gain(struct page *page, const struct snapshot *s,
		       const struct why_request *request)
{
	struct why_words w = words_of(page, s, request);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const char *label = "GAIN";
	for (size_t i = 0; i < n_causes(&s->verdict, request); i++) {
		why_gain(&line, &w, &s->verdict.causes.items[i]);
		if (!line.length)
			continue;
		write_labelled(page, label, INK_STRONG, &line);
		label = "";
	}
}

/* Whether one of the causes from `first` on has this very line of advice. */
static bool is_advised(const struct why_words *w, const struct why_request *request, size_t first,
		       const char *line)
{
	const struct verdict *v = &w->snapshot->verdict;
	_cleanup_(text_fini) struct text other = TEXT_EMPTY;
	bool found = false;
	for (size_t i = first; i < n_causes(v, request) && !found; i++) {
		for (size_t k = 0; !found && why_advice(&other, w, &v->causes.items[i], k); k++) {
			found = strcmp(text_string(&other), line) == 0;
			text_clear(&other);
		}
	}
	return found;
}

/* What helps against several causes is said once, after what helps against each alone. */
static void write_do(struct page *page, const struct snapshot *s, const struct why_request *request)
{
	struct why_words w = words_of(page, s, request);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const char *label = "DO";
	for (size_t i = 0; i < n_causes(&s->verdict, request); i++) {
		for (size_t k = 0; why_advice(&line, &w, &s->verdict.causes.items[i], k); k++) {
			if (is_advised(&w, request, i + 1, text_string(&line))) {
				text_clear(&line);
				continue;
			}
			write_labelled(page, label, INK_PLAIN, &line);
			label = "";
		}
	}
}

static void write_not(struct page *page, const struct snapshot *s,
		      const struct why_request *request)
{
	struct why_words w = words_of(page, s, request);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	for (size_t i = 0; i < s->verdict.not_causes.count; i++) {
		const struct ruled_out *theory = &s->verdict.not_causes.items[i];
		text_add(&line, line.length ? "; " : "");
		why_not(&line, &w, theory);
	}
	if (line.length)
		write_labelled(page, "NOT", INK_PLAIN, &line);
}

static void write_sure(struct page *page, const struct snapshot *s)
{
	const struct census *c = &s->census;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char pause[CAVEAT_PAUSE_MAX];
	if (c->filled) {
		types_identified(&line, c);
		text_add(&line, "; ");
	}
	if (s->holders.filled && !s->holders.complete)
		text_add(&line, "the walk from the holders ended early; ");
	caveat_moment(pause, s);
	text_addf(&line, "%s", pause);
	if (!s->doubts.list.count)
		text_add(&line, "; no doubts");
	write_labelled(page, "SURE", INK_DIM, &line);
	caveat_write(page, &s->doubts);
}

static void write_more(struct page *page, const struct snapshot *s)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const char *verbs =
		s->verdict.causes.count &&
				s->verdict.causes.items[0].kind >= CAUSE_MALLOC_FREE_TRIMMABLE &&
				s->verdict.causes.items[0].kind <= CAUSE_MALLOC_ENV_INEFFECTIVE
			? "malloc"
			: "types";
	if (s->target.kind != ORIGIN_LIVE)
		return;
	text_addf(&line, "arenascope %s %d; arenascope ledger %d; arenascope map %d", verbs,
		  (int)s->target.pid, (int)s->target.pid, (int)s->target.pid);
	write_labelled(page, "MORE", INK_DIM, &line);
}

void why_report_rest(struct page *page, const struct snapshot *snapshot,
		     const struct snapshot *first, const struct why_request *request)
{
	if (first && !same_causes(first, snapshot)) {
		page_inkf(page, INK_DIM, "%-*snow that every block was looked into:\n",
			  LABEL_COLUMNS, "");
		write_why(page, snapshot, request);
	}
	write_who(page, snapshot, request);
	write_gain(page, snapshot, request);
	write_do(page, snapshot, request);
	write_not(page, snapshot, request);
	write_roots(page, snapshot, request);
	write_sure(page, snapshot);
	write_more(page, snapshot);
}
