/*
 * burst_wanted: what of a process a burst is for: where objects, and what refers to them, can lie.
 *
 *	data segments, stacks      small, and asked for all the time
 *	arenas, segments           objects of up to 512 bytes, or all of mimalloc's
 *	heaps of malloc            the others, without the insides of large chunks: those are read in windows
 */
#ifndef INSPECTOR_CENSUS_BURST_WANTED_H
#define INSPECTOR_CENSUS_BURST_WANTED_H

#include "inspector/census/burst.h"
#include "inspector/target/origin.h"

struct look;

struct burst_wanted {
	VEC(struct burst_range) list; /* most wanted first */
	uint64_t size;                /* of all, present or not */
};

struct burst_wanted_request {
	struct space *space; /* borrowed, as all here */
	const struct origin *origin;
	const struct look *look;
	const struct burst_range *more; /* small ones, such as chunks of data stacks */
	size_t n_more;
};

/* Asks the target anew where arenas, stacks and heaps are. ERROR_GONE, ERROR_RESOURCE. */
struct error *burst_wanted_find(const struct burst_wanted_request *request,
				struct burst_wanted *ret) MUST_CHECK;
void burst_wanted_fini(struct burst_wanted *wanted);

#endif
