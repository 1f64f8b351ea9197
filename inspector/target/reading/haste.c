/*
 * haste: nice values are a thread's own on Linux (setpriority(2), NOTES), so 0 means
 * only the caller. Going back needs no right.
 */
#include "inspector/target/reading/haste.h"

#include <sched.h>
#include <sys/resource.h>

#define FIRST_OF_ALL (-20)
#define BEHIND_MOST  10

/* The limit is at least that much afterwards. */
static bool raise_limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) == 0 && limit.rlim_cur >= value)
		return true;
	return setrlimit(resource, &(struct rlimit){value, value}) == 0;
}

bool haste_reserve(void)
{
	/* A nice value of -20 is a limit of 40 (getrlimit(2)). */
	bool real_time = raise_limit(RLIMIT_RTPRIO, 1);
	return raise_limit(RLIMIT_NICE, 20 - FIRST_OF_ALL) && real_time;
}

int haste_begin(void)
{
	int nice = getpriority(PRIO_PROCESS, 0);
	(void)setpriority(PRIO_PROCESS, 0, FIRST_OF_ALL);
	return nice;
}

void haste_at_once(void)
{
	const struct sched_param least = {.sched_priority = 1};
	(void)sched_setscheduler(0, SCHED_FIFO, &least);
}

void haste_end(int nice)
{
	(void)setpriority(PRIO_PROCESS, 0, nice);
}

void haste_idle(void)
{
	const struct sched_param none = {.sched_priority = 0};
	(void)sched_setscheduler(0, SCHED_IDLE, &none);
}

void haste_never(void)
{
	if (getpriority(PRIO_PROCESS, 0) < BEHIND_MOST)
		(void)setpriority(PRIO_PROCESS, 0, BEHIND_MOST);
}
