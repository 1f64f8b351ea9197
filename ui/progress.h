/*
 * progress: a sign of life on standard error while an answer takes long.
 *
 * A process of its own, not a thread: symbols/ forks and must do so before any
 * thread exists, and a timer signal would interrupt the system calls of a look.
 */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include <stdbool.h>
#include <sys/types.h>

struct progress {
	int pipe; /* closing it ends the child; -1: none runs */
	pid_t pid;
};

#define PROGRESS_NONE ((struct progress){-1, 0})

/*
 * Starts it; after a second it shows `what` and the seconds. True in the child once its life is
 * over: it must leave at once. Failing to start is no failure.
 */
bool progress_start(struct progress *progress, const char *what)
	__attribute__((warn_unused_result));

/* Ends it and wipes its line. Takes PROGRESS_NONE. */
void progress_stop(struct progress *progress);

#endif
