/* fuzz_world: a damaged heap, made from a fuzzer's input. */
#ifndef TESTS_FUZZ_FUZZ_WORLD_H
#define TESTS_FUZZ_FUZZ_WORLD_H

#include "fuzz.h"
#include "tests/unit/heap/world.h"

/* Damaged as the input says; one at a time, because writes go on under its reader. */
struct world *fuzz_world(struct fuzz *f);

#endif
