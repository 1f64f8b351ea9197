/*
 * victim: a child process to be looked at.
 *
 *	test					victim
 *	victim_start(run, argument)		run(victim, argument)
 *	victim_hear(&v) ◄──── a number ────	victim_tell(v, number)
 *	victim_nudge(&v) ────────────────►	victim_await(v)
 *	victim_end(&v)				killed
 *
 * It dies with the test, whatever becomes of that.
 */
#ifndef TESTS_UNIT_TARGET_VICTIM_H
#define TESTS_UNIT_TARGET_VICTIM_H

#include "base/error.h"
#include "base/raddr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct victim {
	pid_t pid;
	int to, from; /* the test's ends in the test, the victim's in the victim */
};

typedef void victim_fn(struct victim *self, void *argument);

struct victim victim_start(victim_fn *run, void *argument);
struct victim victim_ready(victim_fn *run, void *argument); /* and has told its 1 */
uint64_t victim_hear(struct victim *v); /* fails the test when the victim died or takes over 10 s */
void victim_nudge(struct victim *v);
void victim_end(struct victim *v); /* kills and buries it */

/* In the victim. */
void victim_tell(struct victim *self, uint64_t number);
void victim_await(struct victim *self);                 /* the end of the test ends the victim */
void victim_plain(struct victim *self, void *argument); /* tells 1, then sleeps */
_Noreturn void victim_sleep(void);                      /* for ever */

/* A field of /proc/PID/status in its own unit; fails the test when there is none. */
uint64_t victim_status(pid_t pid, const char *key);

/* Waits up to 5 s until its main thread is in the state: R S D T t Z. */
void victim_await_state(pid_t pid, char state);

/* Fails the test unless err is of the kind, and frees it; 0: unless it is NULL. rule may be NULL. */
void check_error(struct error *err, int kind, const char *rule);

/* Skips the test, with a reason, unless it runs as root. */
void need_root(void);

/* Whether the kernel shows all who only read memory one page of zeros; some kernels of virtual machines give each a page of
 * its own. */
bool kernel_shares_zeros(void);

/* Open descriptors of this process. */
size_t count_descriptors(void);

#endif
