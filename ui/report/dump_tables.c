/*
 * dump_tables: each table is headed by what its figures mean for "why is my memory
 * not given back", since the figures alone answer only those who know already.
 */
#include "ui/report/dump_tables.h"

#include "base/cleanup.h"
#include "base/count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_ROWS 16

/* Columns that are left for a bar behind `used` ones, in steps that look alike on any screen. */
static unsigned bar_width(const struct page *page, int used)
{
	unsigned left = (unsigned)size_subtract(page->style->width, (uint64_t)used);
	return left > 60 ? 60 : left;
}

/* ---- size classes ------------------------------------------------------------------------ */

struct class_row {
	uint64_t size, pools, live, n_live, kept;
};

static size_t sum_classes(const struct snapshot *snapshot, struct class_row *rows)
{
	size_t n = 0;
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct pymalloc *p = &snapshot->interpreters.items[i].pymalloc;
		for (size_t k = 0; k < p->n_classes && k < PYMALLOC_CLASSES_MAX; k++) {
			rows[k].size = p->classes[k].size;
			rows[k].pools += p->classes[k].pools;
			rows[k].n_live += p->classes[k].used_blocks;
			rows[k].live += p->classes[k].used_blocks * p->classes[k].size;
			rows[k].kept += p->classes[k].free_blocks * p->classes[k].size;
			n = k + 1 > n ? k + 1 : n;
		}
	}
	return n;
}

static int by_size(const void *a, const void *b)
{
	const struct class_row *x = a, *y = b;
	return (x->size > y->size) - (x->size < y->size);
}

static int by_pools(const void *a, const void *b)
{
	const struct class_row *x = a, *y = b;
	int order = (x->pools < y->pools) - (x->pools > y->pools);
	return order ? order : by_size(a, b);
}

static int by_live(const void *a, const void *b)
{
	const struct class_row *x = a, *y = b;
	int order = (x->live < y->live) - (x->live > y->live);
	return order ? order : by_size(a, b);
}

static int by_kept(const void *a, const void *b)
{
	const struct class_row *x = a, *y = b;
	int order = (x->kept < y->kept) - (x->kept > y->kept);
	return order ? order : by_size(a, b);
}

static void sort_classes(struct class_row *rows, size_t n, const char *key)
{
	int (*compare)(const void *, const void *) = by_size;
	if (key && strcmp(key, "pools") == 0)
		compare = by_pools;
	else if (key && strcmp(key, "live") == 0)
		compare = by_live;
	else if (key && strcmp(key, "free") == 0)
		compare = by_kept;
	qsort(rows, n, sizeof(*rows), compare);
}

/* Without these two columns the table fits on 40: pools and live blocks. */
static bool has_counts(const struct page *page)
{
	return 43 + 2 * (unsigned)page_amount_width(page) <= page->style->width;
}

/* Unlike other bars a class's may be too short to be seen: beside the large ones it does not matter. */
static void write_class_bar(struct page *page, const struct class_row *row, uint64_t largest)
{
	const struct page_part parts[] = {{row->live, INK_LIVE}, {row->kept, INK_KEPT}};
	unsigned width = bar_width(page, 43 + 2 * page_amount_width(page));
	if ((row->live + row->kept) * width >= largest)
		page_bar(page, parts, 2, largest, width);
}

static void write_class(struct page *page, const struct class_row *row, uint64_t largest)
{
	char pools[UNITS_MAX], n_live[UNITS_MAX], used[UNITS_MAX];
	units_count(pools, row->pools);
	units_count(n_live, row->n_live);
	units_percent(used, row->live, row->live + row->kept);
	page_addf(page, "  %5" PRIu64 " ", row->size);
	if (has_counts(page))
		page_addf(page, "%9s %13s ", pools, n_live);
	page_amount(page, page_amount_width(page), row->live);
	page_addf(page, " ");
	page_amount(page, page_amount_width(page), row->kept);
	page_addf(page, " %6s  ", used);
	write_class_bar(page, row, largest);
	page_end(page);
}

static size_t drop_empty(struct class_row *rows, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].pools)
			rows[kept++] = rows[i];
	}
	return kept;
}

