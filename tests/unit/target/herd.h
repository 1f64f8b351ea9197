/*
 * herd: victims with many threads, and what they show of themselves on a board that is
 * shared with all of them.
 */
#ifndef TESTS_UNIT_TARGET_HERD_H
#define TESTS_UNIT_TARGET_HERD_H

#include "inspector/target/stop/freeze.h"
#include "victim.h"

#include <stdatomic.h>
#include <stddef.h>

#define LONG_US 5000000

struct board {
	_Atomic uint64_t ticks; /* only a running thread adds to it */
	_Atomic uint64_t signals, values;
	_Atomic uint64_t births;
	_Atomic bool quiet; /* threads that tick rest in between */
};

extern struct board *board;
int board_make(void **state); /* a group's set-up */

/* In a victim. */
void *idle_main(void *argument);
void *tick_main(void *argument);
void thread_start(void *(*run)(void *));

/* A victim of n threads, of which the main one ticks already. */
struct victim threads_start(size_t n, bool quiet);

/* How many threads of the process are in the state. */
size_t count_in_state(pid_t pid, char wanted);

/* Nothing ticks. */
void check_still(void);

/* Something ticks, and nobody traces the process. */
void check_runs(pid_t pid);

/* A stop that must succeed. */
struct freeze *stop(pid_t pid, uint64_t limit_us);

#endif
