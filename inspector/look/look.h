/*
 * look: the copying part of a look: live, and under a stop where the mode and the
 * target's state ask for it. The only place that decides to stop a target.
 */
#ifndef INSPECTOR_LOOK_H
#define INSPECTOR_LOOK_H

#include "inspector/inspector.h"
#include "inspector/look/footprint.h"
#include "inspector/malloc/malloc_look.h"
#include "inspector/mimalloc/mimalloc_copy.h"
#include "inspector/python/frames.h"
#include "inspector/python/runtime.h"
#include "inspector/subject.h"

/* Longest that all stops of one look last together, unless the request says otherwise. */
#define LOOK_EXACT_LIMIT_US  1000000
#define LOOK_SETTLE_LIMIT_US 20000

/* The small figures that must be of the same moment as the copies. */
struct look_counters {
	VEC(struct snapshot_interpreter)
	free_lists; /* one for each interpreter; only free_lists is filled */
	struct runtime_counters counters;
	struct maybe gc_enabled; /* of the main interpreter */
	struct doubts doubts;
};

struct look {
	struct runtime runtime;
	struct doubts runtime_doubts; /* of the last reading, as those of counters and frames */
	VEC(struct pymalloc_copy *) copies; /* one for each interpreter; unused where it shares */
	struct mimalloc_copy *mimalloc; /* of all interpreters; NULL: the process does not use it */
	struct look_counters counters;
	struct frames frames; /* where they were asked for */
	struct doubts frame_doubts;
	struct malloc_look
		*malloc;      /* NULL: it was not asked for; after a look kept for a census alone */
	bool malloc_ready;    /* it will be, or was, copied under the stop */
	struct claims claims; /* of malloc's, for the ledger */
	struct footprint *footprint;       /* if the ledger was asked for: taken before; borrowed */
	const struct residency *residency; /* its, if that is known */
	bool stopped;                      /* the target stands still right now, by us */
	enum look_mode mode;               /* of the last look: what it may stop for */
	/* After look_copy(): for a later stop of the same look. */
	uint64_t pause_limit_us, pause_left_us;
};

/*
 * Fills runtime, copies and counters, and of *ret: target.allocator and hooks, pause, doubts.
 * ERROR_PERMISSION when request.asked_exact and the target cannot be stopped.
 */
struct error *look_copy(struct look *look, const struct inspector_request *request,
			struct subject *subject, struct snapshot *ret) MUST_CHECK;

/* Moves interpreter i's free lists into the snapshot. */
void look_hand_over_free_lists(struct look *look, size_t i, struct snapshot_interpreter *ret);

/* sys.getallocatedblocks() and serialno, once the walk has filled the interpreters. */
struct error *look_block_counters(struct look *look, struct snapshot *ret) MUST_CHECK;

/* Gives back the copies of pymalloc's headers, when what was to be made of them is made. */
void look_drop_copies(struct look *look);

void look_fini(struct look *look);

#endif
