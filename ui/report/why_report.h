/*
 * why_report: the verdict as text, in two parts: what the ledger proves within a second, and who is behind it once
 * everything was followed back to its holder.
 */
#ifndef UI_WHY_REPORT_H
#define UI_WHY_REPORT_H

#include "inspector/snapshot.h"
#include "ui/text/page.h"

struct why_request {
	uint64_t limit; /* causes and holders told; 0: those that matter */
	bool contents;  /* show the command line's arguments */
	const char
		*since; /* what the person calls the look that it was compared with; NULL: none */
};

/* The head, RSS by what it is, and WHY as far as the ledger alone knows. */
void why_report_first(struct page *page, const struct snapshot *snapshot,
		      const struct why_request *request);

/* WHO, GAIN, DO, NOT, SURE, MORE; and WHY again where holders changed it from what `first` said. first may be NULL. */
void why_report_rest(struct page *page, const struct snapshot *snapshot,
		     const struct snapshot *first, const struct why_request *request);

#endif
