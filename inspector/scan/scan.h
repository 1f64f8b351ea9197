/*
 * scan: what files do not say, memory tells: the allocator's variables and structs
 * found by what they must look like.
 *
 *	data segments ─▶ the pool table ─▶ arenas[] ─▶ the variables around, or the state's struct
 *	                 one, or no answer  one         one way, or "?"
 *
 * Entries that the layout has already are not looked for, but what is found must agree with them.
 */
#ifndef INSPECTOR_SCAN_SCAN_H
#define INSPECTOR_SCAN_SCAN_H

#include "inspector/target/origin.h"
#include "symbols/python_build.h"

enum scan_verdict {
	SCAN_NOT_NEEDED,
	SCAN_FOUND,     /* one answer, and it agrees with what was known before */
	SCAN_IDLE,      /* pymalloc is there and has never had an arena */
	SCAN_NONE,      /* no answer, or more than one */
	SCAN_DISAGREES, /* memory shows it elsewhere than files tell */
};

struct scan {
	enum scan_verdict verdict;
	char *why;   /* one line; NULL: found, or out of memory */
	bool filled; /* entries were added to the layout */
};

/*
 * Where debug information has told all, only checks that memory bears it out: a trial says so.
 * Else scans the module's data, adds what is missing to build->layout (PROVENANCE_SCANNED) and a trial
 * for each step to build->trials. What the built-in table says of struct _obmalloc_state gives way
 * to what memory shows; debug information does not. Of several tables of pools the one is taken that
 * build->pools tells, and what lies there needs less proof. The layout passes layout_check() afterwards.
 * running: the target, if it runs: what gives no answer may give one a moment later, and where its mappings are asked for anew; NULL: it
 * stands still. No answer is no error. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *scan_run(struct space *space, const struct elf_image *image,
		       const struct origin *running, struct python_build *build,
		       struct scan *ret) MUST_CHECK;

/* Whether a look can be made: the scan has its answer, or files had named all that it needs. */
bool scan_is_enough(const struct scan *scan, const struct python_build *build);

void scan_fini(struct scan *scan);

#endif
