/*
 * tally: passes over all blocks in the order of addresses, after the walk.
 */
#ifndef INSPECTOR_HOLDERS_WALK_TALLY_H
#define INSPECTOR_HOLDERS_WALK_TALLY_H

#include "inspector/holders/walk/walk.h"

/*
 * Reads the head of each object: counts the immortal and the interned, and reaches the characters of those str that the walk
 * did not read because most hold nothing.
 */
void tally_strings(struct walk *walk);

/* Adds each block's bytes to its path. */
void tally_bytes(struct walk *walk);

#endif
