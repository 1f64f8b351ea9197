/*
 * dump_mimalloc: a segment is drawn as an arena is, its slices for pools.
 *
 *	02000a000000 ████▓▓░·····························  3
 *	└ address ─┘ └ slices in address order ─────────┘└ % of the bytes in pages and free slices in use
 */
#include "ui/report/dump_mimalloc.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "ui/occupancy.h"

#include <inttypes.h>
#include <stdio.h>

#define LABEL_WIDTH 13
#define SHARE_WIDTH 4
#define CELLS_MAX   64

bool dump_has_mimalloc(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->interpreters.count; i++)
		if (snapshot->interpreters.items[i].mimalloc.used)
			return true;
	return false;
}

/* ---- heaps ------------------------------------------------------------------------------- */

/* On narrow screens without the counts of pages and blocks. */
static bool has_counts(const struct page *page)
{
	return 43 + 2 * (unsigned)page_amount_width(page) <= page->style->width;
}

static void write_heap(struct page *page, const struct mimalloc_heap *heap)
{
	char thread[24], pages[UNITS_MAX], blocks[UNITS_MAX], share[UNITS_MAX];
	snprintf(thread, sizeof(thread), "%d", (int)heap->thread);
	units_count(pages, heap->n_pages);
	units_count(blocks, heap->used_blocks);
	units_percent(share, heap->used_bytes, heap->used_bytes + heap->free_bytes);
	page_addf(page, "  %8s %-9s ", heap->thread ? thread : "-", mimalloc_kind_name(heap->kind));
	if (has_counts(page))
		page_addf(page, "%8s %13s ", pages, blocks);
	page_amount(page, page_amount_width(page), heap->used_bytes);
	page_addf(page, " ");
	page_amount(page, page_amount_width(page), heap->free_bytes);
	page_addf(page, " %6s\n", share);
}

static void write_heaps(struct page *page, const struct mimalloc *m, uint64_t limit)
{
	size_t n = m->heaps.count, shown = limit && limit < n ? (size_t)limit : n;
	page_inkf(page, INK_DIM, "  %8s %-9s %s%*s %*s %6s", "thread", "heap",
		  has_counts(page) ? "   pages   live blocks " : "", page_amount_width(page),
		  "live", page_amount_width(page), "free", "used");
	page_addf(page, "\n");
	for (size_t i = 0; i < shown; i++)
		write_heap(page, &m->heaps.items[i]);
	if (shown < n)
		page_inkf(page, INK_DIM, "  %s more\n", COUNT(n - shown));
}

static void write_sum(struct page *page, const struct mimalloc *m)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char live[UNITS_MAX], free[UNITS_MAX], delayed[UNITS_MAX], resident[UNITS_MAX];
	uint64_t in_ram = 0;
	for (size_t i = 0; i < m->segments.count; i++)
		in_ram += m->segments.items[i].resident;
	units_said(live, page->style->units, m->used_bytes);
	units_said(free, page->style->units, m->free_bytes);
	units_said(delayed, page->style->units, m->delayed_bytes);
	units_said(resident, page->style->units, in_ram);
	text_addf(&line, "%zu segment%s: %s live, %s free in pages.", m->segments.count,
		  m->segments.count == 1 ? "" : "s", live, free);
	if (m->has_residency)
		text_addf(&line, " %s is in RAM.", resident);
	if (m->delayed_bytes)
		text_addf(&line, " %s of empty pages wait until every thread has passed them.",
			  delayed);
	text_add(&line,
		 " mimalloc serves Python's requests from pages of one block size each; a page "
		 "belongs to a heap of a thread, and what a thread leaves behind when it ends is "
		 "abandoned until another takes it over.");
	page->text->failed |= line.failed;
	page_heading(page, "MIMALLOC", text_string(&line));
}

/* ---- sizes ------------------------------------------------------------------------------- */

struct size_row {
	uint64_t size, pages, n_live, live, kept;
};

static int by_size(const void *a, const void *b)
{
	const struct size_row *x = a, *y = b;
	return (x->size > y->size) - (x->size < y->size);
}

/* A row for each page, then rows of one size made one. */
static size_t sum_sizes(const struct mimalloc *m, struct size_row *rows)
{
	size_t n = 0;
	for (size_t i = 0; i < m->pages.count; i++) {
		const struct mimalloc_page *p = &m->pages.items[i];
		uint64_t live = p->used * p->block_size;
		rows[i] = (struct size_row){p->block_size, 1, p->used, live,
					    size_subtract(p->capacity * p->block_size, live)};
	}
	qsort(rows, m->pages.count, sizeof(*rows), by_size);
	for (size_t i = 0; i < m->pages.count; i++) {
		if (!n || rows[n - 1].size != rows[i].size) {
			rows[n++] = rows[i];
			continue;
		}
		rows[n - 1].pages++;
		rows[n - 1].n_live += rows[i].n_live;
		rows[n - 1].live += rows[i].live;
		rows[n - 1].kept += rows[i].kept;
	}
	return n;
}

static void write_size(struct page *page, const struct size_row *row)
{
	char pages[UNITS_MAX], n_live[UNITS_MAX], used[UNITS_MAX];
	units_count(pages, row->pages);
	units_count(n_live, row->n_live);
	units_percent(used, row->live, row->live + row->kept);
	page_addf(page, "  %11" PRIu64 " ", row->size);
	if (has_counts(page))
		page_addf(page, "%8s %13s ", pages, n_live);
	page_amount(page, page_amount_width(page), row->live);
	page_addf(page, " ");
	page_amount(page, page_amount_width(page), row->kept);
	page_addf(page, " %6s\n", used);
}

