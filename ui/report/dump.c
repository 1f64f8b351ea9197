/*
 * dump: what it is about, the sentence, the proof, in this order; who stops
 * reading early has read what matters.
 *
 *	pid 4127 celery: CPython 3.12.1, up 19 h, …	title
 *	1.31 GiB is free inside pymalloc but …		headline
 *	RSS … [████░░░░░░░▒····]			memory, by ledger_report where there is one
 *	PYMALLOC, SIZE CLASSES, ARENAS BY USE, MAP …	dump_tables
 *	SURE						doubts
 */
#include "ui/report/dump.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "ui/report/caveat.h"
#include "ui/report/dump_mimalloc.h"
#include "ui/report/dump_tables.h"
#include "ui/report/headline.h"
#include "ui/report/ledger_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MEANING_LEAST 24 /* columns; a narrower paragraph is no text any more */

static void add_build(struct text *line, const struct snapshot_target *t)
{
	if (t->debug_build)
		text_add(line, " debug build");
	if (t->free_threaded)
		text_add(line, " free-threaded");
}

static void add_age(struct text *line, const struct snapshot_target *t)
{
	char age[UNITS_MAX];
	if (!t->started_at.tv_sec || t->taken_at.tv_sec < t->started_at.tv_sec)
		return;
	units_duration(age, (uint64_t)(t->taken_at.tv_sec - t->started_at.tv_sec));
	text_addf(line, ", up %s", age);
}

/* "pid 4127 ", "core of pid 4127 "; a file may have lost the number. */
static void add_subject(struct text *line, const struct snapshot_target *t)
{
	static const char *const kinds[] = {
		[ORIGIN_LIVE] = "",
		[ORIGIN_CORE] = "core of ",
		[ORIGIN_SAVEFILE] = "snapshot of ",
	};
	text_add(line, kinds[t->kind]);
	if (t->pid)
		text_addf(line, "pid %d ", (int)t->pid);
}

static void add_signal(struct text *line, const struct snapshot_target *t)
{
	const char *name = t->signal ? sigabbrev_np(t->signal) : NULL;
	if (name)
		text_addf(line, ", ended by SIG%s", name);
	else if (t->signal)
		text_addf(line, ", ended by signal %d", t->signal);
}

void dump_write_title(struct page *page, const struct snapshot *snapshot)
{
	const struct snapshot_target *t = &snapshot->target;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char moment[CAVEAT_PAUSE_MAX];
	add_subject(&line, t);
	page_escape(&line, page->style, t->command ?: t->comm ?: "?");
	text_addf(&line, ": CPython %s", t->version[0] ? t->version : "?");
	add_build(&line, t);
	add_age(&line, t);
	if (t->n_threads)
		text_addf(&line, ", %s thread%s", COUNT(t->n_threads),
			  t->n_threads == 1 ? "" : "s");
	add_signal(&line, t);
	caveat_moment(moment, snapshot);
	text_addf(&line, ", %s", moment);
	page->text->failed |= line.failed;
	page_wrap(page, INK_STRONG, 0, 2, text_string(&line));
}

static void add_allocator(struct text *line, const struct snapshot_target *t)
{
	text_addf(line, "Allocator: %s",
		  t->allocator == ALLOCATOR_UNKNOWN ? "could not be told"
						    : allocator_name(t->allocator));
	if (t->debug_hooks)
		text_add(line, ", with debug hooks that enlarge every block");
	for (size_t i = 0; i < t->hooks.count; i++)
		text_addf(line, ", seen through %s", t->hooks.items[i]);
}

/* How a source is called in a sentence; NULL: it is the usual one and goes without saying. */
static const char *source_words(enum provenance source)
{
	switch (source) {
	case PROVENANCE_CACHE:
		return "kept from an earlier look";
	case PROVENANCE_DWARF:
	case PROVENANCE_SYMTAB:
		return NULL;
	case PROVENANCE_SCANNED:
		return "found by structure in memory";
	case PROVENANCE_ABSENT:
	case PROVENANCE_BUILTIN:
	case PROVENANCE_SELF_DESCRIBED:
	case PROVENANCE_COOKIE:
	case PROVENANCE_SECTION:
	case PROVENANCE_DYNSYM:
		break;
	}
	return provenance_name(source);
}

