/*
 * malloc_table: malloc's arenas as rows: what each holds, how much of its free memory is in RAM and
 * would go, who uses it, and which one's walk is not proved.
 */
#ifndef UI_MALLOC_TABLE_H
#define UI_MALLOC_TABLE_H

#include "base/error.h"
#include "inspector/malloc/malloc_account.h"
#include "ui/page.h"

/* Columns of an arena's bytes, in their order. */
enum malloc_column {
	MALLOC_SYSTEM,
	MALLOC_IN_USE,
	MALLOC_CACHED, /* tcache and fastbins: freed, and ready for the next request of that size */
	MALLOC_FREE,
	MALLOC_FREE_RESIDENT,
	MALLOC_TRIMMABLE,
	MALLOC_STUCK,
	MALLOC_TOP,
	MALLOC_COLUMNS
};

/* The column's title, at most 6 characters. Static. */
const char *malloc_table_title(enum malloc_column column);

/* An arena's figure; not known where residency is not. */
struct maybe malloc_table_figure(const struct malloc_arena *arena, enum malloc_column column);

/* The sum over all arenas; not known where one of them is not. */
struct maybe malloc_table_sum(const struct malloc_account *account, enum malloc_column column);

/* "celery, python3 (8)": who uses an arena, foreign text not escaped; "no thread". */
void malloc_table_threads(struct text *text, const struct malloc_arena *arena);

/* "main", "#3": an arena by its place in the ring; "#3!": its walk is not proved. */
void malloc_table_label(char ret[UNITS_MAX], const struct malloc_account *account, size_t i);

/* Arenas that serve no thread any more. */
size_t malloc_table_n_deserted(const struct malloc_account *account);

/*
 * Appends the table. `sort`: arena (NULL: in malloc's own order), system, free, trim, top, the largest
 * first; `limit`: rows, 0: 16. ERROR_RESOURCE only.
 */
struct error *malloc_table_write(struct page *page, const struct malloc_account *account,
				 const char *sort, uint64_t limit) MUST_CHECK;

#endif
