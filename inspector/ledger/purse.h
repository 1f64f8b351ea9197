/*
 * purse: the memory cgroup that the target lives in: what it may use, and how near the end is.
 *
 * cgroup v1 and v2; the limit is the least of its own and all its ancestors'.
 */
#ifndef INSPECTOR_LEDGER_PURSE_H
#define INSPECTOR_LEDGER_PURSE_H

#include "inspector/maybe.h"

struct purse {
	int version; /* 1, 2; 0: it lives in none, or that is not known */
	struct maybe current, limit, high, peak; /* bytes; limit absent: there is none */
	struct maybe oom_events; /* kills, or where the kernel does not count them failures */
	struct maybe headroom;   /* bytes before the limit; inactive file cache counts as free */
	struct maybe share_ppm;  /* of its anonymous memory that is this process's, millionths */
};

#endif
