/*
 * gather: strided slices of a live target, copied fast.
 *
 * Only the copying: which pages may be touched comes as a residency. Allocates
 * nothing while it runs.
 */
#ifndef INSPECTOR_TARGET_GATHER_H
#define INSPECTOR_TARGET_GATHER_H

#include "inspector/target/reading/readers.h"
#include "inspector/target/reading/remote.h"
#include "inspector/target/space.h"

#define GATHER_READERS_MAX 4 /* the caller included */

/* Two ways to get small pieces that lie close together. */
enum gather_way {
	GATHER_PIECES, /* an iovec for each */
	GATHER_BULK,   /* everything in between too, through a scratch buffer */
	GATHER_WAYS
};

struct gather_desk; /* what one reader works with */

struct gather {
	struct remote *remote;
	struct readers *readers; /* NULL: the caller alone */
	struct gather_desk *desks[GATHER_READERS_MAX];
	_Atomic uint64_t cost[GATHER_WAYS];  /* least picoseconds a piece so far */
	_Atomic unsigned tries[GATHER_WAYS]; /* chunks it was measured on */
	bool rests;           /* the target runs: let it have its mmap lock now and then */
	enum gather_way only; /* GATHER_WAYS: whichever is found faster */
};

/* remote: borrowed. */
struct error *gather_init(struct gather *gather, struct remote *remote) MUST_CHECK;
void gather_fini(struct gather *gather);

/* Starts as many readers as there are processors for, at most `n` in all with the caller. */
struct error *gather_start_readers(struct gather *gather, size_t n) MUST_CHECK;

/* As space_gather, but without residency everything is touched. ERROR_GONE. */
struct error *gather_run(struct gather *gather, struct space_slice *slices, size_t n,
			 const struct residency *residency) MUST_CHECK;

#endif
