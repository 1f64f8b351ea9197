/*
 * dump: the report of one look, for a person who never heard the word pool.
 */
#ifndef UI_DUMP_H
#define UI_DUMP_H

#include "base/error.h"
#include "inspector/snapshot.h"
#include "ui/text/page.h"

struct dump_request {
	uint64_t limit;   /* rows of each table; 0: all */
	const char *sort; /* of the size classes: size, pools, live, free; NULL: size */
	bool contents;    /* show the command line's arguments */
};

/* Appends the whole report. ERROR_RESOURCE only. */
struct error *dump_write(struct page *page, const struct snapshot *snapshot,
			 const struct dump_request *request) MUST_CHECK;

/* What every report begins with: the title, with `contents` the command line's arguments, allocator
 * and sources. */
void dump_write_head(struct page *page, const struct snapshot *snapshot, bool contents);

/* "pid 4127 celery: CPython 3.12.1, up 19 h, 24 threads": the first line of every picture. */
void dump_write_title(struct page *page, const struct snapshot *snapshot);

#endif
