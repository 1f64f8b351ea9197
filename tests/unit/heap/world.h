/*
 * world: a small Python heap, written through a layout table into buffers that end
 * at a guard page, and served as a space. What was built is known exactly, so
 * what the walker says of it can be compared.
 *
 *	struct world *w = world_new(&world_models[i]);
 *	uint32_t arena = world_arena(&w->heaps[0], 0);
 *	world_pool(&w->heaps[0], arena, 3, 10, 2);	class 3: 10 blocks used, 2 freed
 *	world_finish(w);				lists and counters
 */
#ifndef TESTS_UNIT_HEAP_WORLD_H
#define TESTS_UNIT_HEAP_WORLD_H

#include "inspector/heap/pymalloc_copy.h"
#include "inspector/python/runtime.h"

#define WORLD_HEAPS_MAX   3
#define WORLD_ARENAS_MAX  48
#define WORLD_POOLS_MAX   256
#define WORLD_REGIONS_MAX 64
#define WORLD_BIAS        UINT64_C(0x555500000000)

enum world_roots { WORLD_STATICS, WORLD_EMBEDDED, WORLD_POINTER };

/* One build of CPython, as far as its heap's shape goes. */
struct world_model {
	const char *name;
	uint32_t version;
	enum world_roots roots;
	uint64_t alignment, pool_size, arena_size;
	unsigned pad;  /* bytes put before every field: a build that moved them */
	bool old;      /* no nfp2lasta */
	bool has_map;  /* a radix tree */
	bool no_count; /* 2.7: neither ntimes nor highwater */
};

extern const struct world_model world_models[];
extern const size_t world_n_models;

/* The first of them with these roots. */
const struct world_model *world_model_of(enum world_roots roots);

struct world_pool {
	uint32_t class, used, freed; /* blocks */
	uint32_t carved_blocks;      /* used + freed; above them all is virgin */
	bool empty;
};

struct world_arena {
	raddr address;
	uint32_t n_total, n_carved, n_pools_free;
	struct world_pool pools[WORLD_POOLS_MAX];
};

struct world;

struct world_heap {
	struct world *world;
	struct pymalloc_roots roots;
	raddr table;
	uint32_t maxarenas;
	struct world_arena arenas[WORLD_ARENAS_MAX];
	uint32_t n_arenas;
};

struct world_region {
	raddr start;
	uint64_t size;
	uint8_t *host; /* the region's bytes: the page behind them is PROT_NONE */
	uint8_t *mapping;
	size_t mapping_size;
};

struct world {
	const struct world_model *model;
	struct layout layout;
	struct space space;
	struct world_region regions[WORLD_REGIONS_MAX];
	size_t n_regions;
	raddr data; /* next free byte of the data region */
	struct world_heap heaps[WORLD_HEAPS_MAX];
	raddr interpreters[WORLD_HEAPS_MAX];
	size_t n_interpreters;
	raddr next_arena;

	/* Called before every read and gather, to change the heap under the reader. */
	void (*before_read)(struct world *w);
	unsigned n_reads;
	unsigned marks[2]; /* of the test */
	raddr absent;      /* a page that the space says is swapped out; null: none */
	bool never_there; /* and of which it says that it is not: it was not yet when that was asked */
};

struct world *world_new(const struct world_model *model);
void world_free(struct world *w);

/* A region of its own; host memory zeroed. */
raddr world_map(struct world *w, raddr start, uint64_t size);

/* Bytes in the data region, aligned to 16. */
raddr world_place(struct world *w, uint64_t size);

void world_put(struct world *w, raddr at, unsigned width, uint64_t value);
uint64_t world_get(struct world *w, raddr at, unsigned width);

/* Address of a field of the struct at `at`. */
raddr world_field(const struct world *w, raddr at, enum layout_entry_id field);

/* One more interpreter, younger than the others: with a heap of its own (3.12 on), or sharing. */
void world_interpreter(struct world *w, bool own);

/* One more arena, all pools virgin; `skew` bytes off the pool size. Its index. */
uint32_t world_arena(struct world_heap *h, uint64_t skew);

/* Carves the arena's next pool. used 0: an empty pool. Its address. */
raddr world_pool(struct world_heap *h, uint32_t arena, uint32_t class, uint32_t used,
		 uint32_t freed);

uint32_t world_capacity(const struct world *w, uint32_t class);
raddr world_object(const struct world_heap *h, uint32_t arena); /* the arena object */
raddr world_pool_at(const struct world_heap *h, uint32_t arena, uint32_t pool);
uint32_t world_free_pools(const struct world_heap *h, uint32_t arena); /* nfreepools */

/* Writes what depends on everything: lists, tables, counters. May be called again after changes. */
void world_finish(struct world *w);

/* Finds roots by runtime_read, copies live, walks: as the inspector does for interpreter i. */
struct error *world_look(struct world *w, size_t i, struct pymalloc *ret, struct doubts *doubts);

/* Doubts of this kind, of any severity. */
uint64_t world_doubts(const struct doubts *doubts, enum doubt_kind kind);

/* ---- between world.c and world_shape.c ------------------------------------------------ */

/* Makes the layout table, the roots and the main interpreter. */
void world_shape(struct world *w);

/* Writes the heads of empty lists. */
void world_close_usedpools(struct world_heap *h);

/* Words of nfp2lasta. */
uint64_t world_n_nfp2lasta(const struct world *w);

#endif
