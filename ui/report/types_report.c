/*
 * types_report: figures first, so that they stand below each other; names are as long as they like.
 *
 *	1,052,309 blocks, 83.1 MiB: 90 % objects …		sentence
 *	TYPES			count  bytes  total  arenas  type
 *	BUFFERS			what they own beside themselves
 *	DICTS, ARRAYS, STRINGS	by keys, by what they hold, by what they say
 *	SURE			how much was recognised, doubts
 */
#include "ui/report/types_report.h"

#include "base/cleanup.h"
#include "ui/report/caveat.h"
#include "ui/report/dump.h"
#include "ui/report/types_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS       30
#define FEW        10
#define NAME_LEAST 16 /* columns; on a narrow page a name goes on the next line */

/* ---- order ------------------------------------------------------------------------------- */

struct rank {
	uint64_t amount;
	const char *name; /* NULL: by amount */
	size_t i;
};

static int by_amount(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	int order = (x->amount < y->amount) - (x->amount > y->amount);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

static int by_name(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

static uint64_t amount_of(const struct census_row *row, const char *sort)
{
	if (sort && strcmp(sort, "count") == 0)
		return row->count;
	if (sort && strcmp(sort, "bytes") == 0)
		return row->bytes;
	if (sort && strcmp(sort, "arenas") == 0)
		return row->arenas;
	return types_total(row);
}

/* Indices of census.types, census.types.count of them; the caller's to free. NULL: out of memory. */
static size_t *order_of(const struct census *census, const char *sort)
{
	size_t n = census->types.count;
	_cleanup_(free_pointer) struct rank *ranks = calloc(n + 1, sizeof(*ranks));
	size_t *order = ranks ? calloc(n + 1, sizeof(*order)) : NULL;
	if (!order)
		return NULL;
	for (size_t i = 0; i < n; i++)
		ranks[i] = (struct rank){amount_of(&census->types.items[i], sort),
					 census->types.items[i].name ?: "", i};
	qsort(ranks, n, sizeof(*ranks), sort && strcmp(sort, "type") == 0 ? by_name : by_amount);
	for (size_t i = 0; i < n; i++)
		order[i] = ranks[i].i;
	return order;
}

/* ---- a table's row ----------------------------------------------------------------------- */

static unsigned name_column(const struct page *page)
{
	return 12 + 2 * (unsigned)(page_amount_width(page) + 1) + 8 + 2;
}

/* "   1,052  83.1 MiB  " */
static void write_counted(struct page *page, uint64_t count, uint64_t bytes)
{
	char n[UNITS_MAX];
	units_count(n, count);
	page_addf(page, "%12s ", n);
	page_amount(page, page_amount_width(page), bytes);
	page_addf(page, "  ");
}

/* Behind the figures, or on a line of its own. */
static void write_name(struct page *page, unsigned column, const char *name)
{
	if (column + NAME_LEAST > page->style->width) {
		page_end(page);
		column = 6;
		text_add_char(page->text, ' ', column);
	}
	page_foreign(page, name, size_subtract(page->style->width, column));
	page_end(page);
}

/* How many there are of what `name` says, and their bytes. */
static void write_named(struct page *page, uint64_t count, uint64_t bytes, struct text *name)
{
	write_counted(page, count, bytes);
	page->text->failed |= name->failed;
	write_name(page, 15 + (unsigned)page_amount_width(page), text_string(name));
}

static void write_figures(struct page *page, uint64_t count, uint64_t bytes, uint64_t total)
{
	char n[UNITS_MAX];
	units_count(n, count);
	page_addf(page, "%12s ", n);
	page_amount(page, page_amount_width(page), bytes);
	page_addf(page, " ");
	page_amount(page, page_amount_width(page), total);
}

static void write_row(struct page *page, const struct census_row *row)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	char arenas[UNITS_MAX];
	units_count(arenas, row->arenas);
	write_figures(page, row->count, row->bytes, types_total(row));
	page_addf(page, " %8s  ", row->arenas ? arenas : "-");
	types_name(&name, row);
	page->text->failed |= name.failed;
	write_name(page, name_column(page), text_string(&name));
}

static void write_more(struct page *page, size_t n, size_t shown)
{
	char more[UNITS_MAX];
	units_count(more, n - shown);
	if (shown < n)
		page_inkf(page, INK_DIM, "  %s more\n", more);
}

static struct error *write_types(struct page *page, const struct census *census,
				 const struct types_request *request)
{
	size_t n = census->types.count, shown = size_min(request->limit ?: ROWS, n);
	int width = page_amount_width(page);
	_cleanup_(free_pointer) size_t *order = order_of(census, request->sort);
	if (!order)
		return error_out_of_memory();
	page_heading(page, "TYPES",
		     "bytes: of the objects themselves; total: with the buffers that only they "
		     "own; arenas: in which one of them, or of their buffers, lies.");
	page_inkf(page, INK_DIM, "%12s %*s %*s %8s  %s", "count", width, "bytes", width, "total",
		  "arenas", name_column(page) + NAME_LEAST > page->style->width ? "" : "type");
	page_end(page);
	for (size_t i = 0; i < shown; i++)
		write_row(page, &census->types.items[order[i]]);
	write_more(page, n, shown);
	return NULL;
}

/* ---- what is not a type ------------------------------------------------------------------ */

static void write_buffers(struct page *page, const struct census *census, uint64_t limit)
{
	size_t n = census->buffer_kinds.count, shown = size_min(limit ?: FEW, n);
	if (!n)
		return;
	page_heading(page, "BUFFERS",
		     "Memory that objects own beside themselves; in their total above.");
	for (size_t i = 0; i < shown; i++) {
		const struct census_buffer *b = &census->buffer_kinds.items[i];
		write_counted(page, b->count, b->bytes);
		page_addf(page, "%s", b->kind);
		page_end(page);
	}
	write_more(page, n, shown);
}

static void add_keys(struct text *line, const struct census_signature *s)
{
	text_add(line, "{");
	for (size_t i = 0; i < s->keys.count; i++)
		text_addf(line, "%s%s", i ? ", " : "", s->keys.items[i]);
	if (s->n_keys > s->keys.count)
		text_addf(line, "%s%" PRIu64 " key%s", s->keys.count ? ", ... of " : "", s->n_keys,
			  s->n_keys == 1 ? "" : "s");
	text_add(line, "}");
}

static void write_signatures(struct page *page, const struct census *census, uint64_t limit)
{
	size_t n = census->signatures.count, shown = size_min(limit ?: FEW, n);
	if (!n)
		return;
	page_heading(page, "DICTS", "By their keys, with the tables of the dicts.");
	for (size_t i = 0; i < shown; i++) {
		const struct census_signature *s = &census->signatures.items[i];
		_cleanup_(text_fini) struct text line = TEXT_EMPTY;
		add_keys(&line, s);
		write_named(page, s->count, s->bytes, &line);
	}
	write_more(page, n, shown);
}

static void add_shape(struct text *line, const struct census_array *a)
{
	for (uint32_t i = 0; i < a->n_shape && i < ARRAY_SIZE(a->shape); i++)
		text_addf(line, "%s%" PRIu64, i ? " x " : ", ", a->shape[i]);
}

/* Of what has columns of several dtypes the shape comes first: a line may be cut short. */
static void add_array(struct text *line, const struct census_array *a)
{
	bool table = a->dtype && strchr(a->dtype, ' ');
	text_add(line, a->type ?: "array");
	if (table)
		add_shape(line, a);
	text_addf(line, " of %s", a->dtype ?: "?");
	if (!table)
		add_shape(line, a);
}

static void write_arrays(struct page *page, const struct census *census, uint64_t limit)
{
	size_t n = census->arrays.count, shown = size_min(limit ?: FEW, n);
	if (!n)
		return;
	page_heading(page, "ARRAYS", "By what they hold, with their data.");
	for (size_t i = 0; i < shown; i++) {
		const struct census_array *a = &census->arrays.items[i];
		_cleanup_(text_fini) struct text line = TEXT_EMPTY;
		add_array(&line, a);
		write_named(page, a->count, a->data_bytes, &line);
	}
	write_more(page, n, shown);
}

static void write_string(struct page *page, const struct census_string *s)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char length[UNITS_MAX];
	units_count(length, s->length);
	text_addf(&line, "%s characters: %s", length, s->text ?: "");
	write_named(page, s->count, s->bytes, &line);
}

