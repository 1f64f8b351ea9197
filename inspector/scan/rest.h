/*
 * rest: before another try at a target that was changing.
 */
#ifndef INSPECTOR_SCAN_REST_H
#define INSPECTOR_SCAN_REST_H

#include "base/size.h"
#include "inspector/target/clock.h"

#define REST_MAX_NS 5000000
#define REST_NS     200000 /* before another try, and more before the next */

/* i: tries so far. A thread may wait for a processor in the middle of a change: so long must be waited at most. */
static inline void rest_before_try(int i)
{
	clock_sleep(size_min((uint64_t)i * REST_NS, REST_MAX_NS));
}

#endif
