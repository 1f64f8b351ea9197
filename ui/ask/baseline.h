/*
 * baseline: what --since names: a file of an earlier moment to compare with.
 */
#ifndef UI_BASELINE_H
#define UI_BASELINE_H

#include "inspector/verdict/difference.h"
#include "ui/ask/question.h"

struct baseline {
	bool used; /* false: none was asked for; all else is empty */
	struct inspector *inspector;
	struct snapshot *snapshot;    /* once it was compared */
	struct difference difference; /* the same */
};

#define BASELINE_EMPTY ((struct baseline){.used = false})

/* Opens the file; NULL: there is none, and *ret stays empty. Before the target is: its opening gives up the right
 * to read files. As target_find and inspector_open. */
struct error *baseline_open(const struct question *q, const char *file,
			    struct baseline *ret) MUST_CHECK;

/* Looks at it for the same parts, and fills the difference to the look `later`. As inspector_look. */
struct error *baseline_compare(struct baseline *baseline, const struct snapshot *later,
			       unsigned parts) MUST_CHECK;

/* "SINCE", with the tables of what grew. */
void baseline_write(struct page *page, const struct difference *difference, uint64_t limit);

void baseline_fini(struct baseline *baseline);

#endif