static void write_strings(struct page *page, const struct census *census, uint64_t limit)
{
	size_t most = limit ?: FEW;
	if (census->duplicates.count)
		page_heading(page, "DUPLICATES", "Strings that are there more than once.");
	for (size_t i = 0; i < census->duplicates.count && i < most; i++)
		write_string(page, &census->duplicates.items[i]);
	if (census->largest.count)
		page_heading(page, "LARGEST", "The largest strings.");
	for (size_t i = 0; i < census->largest.count && i < most; i++)
		write_string(page, &census->largest.items[i]);
}

/* ---- the frame --------------------------------------------------------------------------- */

static void write_certainty(struct page *page, const struct snapshot *snapshot)
{
	const struct census *c = &snapshot->census;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char dead[UNITS_MAX], burst[UNITS_MAX];
	units_count(dead, c->free_listed);
	units_pause(burst, c->burst_us);
	if (c->filled) {
		types_identified(&line, c);
		text_addf(&line, "; %s are dead objects in free lists; memory was copied in %s; ",
			  dead, burst);
	}
	page->text->failed |= line.failed;
	caveat_write_certainty(page, &snapshot->doubts, c->filled ? text_string(&line) : NULL);
}

struct error *types_report_write(struct page *page, const struct snapshot *snapshot,
				 const struct types_request *request)
{
	const struct census *census = &snapshot->census;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct error *err = NULL;
	dump_write_head(page, snapshot, request->contents);
	page_addf(page, "\n");
	if (census->filled)
		types_sentence(&line, census, page->style->units);
	else
		text_add(&line, "What the blocks hold could not be told.");
	page->text->failed |= line.failed;
	page_wrap(page, INK_STRONG, 0, 0, text_string(&line));
	if (census->filled) {
		err = write_types(page, census, request);
		write_buffers(page, census, request->limit);
		write_signatures(page, census, request->limit);
		write_arrays(page, census, request->limit);
		write_strings(page, census, request->limit);
	}
	if (err)
		return err;
	write_certainty(page, snapshot);
	return NULL;
}
