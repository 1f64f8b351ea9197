/*
 * haste: while a target stands still, the threads that hold and copy it go first.
 *
 * On a busy machine a stop lasts as long as we wait for a processor. With the right
 * to it (CAP_SYS_NICE, or RLIMIT_NICE and RLIMIT_RTPRIO) the calling thread is raised for those milliseconds; without,
 * nothing happens. A live look never hurries: it would take the target's own time.
 */
#ifndef INSPECTOR_TARGET_HASTE_H
#define INSPECTOR_TARGET_HASTE_H

#include <stdbool.h>

/* Before rights are given up (privilege.h): raises this process's own limits, so that going first needs
 * no right later. False: they cannot be raised (that takes CAP_SYS_RESOURCE), so CAP_SYS_NICE it is. */
bool haste_reserve(void);

/* Raises the calling thread; returns its nice value, for haste_end(). */
int haste_begin(void);

/* For a thread that only sleeps until a time is up: then it runs before all that is not of real time,
 * our own hurried threads included. There is no way back. */
void haste_at_once(void);

/* Back to what haste_begin() returned. */
void haste_end(int nice);

/* For a look that repeats for hours: the target, and all else, goes first. For good. */
void haste_never(void);

/* For work beside a thread that reads a running target: makes way for it at once, whatever their nice
 * values. Else that thread, granted the target's mmap lock in its sleep, would hold it until the next
 * tick. For good. */
void haste_idle(void);

#endif
