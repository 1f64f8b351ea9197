/*
 * savefile_place: what the place of a new file has room for, and at whose cost.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_PLACE_H
#define INSPECTOR_TARGET_SAVEFILE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct savefile_place {
	uint64_t room;  /* bytes that we may write; UINT64_MAX: a pipe, or it does not say */
	bool in_memory; /* a tmpfs: its bytes are memory, charged to our cgroup */
};

/* Of an open file, however it came to be one. */
struct savefile_place savefile_place_of(int fd);

#endif
