/* fuzz_graph_world: a small heap whose blocks, labels, words and roots a fuzzer's input says, for the holders' walk. */
#ifndef TESTS_FUZZ_FUZZ_GRAPH_WORLD_H
#define TESTS_FUZZ_FUZZ_GRAPH_WORLD_H

#include "fuzz.h"

#include "../unit/object/object_world.h"
#include "inspector/census/ground.h"
#include "inspector/holders/roots.h"

#define GRAPH_WORLD_TYPES 13
#define GRAPH_WORLD_HOLES 8

struct graph_world {
	struct object_world *objects; /* types are in its data, blocks in its heap */
	struct ground ground;
	struct roots roots;
	uint64_t types[GRAPH_WORLD_TYPES];  /* addresses; of the world before it was damaged: */
	uint16_t before[GRAPH_WORLD_TYPES]; /* bytes in front of an instance, without hooks */
	VEC(struct label) said;             /* by number in the plot; type: index in types */
	VEC(uint64_t) meant;               /* by number: the address that refers to what is there */
	uint64_t holes[GRAPH_WORLD_HOLES]; /* pages that cannot be read; 0: none */
	bool streamed;                     /* hardly anything is copied */
};

/* One at a time. */
struct graph_world *graph_world_new(struct fuzz *f);
void graph_world_free(struct graph_world *w);

/* An address that the input says: of a block, a type, or anywhere near. */
uint64_t graph_world_address(const struct graph_world *w, struct fuzz *f);

#endif
