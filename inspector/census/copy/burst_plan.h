/*
 * burst_plan: which bytes a burst copies, and to where.
 */
#ifndef INSPECTOR_CENSUS_BURST_PLAN_H
#define INSPECTOR_CENSUS_BURST_PLAN_H

#include "inspector/census/burst.h"

/* Of the target's memory, side by side there and in the buffer. */
struct burst_stretch {
	uint64_t start, size;
	uint64_t at; /* in the buffer */
};

struct burst_plan {
	VEC(struct burst_stretch) list; /* ascending, disjoint, whole pages */
	uint64_t size;                  /* of the buffer */
	bool asked;                     /* all of it is known to be present */
	bool cut;                       /* max_size had no room for all */
};

/* Lays out what is present of the wanted ranges, at most max_size bytes. ERROR_GONE, ERROR_RESOURCE. */
struct error *burst_plan_make(const struct burst_request *request, uint64_t max_size,
			      struct burst_plan *ret) MUST_CHECK;
void burst_plan_fini(struct burst_plan *plan);

#endif