/* "Symbols, kept from an earlier look: /usr/lib/debug/…": the path last, whole, for copying. */
static void add_symbols(struct text *line, const struct page *page,
			const struct snapshot_symbols *symbols)
{
	const char *layout = source_words(symbols->layout), *roots = source_words(symbols->roots);
	bool scanned = symbols->layout == PROVENANCE_SCANNED;
	text_add(line, scanned ? "No debug information" : "Symbols");
	if (layout)
		text_addf(line, ", %s", layout);
	if (roots && symbols->roots != symbols->layout)
		text_addf(line, ", addresses %s", roots);
	if (symbols->debug_file) {
		text_add(line, ": ");
		page_escape(line, page->style, symbols->debug_file);
	} else if (!scanned) {
		text_add(line, ": the interpreter's own");
	}
}

/* Where the knowledge comes from: what an expert checks first when a figure surprises him. */
static void write_sources(struct page *page, const struct snapshot *snapshot)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char took[UNITS_MAX];
	units_pause(took, snapshot->elapsed_us);
	add_allocator(&line, &snapshot->target);
	text_addf(&line, ". Looked for %s. ", took);
	add_symbols(&line, page, &snapshot->symbols);
	page->text->failed |= line.failed;
	page_wrap(page, INK_DIM, 0, 2, text_string(&line));
}

static void write_arguments(struct page *page, const struct snapshot *snapshot)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_add(&line, "Command line:");
	for (size_t i = 0; i < snapshot->target.cmdline.count; i++) {
		text_add(&line, " ");
		page_escape(&line, page->style, snapshot->target.cmdline.items[i]);
	}
	page->text->failed |= line.failed;
	page_wrap(page, INK_PLAIN, 0, 2, text_string(&line));
}

void dump_write_head(struct page *page, const struct snapshot *snapshot, bool contents)
{
	dump_write_title(page, snapshot);
	if (contents)
		write_arguments(page, snapshot);
	write_sources(page, snapshot);
}

static void write_headline(struct page *page, const struct snapshot *snapshot,
			   const struct occupancy *occupancy)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	headline_write(&line, snapshot, snapshot->ledger.filled ? &snapshot->ledger : NULL,
		       occupancy, page->style->units);
	page->text->failed |= line.failed;
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 0, text_string(&line));
}

/* ---- RSS --------------------------------------------------------------------------------- */

static void write_rss_line(struct page *page, const struct snapshot_target *t)
{
	char rss[UNITS_MAX], peak[UNITS_MAX], swap[UNITS_MAX], line[4 * UNITS_MAX];
	units_said(rss, page->style->units, t->rss);
	units_said(peak, page->style->units, t->peak_rss);
	units_said(swap, page->style->units, t->swap);
	snprintf(line, sizeof(line), "RSS %s, peak %s, swapped out %s", rss, peak, swap);
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 2, line);
}

/* "  █ live           0.27 GiB   14 %  in use: …" */
static void write_part(struct page *page, enum ink ink, const char *name, uint64_t bytes,
		       uint64_t whole, const char *meaning)
{
	char share[UNITS_MAX], amount[UNITS_MAX];
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	int width = page_amount_width(page);
	units_percent(share, bytes, whole);
	units_amount(amount, page->style->units, bytes);
	page_addf(page, "  ");
	page_inkf(page, ink, "%s", style_bar_glyph(page->style, ink));
	page_addf(page, " %-14s %*s %6s  ", name, width, amount, share);
	unsigned column = 4 + 14 + 1 + (unsigned)width + 1 + 6 + 2;
	if (column + MEANING_LEAST > page->style->width) {
		page_end(page);
		page_wrap(page, INK_DIM, 4, 4, meaning);
		return;
	}
	struct page inner = {&line, page->style};
	page_wrap(&inner, INK_DIM, column, column, meaning);
	page->text->failed |= line.failed;
	text_add(page->text, text_string(&line) + size_min(column, line.length));
}

