/*
 * ledger_table: rows of a ledger: figures, then the leaf's key, what it is and what gives it back.
 */
#ifndef UI_LEDGER_TABLE_H
#define UI_LEDGER_TABLE_H

#include "ui/report/ledger_split.h"
#include "ui/text/page.h"

#define LEDGER_EXTRAS 4

/* A column that is there only where some leaf has any of it. */
struct ledger_extra {
	const char *title;
	const char *meaning;
	uint64_t (*amount)(const struct ledger_line *line);
	bool shown;
};

struct ledger_table {
	struct page *page; /* borrowed, as ledger is */
	const struct ledger *ledger;
	uint64_t whole; /* what shares are of */
	uint64_t limit; /* details of a leaf; 0: 3, of the unknown 10 */
	struct ledger_extra extras[LEDGER_EXTRAS];
	bool folded;         /* the page is too narrow for the extras: they go below */
	unsigned key_column; /* where the key begins */
};

/* What a part of the bar is written in. */
enum ink ledger_table_ink(enum ledger_part part);

/* A table on that page; both must outlive it. limit: details of a leaf, 0: 3, of the unknown 10. */
struct ledger_table ledger_table_of(struct page *page, const struct ledger *ledger, uint64_t limit);

/* Takes the extra columns out. */
void ledger_table_plain(struct ledger_table *t);

/* The line of titles; `what`: of the last column, left out where it does not fit. */
void ledger_table_head(const struct ledger_table *t, const char *what);

/* What the extra columns that are there mean, in a paragraph; nothing where there are none. */
void ledger_table_explain(const struct ledger_table *t);

/* A leaf with its meaning and its largest details: several lines. */
void ledger_table_leaf(const struct ledger_table *t, enum leaf leaf);

/* A leaf and what gives it back: one line (two on a narrow page). */
void ledger_table_short(const struct ledger_table *t, enum leaf leaf);

#endif
