/*
 * burst_copy: what a plan says, copied into memory that was faulted in before.
 */
#ifndef INSPECTOR_CENSUS_BURST_COPY_H
#define INSPECTOR_CENSUS_BURST_COPY_H

#include "inspector/census/copy/burst_plan.h"

struct burst_copy {
	uint8_t *mapping; /* mapped; bytes lies in it */
	size_t mapping_size;
	uint8_t *bytes;
	VEC(struct burst_stretch) list; /* ascending, disjoint: what was read */
	uint64_t size;                  /* of all of them */
	uint64_t took_us;               /* from the first byte read to the last */
	bool still;                     /* it was held meanwhile */
};

/* Copies all of the plan; pages that cannot be read are left out. hold: NULL, or for the reading alone: all room is made
 * before. ERROR_GONE, ERROR_RESOURCE, and what hold fails with. */
struct error *burst_copy_take(struct space *space, const struct burst_plan *plan,
			      const struct burst_hold *hold, struct burst_copy *ret) MUST_CHECK;
void burst_copy_fini(struct burst_copy *copy);

#endif
