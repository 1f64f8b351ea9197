/* fuzz_drawing: a burst and a plot of a damaged world, and what must hold of any. */
#ifndef TESTS_FUZZ_FUZZ_DRAWING_H
#define TESTS_FUZZ_FUZZ_DRAWING_H

#include "fuzz.h"
#include "inspector/look/look.h"

/* subject may be NULL where there is no mimalloc. max_memory: of the burst. */
void fuzz_draw(struct space *space, const struct look *look, const struct subject *subject,
	       uint64_t max_memory);

#endif
