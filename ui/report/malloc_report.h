/*
 * malloc_report: what the C library's allocator holds, for a person who asks whether malloc_trim()
 * or some MALLOC_ variable would help.
 */
#ifndef UI_MALLOC_REPORT_H
#define UI_MALLOC_REPORT_H

#include "base/error.h"
#include "inspector/snapshot.h"
#include "ui/text/page.h"

struct malloc_request {
	uint64_t limit;   /* arenas; 0: 16 */
	const char *sort; /* see malloc_table_write() */
	bool contents;    /* show the command line's arguments */
};

/* Appends the whole report. ERROR_RESOURCE only. */
struct error *malloc_report_write(struct page *page, const struct snapshot *snapshot,
				  const struct malloc_request *request) MUST_CHECK;

#endif