void dump_write_classes(struct page *page, const struct snapshot *snapshot,
			const struct dump_request *request)
{
	struct class_row rows[PYMALLOC_CLASSES_MAX] = {0};
	size_t n = drop_empty(rows, sum_classes(snapshot, rows));
	size_t shown = request->limit && request->limit < n ? (size_t)request->limit : n;
	uint64_t largest = 0;
	for (size_t i = 0; i < n; i++)
		largest = size_max(largest, rows[i].live + rows[i].kept);
	sort_classes(rows, n, request->sort);
	page_heading(page, "SIZE CLASSES",
		     "Blocks by size. A freed block serves only later requests of its own class, "
		     "until all of its pool is free.");
	page_inkf(page, INK_DIM, "  %5s %s%*s %*s %6s", "size",
		  has_counts(page) ? "    pools   live blocks " : "", page_amount_width(page),
		  "live", page_amount_width(page), "free", "used");
	page_addf(page, "\n");
	for (size_t i = 0; i < shown; i++)
		write_class(page, &rows[i], largest);
	if (shown < n)
		page_inkf(page, INK_DIM, "  %s more\n", COUNT(n - shown));
}

/* ---- arenas by use ----------------------------------------------------------------------- */

void dump_write_uses(struct page *page, const struct occupancy *occupancy)
{
	page_heading(page, "ARENAS BY USE",
		     "Memory in nearly empty arenas is what could come back: each of them waits "
		     "for its last live blocks.");
	int count_width = page->style->width < 60 ? 6 : 9;
	page_inkf(page, INK_DIM, "  %-7s %*s %*s %*s", "used", count_width, "arenas",
		  page_amount_width(page), "mapped", page_amount_width(page), "free");
	page_addf(page, "\n");
	for (int i = 0; i < OCCUPANCY_BUCKET_COUNT; i++) {
		const struct occupancy_bucket *b = &occupancy->buckets[i];
		char n[UNITS_MAX];
		const struct page_part part = {b->n_arenas,
					       i == OCCUPANCY_0_5 ? INK_HOT : INK_PLAIN};
		units_count(n, b->n_arenas);
		page_addf(page, "  %-7s %*s ", occupancy_bucket_name((enum occupancy_bucket_id)i),
			  count_width, n);
		page_amount(page, page_amount_width(page), b->size);
		page_addf(page, " ");
		page_amount(page, page_amount_width(page), b->held);
		page_addf(page, "  ");
		page_bar(page, &part, 1, occupancy->arenas.count,
			 bar_width(page, 14 + count_width + 2 * page_amount_width(page)));
		page_end(page);
	}
}

/* ---- the map ----------------------------------------------------------------------------- */

void dump_write_legend(struct page *page, bool with_unread)
{
	static const struct {
		enum occupancy_class class;
		const char *meaning;
	} legend[] = {
		{OCCUPANCY_PINNED, "under 5 % used: pinned"},
		{OCCUPANCY_LOW, "5-25"},
		{OCCUPANCY_MIDDLE, "25-75"},
		{OCCUPANCY_HIGH, "75 and more"},
		{OCCUPANCY_EMPTY, "nothing used"},
		{OCCUPANCY_UNREAD, "not read"},
	};
	size_t n = ARRAY_SIZE(legend) - !with_unread;
	size_t column = 1;
	page_addf(page, " ");
	for (size_t i = 0; i < n; i++) {
		size_t columns = strlen(legend[i].meaning) + 4;
		if (column + columns > page->style->width) {
			page_addf(page, "\n ");
			column = 1;
		}
		column += columns;
		page_addf(page, " ");
		page_inkf(page, style_glyph_ink(legend[i].class), "%s",
			  style_glyph(page->style, legend[i].class));
		page_addf(page, " %s%s", legend[i].meaning, i + 1 < n ? "," : "");
	}
	page_addf(page, "\n");
}

static void write_scale(struct page *page, const struct occupancy_map *map)
{
	char size[UNITS_MAX], line[160];
	units_said(size, page->style->units, map->cell_size);
	if (map->units_per_cell)
		snprintf(line, sizeof(line),
			 "In address order; one cell is %" PRIu64 " pool%s (%s).",
			 map->units_per_cell, map->units_per_cell == 1 ? "" : "s", size);
	else
		snprintf(line, sizeof(line),
			 "In address order; one cell is %" PRIu64 " arena%s (%s).",
			 map->arenas_per_cell, map->arenas_per_cell == 1 ? "" : "s", size);
	page_heading(page, "MAP", line);
}

static void write_map_row(struct page *page, const struct occupancy_map *map, size_t from,
			  size_t columns)
{
	page_inkf(page, INK_DIM, "%012" PRIx64 " ", map->cells.items[from].address.value);
	enum ink ink = INK_PLAIN;
	for (size_t i = from; i < map->cells.count && i < from + columns; i++) {
		enum occupancy_class class = map->cells.items[i].class;
		enum ink next = style_glyph_ink(class);
		/* Neighbours share one sequence: a coloured map stays small enough to paste. */
		if (next != ink || i == from) {
			page_addf(page, "%s%s", style_ink_end(page->style, ink),
				  style_ink(page->style, next));
			ink = next;
		}
		page_addf(page, "%s", style_glyph(page->style, class));
	}
	page_addf(page, "%s\n", style_ink_end(page->style, ink));
}