static struct error *write_sizes(struct page *page, const struct mimalloc *m, uint64_t limit)
{
	_cleanup_(free_pointer) struct size_row *rows = calloc(m->pages.count + 1, sizeof(*rows));
	if (!rows)
		return error_out_of_memory();
	size_t n = sum_sizes(m, rows), shown = limit && limit < n ? (size_t)limit : n;
	page_heading(page, "BLOCK SIZES",
		     "mimalloc's blocks by size, of all heaps. A freed block serves only later "
		     "requests of its own size and heap, until all of its page is free.");
	page_inkf(page, INK_DIM, "  %11s %s%*s %*s %6s", "size",
		  has_counts(page) ? "   pages   live blocks " : "", page_amount_width(page),
		  "live", page_amount_width(page), "free", "used");
	page_addf(page, "\n");
	for (size_t i = 0; i < shown; i++)
		write_size(page, &rows[i]);
	if (shown < n)
		page_inkf(page, INK_DIM, "  %s more\n", COUNT(n - shown));
	return NULL;
}

struct error *dump_write_mimalloc(struct page *page, const struct snapshot *snapshot,
				  const struct dump_request *request)
{
	struct error *err = NULL;
	for (size_t i = 0; !err && i < snapshot->interpreters.count; i++) {
		const struct snapshot_interpreter *one = &snapshot->interpreters.items[i];
		if (!one->mimalloc.used)
			continue;
		write_sum(page, &one->mimalloc);
		if (i)
			page_inkf(page, INK_STRONG, "interpreter %" PRId64 "\n", one->id);
		write_heaps(page, &one->mimalloc, request->limit);
		err = write_sizes(page, &one->mimalloc, request->limit);
	}
	return err;
}

/* ---- segments ---------------------------------------------------------------------------- */

struct cell {
	double used, held; /* bytes */
};

/* Spreads a stretch of a segment over the cells that it lies in. */
static void spread(struct cell *cells, unsigned n, uint64_t cell_size, uint64_t from, uint64_t size,
		   double used)
{
	for (uint64_t at = from, end = size_add(from, size); at < end;) {
		uint64_t i = at / cell_size, next = size_min((i + 1) * cell_size, end);
		if (i >= n)
			return;
		double share = (double)(next - at) / (double)size;
		cells[i].used += used * share;
		cells[i].held += ((double)size - used) * share;
		at = next;
	}
}

/* Slices in no page are free; those of the segment's own header, before its first page, are not shown as such. */
static void fill_cells(const struct mimalloc *m, const struct mimalloc_segment *s,
		       struct cell *cells, unsigned n)
{
	uint64_t cell_size = size_max((s->size + n - 1) / n, 1), above = 64 * KIB;
	for (uint32_t i = 0; i < s->n_pages; i++) {
		const struct mimalloc_page *p = &m->pages.items[s->first_page + i];
		uint64_t from = raddr_distance(s->start, p->start) & ~(64 * KIB - 1);
		uint64_t used = size_min(p->used * p->block_size, p->size);
		spread(cells, n, cell_size, above, size_subtract(from, above), 0);
		spread(cells, n, cell_size, from, p->size, (double)used);
		above = size_add(from, p->size);
	}
	spread(cells, n, cell_size, above, size_subtract(s->size, above), 0);
}

static void write_segment(struct page *page, const struct mimalloc *m,
			  const struct mimalloc_segment *s, unsigned n)
{
	struct cell cells[CELLS_MAX] = {0};
	double used = 0, held = 0;
	enum ink ink = INK_PLAIN;
	fill_cells(m, s, cells, n);
	page_inkf(page, INK_DIM, "%012" PRIx64 " ", s->start.value);
	for (unsigned i = 0; i < n; i++) {
		enum occupancy_class class =
			occupancy_class_of((uint64_t)cells[i].used, (uint64_t)cells[i].held);
		enum ink next = style_glyph_ink(class);
		if (next != ink)
			page_addf(page, "%s%s", style_ink_end(page->style, ink),
				  style_ink(page->style, next));
		ink = next;
		page_addf(page, "%s", style_glyph(page->style, class));
		used += cells[i].used;
		held += cells[i].held;
	}
	page_addf(page, "%s", style_ink_end(page->style, ink));
	page_addf(page, "%*.0f\n", SHARE_WIDTH,
		  100 * occupancy_share((uint64_t)used, (uint64_t)held));
}

void dump_write_segments(struct page *page, const struct snapshot *snapshot, uint64_t limit)
{
	unsigned room = page->style->width - LABEL_WIDTH - SHARE_WIDTH, n = CELLS_MAX;
	char scale[48];
	while (n > room)
		n /= 2;
	snprintf(scale, sizeof(scale), "%u cells a segment", n);
	page_inkf(page, INK_DIM, "%-*s%-*.*s%*s", LABEL_WIDTH, "segment", (int)n, (int)n, scale,
		  SHARE_WIDTH, "%");
	page_addf(page, "\n");
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct mimalloc *m = &snapshot->interpreters.items[i].mimalloc;
		size_t all = m->segments.count, shown = limit && limit < all ? (size_t)limit : all;
		if (i && all)
			page_inkf(page, INK_STRONG, "interpreter %" PRId64 "\n",
				  snapshot->interpreters.items[i].id);
		for (size_t s = 0; s < shown; s++)
			write_segment(page, m, &m->segments.items[s], n);
		if (shown < all)
			page_inkf(page, INK_DIM, "%s more\n", COUNT(all - shown));
	}
}
