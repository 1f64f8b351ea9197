/*
 * head: what an object says of itself before anything of its type's.
 */
#ifndef INSPECTOR_HOLDERS_WALK_HEAD_H
#define INSPECTOR_HOLDERS_WALK_HEAD_H

#include "inspector/holders/walk/scanner.h"

struct head {
	uint64_t refcount; /* references that are counted: never more than there are */
	bool immortal;     /* then refcount says nothing */
	bool uncounted;    /* neither does it here: references are counted elsewhere, too */
	bool tracked;      /* the collector knows it */
	bool frozen; /* it bears the mark of gc.freeze(): without the GIL alone, else it is on a list (frozen.h) */
};

/* Of a node whose rule is of an object. False: it cannot be read. */
bool head_read(struct scanner *scanner, uint32_t node, struct head *ret);

#endif
