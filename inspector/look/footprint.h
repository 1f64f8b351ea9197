/*
 * footprint: what of a process is in RAM: which pages of all mappings are resident, what the kernel counts, and
 * whose threads' memory is where. Taken at one go, so that the figures are of nearly one moment.
 */
#ifndef INSPECTOR_FOOTPRINT_H
#define INSPECTOR_FOOTPRINT_H

#include "inspector/target/account.h"
#include "inspector/target/origin.h"
#include "inspector/target/residency/residency.h"
#include "inspector/target/threads.h"

/* A mapping, or a piece of a large one, as it was when its pages were last asked for. */
struct footprint_piece {
	raddr start;
	uint64_t size;
	raddr mapping; /* where that starts */
	uint64_t device, inode;
	unsigned permissions;
	size_t first, count; /* its ranges in residency */
};

struct footprint {
	bool has_residency;
	struct residency residency; /* in detail; no range spans two mappings */
	struct account account;
	struct threads threads;
	bool lacks_smaps; /* of a running process, which would have waited for the lock: account has no pss */
	uint64_t unsure; /* bytes that may be pages of zeros and are counted as shared */
	uint64_t untold; /* bytes of mappings whose pages could not be asked for */
	VEC(struct footprint_piece) pieces; /* ascending */
	size_t turn;                        /* where the next repeated look goes on */
};

#define FOOTPRINT_EMPTY ((struct footprint){0})

/*
 * Takes it of the space's regions as they are. In a repeating look smaps is not read, and of mappings that are the
 * same as last time only some are asked anew, in turns: so that a large target costs about ten
 * milliseconds a look. ERROR_GONE, ERROR_RESOURCE; then it is empty.
 */
struct error *footprint_take(const struct origin *origin, struct space *space, bool repeating,
			     struct footprint *footprint) MUST_CHECK;
void footprint_fini(struct footprint *footprint);

/*
 * What a live look may not ask for can be had while the process stands still: beforehand, which makes room; under the
 * stop, if it surely takes less than limit_us; and afterwards, which uses it. Each does nothing where nothing is lacking.
 * ERROR_GONE, ERROR_RESOURCE.
 */
struct error *footprint_prepare(struct footprint *footprint) MUST_CHECK;
struct error *footprint_complete(const struct origin *origin, uint64_t limit_us,
				 struct footprint *footprint) MUST_CHECK;
void footprint_completed(struct footprint *footprint);

/* Moves to a later one what it lacks, where the earlier one has it. */
void footprint_inherit(struct footprint *from, struct footprint *to);

#endif