static void write_parts(struct page *page, const struct headline_split *split, bool rss_known)
{
	write_part(page, INK_LIVE, "live", split->live, split->rss,
		   "in use by objects; goes when the program drops them");
	write_part(page, INK_KEPT, "free but kept", split->kept, split->rss,
		   "freed by the program, not given back to the system");
	write_part(page, INK_OVERHEAD, "overhead", split->overhead, split->rss,
		   "pymalloc's own headers and rounding");
	if (rss_known)
		write_part(page, INK_ELSEWHERE, "elsewhere", split->elsewhere, split->rss,
			   "not pymalloc: larger objects, libraries, files, stacks");
}

/* A core holds memory, not what of it was in RAM. */
static void write_no_rss(struct page *page, const struct headline_split *split)
{
	char total[UNITS_MAX], line[160];
	units_said(total, page->style->units, split->rss);
	snprintf(line, sizeof(line),
		 split->rss ? "RSS is not known of a core; the bar is of the %s that pymalloc holds"
			    : "RSS is not known of a core",
		 total);
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 2, line);
}

static void write_memory(struct page *page, const struct snapshot *snapshot,
			 const struct occupancy *occupancy)
{
	struct headline_split split = headline_split_of(snapshot, occupancy);
	const struct page_part parts[] = {{split.live, INK_LIVE},
					  {split.kept, INK_KEPT},
					  {split.overhead, INK_OVERHEAD},
					  {split.elsewhere, INK_ELSEWHERE}};
	bool rss_known = snapshot->target.rss;
	if (rss_known)
		write_rss_line(page, &snapshot->target);
	else
		write_no_rss(page, &split);
	if (!occupancy->arenas.count)
		return;
	page_addf(page, "[");
	page_bar(page, parts, ARRAY_SIZE(parts), split.rss, page->style->width - 2);
	page_addf(page, "]\n");
	write_parts(page, &split, rss_known);
	if (!split.exact)
		page_wrap(
			page, INK_DIM, 2, 2,
			occupancy->totals.has_residency
				? "Part of pymalloc's memory is swapped out, so what of it is in "
				  "RAM is split by the most that can be live."
				: "What of pymalloc's memory is in RAM is not known; all of it is "
				  "counted as if it were.");
}

/* ---- pymalloc ---------------------------------------------------------------------------- */

/*
 * What the builds' own counters say of the past. Interpreters with arenas of their own had their
 * peaks at different times, so those are no peak of the whole; what they ever took can be added.
 */
static void add_history(struct text *line, const struct snapshot *snapshot)
{
	struct maybe high = {.absent = true}, total = maybe_known(0);
	char figure[UNITS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct pymalloc *p = &snapshot->interpreters.items[i].pymalloc;
		if (!p->used)
			continue;
		high = p->arenas_highwater;
		total.value = size_add(total.value, p->arenas_allocated_total.value);
		total.known &= p->arenas_allocated_total.known;
		n++;
	}
	units_maybe(figure, high);
	if (n == 1 && high.known)
		text_addf(line, ", %s at the most so far", figure);
	units_maybe(figure, total);
	if (n && total.known)
		text_addf(line, ", %s ever taken", figure);
}

static void add_in_ram(struct text *line, const struct occupancy_totals *t, enum units units)
{
	char resident[UNITS_MAX], swapped[UNITS_MAX], untouched[UNITS_MAX];
	if (!t->has_residency)
		return;
	units_said(resident, units, t->resident);
	units_said(swapped, units, t->swapped);
	units_said(untouched, units, size_subtract(t->total, size_add(t->resident, t->swapped)));
	text_addf(line, " %s of it is in RAM, %s swapped out, %s never touched.", resident, swapped,
		  untouched);
}

