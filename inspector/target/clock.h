/* clock: the monotonic clock in nanoseconds. */
#ifndef INSPECTOR_TARGET_CLOCK_H
#define INSPECTOR_TARGET_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void clock_sleep(uint64_t ns)
{
	(void)nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)},
			NULL);
}

#endif
