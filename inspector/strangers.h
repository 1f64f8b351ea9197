/*
 * strangers: mapped files that were found to define no Python runtime.
 *
 * A list of processes meets the same libc two hundred times; once is enough to read its
 * symbols. What is remembered holds for one list, not for longer: files change.
 */
#ifndef INSPECTOR_STRANGERS_H
#define INSPECTOR_STRANGERS_H

#include "base/error.h"
#include "base/vec.h"
#include "inspector/target/space.h"

struct stranger {
	uint64_t device, inode;
	uint64_t size; /* of its first mapping */
	uint64_t path; /* hashed: btrfs gives files of two subvolumes the same numbers in maps */
};

struct strangers {
	VEC(struct stranger) list; /* ascending */
};

#define STRANGERS_EMPTY   \
	{                 \
		VEC_EMPTY \
	}

/* Whether the file of a region that begins an object is one. */
bool strangers_have(const struct strangers *strangers, const struct region *region);

/* Remembers it. Without memory it is simply met again. */
void strangers_add(struct strangers *strangers, const struct region *region);

void strangers_fini(struct strangers *strangers);

#endif
