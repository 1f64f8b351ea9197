/*
 * redact_stack: data stacks of Python that no thread has: what they say of themselves is kept, since only a greenlet that waits
 * says where they are (inspector/holders/roots/greenlets.c).
 */
#ifndef INSPECTOR_SAVE_REDACT_STACK_H
#define INSPECTOR_SAVE_REDACT_STACK_H

#include "inspector/save/redact_types.h"

/* Bytes that redact_stack_begins() looks at. */
#define REDACT_STACK_HEAD 72

/*
 * Whether a chunk of a data stack begins at `at`: bytes there of which no more than `room` can belong to it. Its head agrees,
 * and its first frame names a code object (inspector/python/frames.h, object/frame.h; 3.11 to 3.15).
 */
bool redact_stack_begins(struct redact_types *types, uint64_t at, const uint8_t *bytes,
			 uint64_t room);

/* Whether the third of three words is where a chunk ends: the first is where it begins, the second lies in between. */
bool redact_stack_ends(uint64_t chunk, uint64_t top, uint64_t end);

#endif
