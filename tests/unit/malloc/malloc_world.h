/*
 * malloc_world: a process with a libc and one heap, written word by word as glibc 2.36 would.
 */
#ifndef TESTS_UNIT_MALLOC_MALLOC_WORLD_H
#define TESTS_UNIT_MALLOC_MALLOC_WORLD_H

#include "inspector/malloc/malloc_look.h"

#define WORLD_LIBC      UINT64_C(0x7f0000000000) /* its constants, then its variables */
#define WORLD_DATA      (WORLD_LIBC + 0x1000)
#define WORLD_ARENA     (WORLD_DATA + 0x100)
#define WORLD_PAR       (WORLD_DATA + 0xf00)
#define WORLD_HEAP      UINT64_C(0x555500000000)
#define WORLD_HEAP_SIZE 0x21000

enum world_chunk { WORLD_USED, WORLD_FREE, WORLD_FAST };

struct malloc_world {
	struct space space;
	uint8_t *libc, *heap; /* 0x3000 and WORLD_HEAP_SIZE bytes */
	uint64_t at;          /* where the next chunk begins */
	bool before;          /* whether the chunk before it is in use */
	uint64_t last_size;
};

struct malloc_world *malloc_world_new(void);
void malloc_world_free(struct malloc_world *world);

/* Adds a chunk; returns its address. Free ones go into the unsorted bin, fast ones into the first fast bin. */
uint64_t malloc_world_add(struct malloc_world *world, enum world_chunk kind, uint64_t size);

/* The rest is the top chunk. */
void malloc_world_finish(struct malloc_world *world);

/* A word of it. */
void malloc_world_put(struct malloc_world *world, uint64_t at, uint64_t value);

#endif
