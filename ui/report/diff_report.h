/*
 * diff_report: what grew, as text.
 */
#ifndef UI_DIFF_REPORT_H
#define UI_DIFF_REPORT_H

#include "inspector/snapshot.h"
#include "inspector/verdict/difference.h"
#include "ui/text/page.h"

struct diff_request {
	uint64_t limit; /* rows of each table; 0: 20 */
	bool contents;  /* show the command line's arguments */
};

/* One line: "+31.2 MiB in 62 h: +412,906 objects …", without a line break. */
void diff_sentence(struct text *to, const struct difference *difference, enum units units);

/* The tables alone, for reports of other verbs: what grew by part. */
void diff_tables(struct page *page, const struct difference *difference, uint64_t limit);

/* Appends the whole report; the head is that of `b`, the later one. */
void diff_report_write(struct page *page, const struct snapshot *b,
		       const struct difference *difference, const struct diff_request *request);

#endif
