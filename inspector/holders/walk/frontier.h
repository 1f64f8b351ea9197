/*
 * frontier: the blocks that a walk goes on from.
 *
 *	few    [ 17, 4, 99 ]                a list, in the order they were met
 *	many   [ ..1...1..11...... ]        a bit for each block: taken in the order of addresses
 */
#ifndef INSPECTOR_HOLDERS_WALK_FRONTIER_H
#define INSPECTOR_HOLDERS_WALK_FRONTIER_H

#include "base/error.h"
#include "base/vec.h"

struct frontier {
	VEC(uint32_t) list;
	uint64_t *bits;
	uint32_t n_blocks;
	uint32_t n;
	bool many;
	size_t next; /* where frontier_take goes on: in list, or in bits by words */
};

/* For numbers below n_blocks. ERROR_RESOURCE. */
struct error *frontier_init(struct frontier *frontier, uint32_t n_blocks) MUST_CHECK;
void frontier_fini(struct frontier *frontier); /* takes a zeroed one */

/* Each block at most once until it is taken. Never fails: room was made before. */
void frontier_add(struct frontier *frontier, uint32_t block);

/* At most `room` of them, which are then no longer in it; 0: it is empty. Nothing may be added in between. */
size_t frontier_take(struct frontier *frontier, uint32_t *ret, size_t room);

#endif
