/*
 * place: where a process lives: its namespaces and its root, beside ours.
 */
#ifndef INSPECTOR_TARGET_PLACE_H
#define INSPECTOR_TARGET_PLACE_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct place {
	pid_t inner_pid; /* its number in its own pid namespace; 0: not told */
	bool other_pids, other_mounts, other_users; /* another namespace than ours */
	char *root; /* its root directory as we see it; "/" also behind pivot_root; NULL: not told */
};

#define PLACE_EMPTY ((struct place){0})

/* dir: of /proc/PID. What may not be read is as if it were ours. ERROR_GONE. */
struct error *place_read(int dir, struct place *ret) MUST_CHECK;
void place_fini(struct place *place);

#endif
