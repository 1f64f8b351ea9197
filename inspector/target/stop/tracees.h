/*
 * tracees: all threads of one process, as their tracer sees them.
 *
 * Every call is made by one and the same thread: ptrace knows a tracer by its thread.
 * When that thread ends, the kernel lets go of all of them.
 */
#ifndef INSPECTOR_TARGET_TRACEES_H
#define INSPECTOR_TARGET_TRACEES_H

#include "base/error.h"
#include "base/vec.h"
#include "inspector/target/stop/freeze.h"

#include <sys/types.h>

struct tracee {
	pid_t tid;
	enum {
		TRACEE_SEIZED,  /* runs */
		TRACEE_STOPPED, /* stands still */
		TRACEE_GONE     /* ended */
	} state;
	bool computes;    /* it ran, or stopped between system calls, when it was last looked at */
	bool interrupted; /* was asked to stop */
	int signal;       /* it was about to receive this one, and does when it is let go */
};

struct tracees {
	pid_t pid;
	int proc, task;          /* /proc/PID and its task directory */
	VEC(struct tracee) list; /* ascending tid */
};

/* Opens; traces nothing yet. known: a descriptor of /proc/PID, or 0. ERROR_GONE. */
struct error *tracees_open(pid_t pid, int known, struct tracees *ret) MUST_CHECK;
void tracees_close(struct tracees *tracees); /* lets go of nothing */

/* Attaches, without stopping, to all threads that are not in the list yet. ERROR_PERMISSION,
 * ERROR_GONE when there is none at all. */
struct error *tracees_seize(struct tracees *tracees) MUST_CHECK;

/* Learns which of them compute and which sleep, to stop and let go in the kinder order. */
void tracees_tell_apart(struct tracees *tracees);

/* Which threads are asked: a sleeping one does not feel how long it stands, a computing one does. */
enum tracees_part { TRACEES_SLEEPING, TRACEES_ALL };

/* Asks those that were not asked yet to stop; does not wait. */
void tracees_interrupt(struct tracees *tracees, enum tracees_part part);

/* Waits until all that were asked stand still or are gone; false when `deadline` (clock_ns) came
 * first. */
bool tracees_wait(struct tracees *tracees, uint64_t deadline);

/* Whether the process has no threads but these. */
bool tracees_complete(const struct tracees *tracees);

/* How many of them stand still. */
size_t tracees_stopped(const struct tracees *tracees);

/* Whether some thread stands with its instruction pointer inside one of the ranges; learns anew which
 * compute. */
bool tracees_inside(struct tracees *tracees, const struct freeze_range *code, size_t n);

/* Lets all go that stand still, those that compute first, each with the signal that it was about to
 * receive. */
void tracees_detach(struct tracees *tracees);

#endif
