/*
 * burst_stacks: where stacks of Python's frames lie, so that they are of the same moment as what they refer to.
 */
#ifndef INSPECTOR_CENSUS_COPY_BURST_STACKS_H
#define INSPECTOR_CENSUS_COPY_BURST_STACKS_H

#include "inspector/census/burst.h"
#include "inspector/python/frames.h"

struct burst_stacks {
	VEC(struct burst_range) list;
};

/*
 * Fills *ret with the chunks of the threads' stacks (frames_read), and, where a program has greenlets, with whatever may be one
 * of theirs: that it is one need not be sure, since what is copied in vain is no harm. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *burst_stacks_find(struct space *space, const struct frames *frames,
				struct burst_stacks *ret) MUST_CHECK;
void burst_stacks_fini(struct burst_stacks *stacks);

#endif
