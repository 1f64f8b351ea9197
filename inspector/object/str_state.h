/*
 * str_state: what a str says of its characters (PEP 393; Include/cpython/unicodeobject.h, 3.6 to 3.15).
 *
 *	with the GIL        [interned 2][width 3][compact][ascii] …
 *	without, to 3.13    the same
 *	without, from 3.14  [interned       8][width 3][compact][ascii] …
 */
#ifndef INSPECTOR_OBJECT_STR_STATE_H
#define INSPECTOR_OBJECT_STR_STATE_H

#include "inspector/object/shapes.h"

struct str_state {
	unsigned width; /* bytes of a character: 1, 2 or 4; foreign */
	bool interned;
	bool compact; /* characters follow the header */
	bool ascii;
};

/* word: from shapes->str.state on. Not of 2.7. */
static inline struct str_state str_state_of(const struct shapes *shapes, uint64_t word)
{
	unsigned from = shapes->free_threaded && shapes->version_hex >= 0x030e0000 ? 8 : 2;
	return (struct str_state){
		.width = word >> from & 7,
		.interned = word & 3,
		.compact = word >> (from + 3) & 1,
		.ascii = word >> (from + 4) & 1,
	};
}

/* Whether it may point to characters, or to copies of them in other codes, outside of it. */
static inline bool str_state_is_scattered(const struct str_state *state)
{
	return !(state->compact && state->ascii);
}

#endif
