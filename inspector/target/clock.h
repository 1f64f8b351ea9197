/* clock: the monotonic clock in nanoseconds. */
#ifndef INSPECTOR_TARGET_CLOCK_H
#define INSPECTOR_TARGET_CLOCK_H

#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Rests are many and short: what the kernel may add to each, 50 us in this thread unless it is told, would double them. */
static inline void clock_sleep(uint64_t ns)
{
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	(void)nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)},
			NULL);
}

#endif
