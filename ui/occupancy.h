/*
 * occupancy: how full the arenas of a snapshot are, as a picture and as a
 * histogram, before any glyph or colour is chosen.
 *
 * Bytes of an arena that could hold blocks are used (in used blocks) or held
 * (free blocks, and pools without any used block); the rest is overhead. What is
 * held goes back to the system only with its whole arena.
 */
#ifndef UI_OCCUPANCY_H
#define UI_OCCUPANCY_H

#include "base/error.h"
#include "inspector/snapshot.h"

/* How full a piece of memory is. The order is the order of a legend. */
enum occupancy_class {
	OCCUPANCY_UNREAD, /* nothing of it could be read */
	OCCUPANCY_EMPTY,  /* no block used, virgin pools included */
	OCCUPANCY_PINNED, /* under 5 % used, but not empty: few blocks keep all of it */
	OCCUPANCY_LOW,    /* 5 % to under 25 % */
	OCCUPANCY_MIDDLE, /* 25 % to under 75 % */
	OCCUPANCY_HIGH,   /* 75 % and more */
	OCCUPANCY_CLASS_COUNT
};

/* The class of `used` bytes beside `held` ones; UNREAD when both are 0. */
enum occupancy_class occupancy_class_of(uint64_t used, uint64_t held);

/* used / (used + held), 0 to 1; 0 when both are 0. */
double occupancy_share(uint64_t used, uint64_t held);

/* An arena and what the sums over its pools say. */
struct occupancy_arena {
	const struct pymalloc *heap; /* borrowed from the snapshot, as arena is */
	const struct pymalloc_arena *arena;
	size_t interpreter; /* index in snapshot.interpreters */
	uint64_t used;      /* bytes in used blocks */
	uint64_t held;      /* bytes in free blocks and in empty and virgin pools */
	uint32_t n_unread;  /* pools of which nothing is known */
};

enum occupancy_bucket_id {
	OCCUPANCY_0_5, /* not empty */
	OCCUPANCY_5_25,
	OCCUPANCY_25_50,
	OCCUPANCY_50_75,
	OCCUPANCY_75_100,
	OCCUPANCY_NONE_USED,
	OCCUPANCY_BUCKET_COUNT
};

/* " 0- 5 %", … "75-100%", "empty  ": seven columns each. */
const char *occupancy_bucket_name(enum occupancy_bucket_id id);

struct occupancy_bucket {
	uint64_t n_arenas;
	uint64_t size; /* bytes mapped by them */
	uint64_t used;
	uint64_t held;
};

struct occupancy_totals {
	uint64_t live;     /* bytes in used blocks */
	uint64_t kept;     /* free blocks, empty and virgin pools */
	uint64_t overhead; /* pool headers, quantization, arena alignment */
	uint64_t total;    /* bytes of all arenas */
	uint64_t resident, swapped;
	bool has_residency; /* of every heap counted */
	uint64_t n_pools, n_unread;
};

struct occupancy {
	VEC(struct occupancy_arena) arenas; /* ascending address */
	struct occupancy_bucket buckets[OCCUPANCY_BUCKET_COUNT];
	struct occupancy_totals totals;
};

#define OCCUPANCY_ALL SIZE_MAX

/*
 * Sums up the arenas of one interpreter (an index in snapshot.interpreters), or of all of them
 * (OCCUPANCY_ALL). Interpreters that share the main one's arenas add nothing. The snapshot must
 * outlive *ret. ERROR_RESOURCE only.
 */
struct error *occupancy_of(const struct snapshot *snapshot, size_t interpreter,
			   struct occupancy *ret) MUST_CHECK;
void occupancy_fini(struct occupancy *o);

/* Index in o->arenas of the arena that holds an address; o->arenas.count when none does. */
size_t occupancy_find(const struct occupancy *o, raddr address);

/* ---- the map ------------------------------------------------------------------------- */

/* A piece of the picture: some whole arenas, or some pools of one. */
struct occupancy_cell {
	raddr address;       /* where its first pool lies (of a whole arena: the arena itself) */
	size_t arena;        /* index in occupancy.arenas of its first arena */
	size_t n_arenas;     /* at least 1 */
	uint32_t first_pool; /* of its arena; 0 for whole arenas */
	uint32_t n_pools;    /* in all its arenas */
	uint64_t used, held;
	enum occupancy_class class;
	double swapped; /* share of its arenas' bytes that is swapped out, 0 to 1 */
	bool changed;   /* set by occupancy_mark_changes() */
};

struct occupancy_map {
	VEC(struct occupancy_cell) cells; /* ascending address */
	uint64_t arenas_per_cell;         /* 1 when an arena has several cells */
	uint64_t pools_per_cell;          /* 0 when a cell is one or more whole arenas */
	uint64_t cell_size; /* bytes that a cell stands for, the last one perhaps less */
};

/* Cuts the arenas into at most n_max cells, as fine as fits. The scale moves in few steps, so that
 * a heap that grows a little keeps its picture. ERROR_RESOURCE only. */
struct error *occupancy_map_of(const struct occupancy *o, size_t n_max,
			       struct occupancy_map *ret) MUST_CHECK;
void occupancy_map_fini(struct occupancy_map *map);

/* Sets `changed` on every cell that holds an arena or pool whose use differs from `before`. */
void occupancy_mark_changes(struct occupancy_map *map, const struct occupancy *now,
			    const struct occupancy *before);

/* Bytes in used blocks at the cell's arenas or pools as `before` has them; what is not there is 0. */
uint64_t occupancy_used_before(const struct occupancy_cell *cell, const struct occupancy *now,
			       const struct occupancy *before);

#endif
