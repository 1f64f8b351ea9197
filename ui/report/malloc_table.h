/*
 * malloc_table: malloc's arenas as rows: what each holds, how much of its free memory is in RAM and
 * would go, who uses it, and which one's walk is not proved.
 */
#ifndef UI_MALLOC_TABLE_H
#define UI_MALLOC_TABLE_H

#include "base/error.h"
#include "ui/report/malloc_words.h"
#include "ui/text/page.h"

/*
 * Appends the table. `sort`: arena (NULL: in malloc's own order), system, free, trim, top, the largest
 * first; `limit`: rows, 0: 16. ERROR_RESOURCE only.
 */
struct error *malloc_table_write(struct page *page, const struct malloc_account *account,
				 const char *sort, uint64_t limit) MUST_CHECK;

#endif
