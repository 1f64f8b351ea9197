/*
 * backing: the files behind mapped regions, kept open so that pages which are not in
 * memory, or not in a core, can be taken from them.
 */
#ifndef INSPECTOR_TARGET_BACKING_H
#define INSPECTOR_TARGET_BACKING_H

#include "base/error.h"
#include "base/raddr.h"
#include "base/vec.h"

struct backing {
	uint64_t device, inode;
	int fd;
};

struct backings {
	VEC(struct backing) list;
};

/* Keeps a duplicate of fd for all regions of this device and inode; what is known is kept. */
struct error *backings_add(struct backings *backings, uint64_t device, uint64_t inode,
			   int fd) MUST_CHECK;

/* NULL: none. */
const struct backing *backings_find(const struct backings *backings, uint64_t device,
				    uint64_t inode);

/* As mapped at `at`: zeros from the file's end to that of its last page, ERROR_FAULT beyond. */
struct error *backing_read(const struct backing *backing, uint64_t offset, raddr at,
			   uint8_t *buffer, size_t size) MUST_CHECK;

void backings_fini(struct backings *backings);

#endif