struct error *dump_write_map(struct page *page, const struct occupancy *occupancy)
{
	_cleanup_(occupancy_map_fini) struct occupancy_map map = {0};
	size_t columns = page->style->width >= 80 ? 64 : 24;
	struct error *err = occupancy_map_of(occupancy, columns * MAP_ROWS, &map);
	if (err)
		return err;
	write_scale(page, &map);
	for (size_t i = 0; i < map.cells.count; i += columns)
		write_map_row(page, &map, i, columns);
	dump_write_legend(page, occupancy->totals.n_unread > 0);
	return NULL;
}

/* ---- interpreters ------------------------------------------------------------------------ */

static void write_interpreter(struct page *page, const struct snapshot_interpreter *s)
{
	const struct pymalloc *p = &s->pymalloc;
	char arenas[UNITS_MAX];
	units_count(arenas, p->arenas.count);
	page_addf(page, "  %5" PRId64 " ", s->id);
	if (!s->readable)
		page_addf(page, "could not be read\n");
	else if (s->shares_main)
		page_addf(page, "lives in the main interpreter's arenas\n");
	else {
		page_addf(page, "%9s ", arenas);
		page_amount(page, page_amount_width(page), p->allocated_bytes);
		page_addf(page, " ");
		page_amount(page, page_amount_width(page),
			    p->available_bytes + p->unused_pools_bytes);
		page_addf(page, "\n");
	}
}

void dump_write_interpreters(struct page *page, const struct snapshot *snapshot)
{
	if (snapshot->interpreters.count < 2)
		return;
	page_heading(page, "INTERPRETERS",
		     "Each with arenas of its own keeps its own free memory; all are summed up "
		     "below.");
	page_inkf(page, INK_DIM, "  %5s %9s %*s %*s", "id", "arenas", page_amount_width(page),
		  "live", page_amount_width(page), "free");
	page_addf(page, "\n");
	for (size_t i = 0; i < snapshot->interpreters.count; i++)
		write_interpreter(page, &snapshot->interpreters.items[i]);
}

/* ---- free lists -------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	const struct snapshot_free_list *x = a, *y = b;
	uint64_t n = x->count.known ? x->count.value * x->size : 0;
	uint64_t m = y->count.known ? y->count.value * y->size : 0;
	int order = (n < m) - (n > m);
	return order ? order : strcmp(x->name, y->name);
}

static void add_free_list(struct text *line, const struct page *page,
			  const struct snapshot_free_list *list)
{
	char count[UNITS_MAX], bytes[UNITS_MAX];
	units_maybe(count, list->count);
	units_said(bytes, page->style->units, size_multiply(list->count.value, list->size));
	page_escape(line, page->style, list->name);
	text_addf(line, " %s (%s)", count, list->count.known && list->size ? bytes : "?");
}

static void write_free_lists(struct page *page, const struct snapshot_interpreter *s,
			     uint64_t limit)
{
	size_t n = 0;
	_cleanup_(free_pointer) struct snapshot_free_list *lists =
		calloc(s->free_lists.count + 1, sizeof(*lists));
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	if (!lists) {
		page->text->failed = true;
		return;
	}
	for (size_t i = 0; i < s->free_lists.count; i++) {
		const struct snapshot_free_list *list = &s->free_lists.items[i];
		if (!list->count.known || list->count.value)
			lists[n++] = *list;
	}
	qsort(lists, n, sizeof(*lists), by_bytes);
	size_t shown = 0;
	for (; shown < n && shown < limit; shown++) {
		text_add(&line, shown ? ", " : "");
		add_free_list(&line, page, &lists[shown]);
	}
	if (!shown)
		text_add(&line, "all empty");
	else if (shown < n)
		text_addf(&line, ", and %s smaller", COUNT(n - shown));
	page->text->failed |= line.failed;
	page_wrap(page, INK_PLAIN, 2, 2, text_string(&line));
}

void dump_write_free_lists(struct page *page, const struct snapshot *snapshot,
			   const struct dump_request *request)
{
	bool headed = false;
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct snapshot_interpreter *s = &snapshot->interpreters.items[i];
		if (!s->free_lists.count)
			continue;
		if (!headed)
			page_heading(
				page, "FREE LISTS",
				"Dead objects that the interpreter keeps for the next of their "
				"type; counted as live above. A full garbage collection "
				"empties most of them.");
		headed = true;
		if (i)
			page_addf(page, "  interpreter %" PRId64 ":\n", s->id);
		write_free_lists(page, s, request->limit ? request->limit : 6);
	}
}
