/*
 * freeze: the target stands still for a moment.
 *
 *	tracer thread          SEIZE all threads ─ INTERRUPT all ─ wait for all ─┐ frozen
 *	the caller                                                              copies
 *	tracer thread          … until thaw, or until the limit is reached: DETACH all
 *
 * A thread of its own holds the target, and it alone: its end, also by a crash of
 * ours, is the end of the stop, because the kernel detaches a dead tracer's
 * tracees. It keeps the limit by a timer, whatever the reader is doing.
 */
#ifndef INSPECTOR_TARGET_FREEZE_H
#define INSPECTOR_TARGET_FREEZE_H

#include "base/error.h"
#include "base/raddr.h"

#include <stddef.h>
#include <sys/types.h>

struct freeze_range {
	raddr start;
	uint64_t size;
};

struct freeze_request {
	pid_t pid;
	int proc;          /* descriptor of its /proc/PID (process_dir), so that no later
	                                    bearer of the pid is stopped; 0: none, go by the pid */
	uint64_t limit_us; /* longest the stop may last */
	const struct freeze_range *code; /* code of the allocator; may be NULL */
	size_t n_code;
};

struct freeze;

struct freeze_result {
	uint64_t us; /* from the first INTERRUPT to the last DETACH */
	size_t n_threads;
	bool expired; /* the limit ended it before freeze_thaw: what was copied then is not of one moment */
	bool inside; /* some thread was stopped inside the code ranges */
};

/*
 * Stops every thread. On return it stands still (or the error says why not, and it runs):
 * ERROR_PERMISSION (rule "traced", …), ERROR_GONE, ERROR_INCONSISTENT with rule "not_stopping"
 * when a thread (in D state) did not stop within the limit, or when there are too many for it: then
 * none was stopped. ret_failed (may be NULL) says then how long those stood that did stop.
 */
struct error *freeze_start(const struct freeze_request *request, struct freeze **ret,
			   struct freeze_result *ret_failed) MUST_CHECK;

/* Whether some thread was stopped inside the code ranges. */
bool freeze_inside(const struct freeze *freeze);

/* Whether it still stands still: false once the limit was reached. */
bool freeze_holds(struct freeze *freeze);

/* Lets it run, waits until it does, frees `freeze`, says how long it stood. */
struct freeze_result freeze_thaw(struct freeze *freeze);

#endif
