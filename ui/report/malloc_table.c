/*
 * malloc_table: short figures, so that an arena is one line of 80 columns; where that does not do
 * (plain bytes, narrow pages), a row goes on below itself, and so does the head.
 *
 *	 arena system in use cached   free in RAM   trim  stuck    top threads
 *	  main  1.21G   310M  1.20M   880M   871M   869M  2.10M  12.0K gunicorn (2)
 *	   #1!   133M  2.10M      0   129M   120M   118M  1.31M  1.90M no thread
 */
#include "ui/report/malloc_table.h"

#include "base/cleanup.h"
#include "base/count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH   6
#define THREADS_LEAST 12
#define ROWS          16 /* unless told otherwise */

/* ---- rows -------------------------------------------------------------------------------- */

struct layout_plan {
	int width;        /* of a column, without the blank before it */
	unsigned columns; /* that fit a line beside the label */
};

static struct layout_plan plan_of(const struct page *page)
{
	struct layout_plan plan = {.width = page->style->units == UNITS_BYTES ? 15 : 6};
	plan.columns = (page->style->width - LABEL_WIDTH) / ((unsigned)plan.width + 1);
	return plan;
}

/* What a row says in a column: a title, or a figure. */
struct row {
	const char *label;
	const struct malloc_account *account;
	const struct malloc_arena *arena; /* NULL: the sum; see `head` */
	bool head;
};

static void cell_text(char ret[UNITS_MAX], const struct page *page, const struct row *row,
		      enum malloc_column column)
{
	if (row->head) {
		snprintf(ret, UNITS_MAX, "%s", malloc_words_title(column));
		return;
	}
	struct maybe figure = row->arena ? malloc_words_figure(row->arena, column)
					 : malloc_words_sum(row->account, column);
	if (!figure.known)
		snprintf(ret, UNITS_MAX, "?");
	else if (page->style->units == UNITS_BYTES)
		units_count(ret, figure.value);
	else
		units_bytes_short(ret, figure.value);
}

/* Who uses it, on this line if that fits. */
static void write_threads(struct page *page, const struct row *row, size_t column)
{
	_cleanup_(text_fini) struct text names = TEXT_EMPTY;
	if (row->head)
		text_add(&names, "threads");
	else if (row->arena)
		malloc_words_threads(&names, row->arena);
	if (names.length && column + 1 + THREADS_LEAST > page->style->width) {
		page_end(page);
		column = LABEL_WIDTH + 4;
		text_add_char(page->text, ' ', column);
	}
	page_addf(page, " ");
	page_foreign(page, text_string(&names), size_subtract(page->style->width, column + 1));
	page->text->failed |= names.failed;
	page_end(page);
}

static void write_row(struct page *page, const struct layout_plan *plan, const struct row *row)
{
	size_t column = LABEL_WIDTH;
	page_addf(page, "%*s", LABEL_WIDTH, row->label);
	for (unsigned i = 0; i < MALLOC_COLUMNS; i++) {
		char cell[UNITS_MAX];
		if (i && i % plan->columns == 0) {
			page_end(page);
			text_add_char(page->text, ' ', LABEL_WIDTH);
			column = LABEL_WIDTH;
		}
		cell_text(cell, page, row, (enum malloc_column)i);
		page_addf(page, " %*s", plan->width, cell);
		column += (size_t)plan->width + 1;
	}
	write_threads(page, row, column);
}

/* ---- order ------------------------------------------------------------------------------- */

struct rank {
	uint64_t amount;
	size_t i;
};

static int by_amount(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	int order = (x->amount < y->amount) - (x->amount > y->amount);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

static void sort_ranks(struct rank *ranks, const struct malloc_account *account, const char *sort)
{
	static const struct {
		const char *key;
		enum malloc_column column;
	} keys[] = {{"system", MALLOC_SYSTEM},
		    {"free", MALLOC_FREE},
		    {"trim", MALLOC_TRIMMABLE},
		    {"top", MALLOC_TOP}};
	size_t n = account->arenas.count;
	for (size_t k = 0; sort && k < ARRAY_SIZE(keys); k++) {
		if (strcmp(sort, keys[k].key) != 0)
			continue;
		for (size_t i = 0; i < n; i++)
			ranks[i].amount =
				malloc_words_figure(&account->arenas.items[i], keys[k].column)
					.value;
		qsort(ranks, n, sizeof(*ranks), by_amount);
	}
}

struct error *malloc_table_write(struct page *page, const struct malloc_account *account,
				 const char *sort, uint64_t limit)
{
	struct layout_plan plan = plan_of(page);
	size_t n = account->arenas.count;
	limit = limit ?: ROWS;
	_cleanup_(free_pointer) struct rank *ranks = calloc(n + 1, sizeof(*ranks));
	if (!ranks)
		return error_out_of_memory();
	for (size_t i = 0; i < n; i++)
		ranks[i].i = i;
	sort_ranks(ranks, account, sort);
	write_row(page, &plan, &(struct row){"arena", account, NULL, true});
	for (size_t k = 0; k < n && k < limit; k++) {
		char label[UNITS_MAX];
		malloc_words_label(label, account, ranks[k].i);
		const struct malloc_arena *arena = &account->arenas.items[ranks[k].i];
		write_row(page, &plan, &(struct row){label, account, arena, false});
	}
	if (limit < n)
		page_inkf(page, INK_DIM, "  %s more (-l shows more)\n", COUNT(n - limit));
	if (n > 1)
		write_row(page, &plan, &(struct row){"all", account, NULL, false});
	return NULL;
}
