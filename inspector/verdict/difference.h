/*
 * difference: what grew between two snapshots of looks, as facts.
 */
#ifndef INSPECTOR_VERDICT_DIFFERENCE_H
#define INSPECTOR_VERDICT_DIFFERENCE_H

#include "base/error.h"
#include "inspector/snapshot.h"

enum difference_part { DIFFERENCE_TYPE, DIFFERENCE_ROOT, DIFFERENCE_CLASS, DIFFERENCE_LEAF };

struct difference_row {
	enum difference_part part;
	char *name;           /* owned, foreign: a type's, a root's, "class 48", "pymalloc.live" */
	int64_t count, bytes; /* b less a */
	uint64_t count_a, count_b, bytes_a, bytes_b;
};

struct difference {
	bool same_process; /* pid, start and build agree */
	bool same_build;
	double seconds; /* from a to b; 0: not known */
	int64_t rss, arenas, live_bytes, live_blocks;
	VEC(struct difference_row)
	rows; /* by part, then largest change first; equal rows are left out */
};

/* Both looks hold the same parts, or what only one holds is left out. ERROR_RESOURCE. */
struct error *difference_make(const struct snapshot *a, const struct snapshot *b,
			      struct difference *ret) MUST_CHECK;
void difference_fini(struct difference *difference);

#endif
