/*
 * damaged: a space in which one word of `rarity` is not what it was: for what must end well whatever it reads.
 */
#ifndef DAMAGED_H
#define DAMAGED_H

#include "inspector/target/space.h"

struct damaged {
	struct space *space;
	struct space_ops own; /* what it is read by from now on */
	const struct space_ops *ops;
	void *source;
	uint64_t seed, rarity;
};

/* The same seed damages the same words in the same way. `d` must stay where it is until damaged_end(). */
void damaged_begin(struct damaged *d, struct space *space, uint64_t seed, uint64_t rarity);
void damaged_end(struct damaged *d); /* takes a zeroed one */

#endif
