/*
 * heap_world: a heap of a few types, laid out by hand as 3.12 would: blocks of 64 bytes, chunks, and static data. What is in
 * each block a test says; nothing is recognised.
 *
 *	block   [GC head 16][refcount 8][type 8][32 bytes: slot 0 … 3]
 */
#ifndef TESTS_UNIT_HOLDERS_HEAP_WORLD_H
#define TESTS_UNIT_HOLDERS_HEAP_WORLD_H

#include "inspector/holders/graph.h"
#include "inspector/holders/roots.h"

#define WORLD_BLOCK  64
#define WORLD_HEAD   16 /* of the collector */
#define WORLD_STATIC 4096

enum world_type {
	WORLD_NODE, /* a class: four attributes */
	WORLD_DICT,
	WORLD_LIST,
	WORLD_TUPLE,
	WORLD_STR,
	WORLD_WEAKREF,
	WORLD_TYPE,
	WORLD_TYPES
};

struct world {
	struct space space;
	struct ground ground;
	uint8_t *memory;
	uint64_t start, size;
	uint64_t chunks, statics; /* where they begin */
	struct roots roots;
};

/* chunk_size: of each chunk. */
void world_init(struct world *w, uint32_t n_blocks, uint32_t n_chunks, uint32_t chunk_size);
void world_fini(struct world *w);

/* An object in a block (or chunk: number n_blocks + i) with so many references; its address. */
uint64_t world_object(struct world *w, uint32_t block, enum world_type type, uint64_t refcount);

/* A buffer of a type's, or with WORLD_TYPES memory of which nothing is known; its address. */
uint64_t world_buffer(struct world *w, uint32_t block, enum world_type type, enum part_kind part);

/* An object in static data, `offset` bytes from where that begins; its address. All must be told in ascending order. */
uint64_t world_static(struct world *w, uint64_t offset, enum world_type type);

/* Has word `slot` behind an object's head, or of a buffer, be `value`. */
void world_put(struct world *w, uint32_t block, unsigned slot, uint64_t value);

/* The same of any word. */
void world_poke(struct world *w, uint64_t at, uint64_t value);

/* The address that refers to a block as it is labelled. */
uint64_t world_at(const struct world *w, uint32_t block);

/* Each is told after those before. from: of a module global its namespace. */
void world_root(struct world *w, enum root_phase phase, enum holder_kind kind, const char *name,
		uint64_t at);
void world_global(struct world *w, const char *name, uint64_t at, uint64_t from);
void world_memory_root(struct world *w, enum root_phase phase, const char *name, uint64_t at,
		       uint64_t size);

struct graph *world_walk(struct world *w);

/* The name of the root that a block is charged to; NULL: none. */
const char *world_holder(const struct graph *graph, uint32_t block);

/* "app.CACHE > dict > Node" */
char *world_chain(const struct graph *graph, uint32_t block);

#endif
