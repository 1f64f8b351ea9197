/*
 * ledger_report: the ledger of one look as text: all of it for `ledger`, the leaves that matter for
 * `dump`.
 */
#ifndef UI_LEDGER_REPORT_H
#define UI_LEDGER_REPORT_H

#include "base/error.h"
#include "inspector/snapshot.h"
#include "ui/text/page.h"

struct ledger_request {
	uint64_t limit;   /* files, libraries, threads told of each leaf; 0: 3, of the unknown 10 */
	const char *sort; /* order in each group: size (NULL), key */
	bool contents;    /* show the command line's arguments */
};

/* Appends the whole report. */
void ledger_report_write(struct page *page, const struct snapshot *snapshot,
			 const struct ledger_request *request);

/* RSS, container, the bar and the leaves of a hundredth and more. Nothing of what was not looked at. */
void ledger_report_summary(struct page *page, const struct snapshot *snapshot);

#endif
