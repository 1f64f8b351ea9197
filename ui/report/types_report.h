/*
 * types_report: a census as text: what is in there, by type, by buffer, by keys.
 */
#ifndef UI_TYPES_REPORT_H
#define UI_TYPES_REPORT_H

#include "base/error.h"
#include "inspector/snapshot.h"
#include "ui/text/page.h"

struct types_request {
	uint64_t limit;   /* rows of each table; 0: 30 types, fewer of the others */
	const char *sort; /* total (NULL), count, bytes, arenas, type */
	bool contents;    /* show the command line's arguments; strings and keys are in the snapshot
			     only if they were asked for */
};

/* Appends the whole report. ERROR_RESOURCE. */
struct error *types_report_write(struct page *page, const struct snapshot *snapshot,
				 const struct types_request *request) MUST_CHECK;

#endif