static void write_pymalloc(struct page *page, const struct snapshot *snapshot,
			   const struct occupancy *occupancy)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const struct pymalloc *p = occupancy->arenas.items[0].heap;
	char total[UNITS_MAX], arenas[UNITS_MAX], size[UNITS_MAX], pool[UNITS_MAX];
	units_said(total, page->style->units, occupancy->totals.total);
	units_count(arenas, occupancy->arenas.count);
	units_said(size, page->style->units, p->arena_size);
	units_said(pool, page->style->units, p->pool_size);
	text_addf(&line, "%s in %s arena%s of %s", total, arenas,
		  occupancy->arenas.count == 1 ? "" : "s", size);
	add_history(&line, snapshot);
	text_add(&line, ".");
	add_in_ram(&line, &occupancy->totals, page->style->units);
	text_addf(&line,
		  " pymalloc serves Python's requests of up to %" PRIu64
		  " bytes from pools of %s, which lie in arenas. An arena is given back only when "
		  "every block in it is free: a single live one keeps all %s.",
		  p->threshold, pool, size);
	page->text->failed |= line.failed;
	page_heading(page, "PYMALLOC", text_string(&line));
}

static void write_blocks(struct page *page, const struct snapshot *snapshot)
{
	char blocks[UNITS_MAX], line[120];
	units_maybe(blocks, snapshot->allocated_blocks);
	snprintf(line, sizeof(line), "%s blocks in all, as sys.getallocatedblocks() counts them.",
		 blocks);
	if (!snapshot->allocated_blocks.absent)
		page_wrap(page, INK_PLAIN, 2, 2, line);
}

static void write_certainty(struct page *page, const struct snapshot *snapshot,
			    const struct occupancy *occupancy)
{
	char pools[UNITS_MAX], unread[UNITS_MAX], line[160];
	units_count(pools, occupancy->totals.n_pools);
	units_count(unread, occupancy->totals.n_unread);
	snprintf(line, sizeof(line), "%s pools, %s of them unread; %s", pools, unread,
		 snapshot->doubts.list.count ? "" : "the parts add up, ");
	caveat_write_certainty(page, &snapshot->doubts, occupancy->arenas.count ? line : NULL);
}

static struct error *write_mimalloc(struct page *page, const struct snapshot *snapshot,
				    const struct dump_request *request)
{
	struct error *err = dump_write_mimalloc(page, snapshot, request);
	if (err)
		return err;
	if (!snapshot->allocated_blocks.absent)
		write_blocks(page, snapshot);
	page_heading(page, "MAP", "How full each segment is, in order of address.");
	dump_write_segments(page, snapshot, 16);
	dump_write_legend(page, false);
	return NULL;
}

static struct error *write_heap(struct page *page, const struct snapshot *snapshot,
				const struct occupancy *occupancy,
				const struct dump_request *request)
{
	write_pymalloc(page, snapshot, occupancy);
	write_blocks(page, snapshot);
	dump_write_interpreters(page, snapshot);
	dump_write_uses(page, occupancy);
	struct error *err = dump_write_map(page, occupancy);
	if (err)
		return err;
	dump_write_classes(page, snapshot, request);
	return NULL;
}

struct error *dump_write(struct page *page, const struct snapshot *snapshot,
			 const struct dump_request *request)
{
	_cleanup_(occupancy_fini) struct occupancy occupancy = {0};
	struct error *err = occupancy_of(snapshot, OCCUPANCY_ALL, &occupancy);
	if (err)
		return err;
	dump_write_head(page, snapshot, request->contents);
	write_headline(page, snapshot, &occupancy);
	if (snapshot->ledger.filled)
		ledger_report_summary(page, snapshot);
	else
		write_memory(page, snapshot, &occupancy);
	if (occupancy.arenas.count)
		err = write_heap(page, snapshot, &occupancy, request);
	if (!err && dump_has_mimalloc(snapshot))
		err = write_mimalloc(page, snapshot, request);
	if (err)
		return err;
	dump_write_free_lists(page, snapshot, request);
	write_certainty(page, snapshot, &occupancy);
	return NULL;
}
