/*
 * occupancy: how full the arenas of a snapshot are, as a picture and as a
 * histogram, before any glyph or colour is chosen.
 *
 * Bytes of an arena that could hold blocks are used (in used blocks) or held
 * (free blocks, and pools without any used block); the rest is overhead. What is
 * held goes back to the system only with its whole arena.
 *
 * mimalloc's segments and pages fill the same shapes as pymalloc's arenas and
 * pools. They differ in three things: a page takes some slices where a pool takes
 * one unit, free slices between pages are pools without blocks, and a page goes
 * back without its segment.
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

/* A pool of pymalloc, a page of mimalloc, or a run of mimalloc's free slices. */
struct occupancy_pool {
	raddr address;
	uint32_t first_unit, n_units; /* of its arena; a pool of pymalloc has one */
	enum pool_state state;        /* a page is PARTIAL or FULL, free slices are EMPTY */
	uint64_t block_size;          /* bytes; 0 where it has no blocks */
	uint32_t n_used, n_blocks;    /* blocks used, and that there is room for */
	uint64_t used, held;          /* bytes, as in its arena */
};

/* An arena or a segment, and what the sums over its pools say. */
struct occupancy_arena {
	const struct pymalloc *heap;        /* borrowed from the snapshot; NULL: it is a segment */
	const struct pymalloc_arena *arena; /* the same */
	const struct occupancy_pool *pages; /* of a segment, n_pieces; in occupancy.pages */
	size_t first_page;                  /* their index there */
	raddr address;                      /* as mapped */
	uint64_t size;                      /* bytes */
	size_t interpreter;                 /* index in snapshot.interpreters */
	uint64_t used;                      /* bytes in used blocks */
	uint64_t held;                      /* bytes in free blocks and in empty and virgin pools */
	uint64_t used_blocks;
	uint64_t resident, swapped; /* bytes; only with totals.has_residency */
	uint32_t n_unread;          /* pools of which nothing is known */
	uint32_t n_pools, n_free;   /* n_free: without any used block */
	uint32_t n_pieces;          /* the pools, and between pages the runs of free slices */
	bool settled;               /* its pools and its counters agree */

	/* What the map cuts: n_units pieces of unit_size bytes from first_unit on. */
	raddr first_unit;
	uint64_t unit_size;
	uint32_t n_units;
};

/* Piece i of an arena; false: it has none, or the snapshot does not hold it. */
bool occupancy_pool_at(const struct occupancy_arena *one, size_t i, struct occupancy_pool *ret);

/* Index of the piece that an address lies in; one->n_pieces when it is in none. */
size_t occupancy_pool_find(const struct occupancy_arena *one, raddr address);

/* How full a pool is. */
enum occupancy_class occupancy_pool_class(const struct occupancy_pool *pool);

struct occupancy_sums {
	uint64_t used, held; /* bytes */
	uint32_t n_unread;   /* pools */
};

/* The units [first, first + n) of an arena; what is beyond the snapshot adds nothing. A page that lies
 * partly in them counts by its share. */
struct occupancy_sums occupancy_units_sum(const struct occupancy_arena *one, uint32_t first,
					  uint32_t n);

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
	bool segments;                      /* mimalloc's, and no arena of pymalloc */
	VEC(struct occupancy_arena) arenas; /* ascending address */
	VEC(struct occupancy_pool) pages;   /* of all segments: see occupancy_arena.pages */
	struct occupancy_bucket buckets[OCCUPANCY_BUCKET_COUNT];
	struct occupancy_totals totals;
};

#define OCCUPANCY_ALL SIZE_MAX

/*
 * Sums up pymalloc's arenas of one interpreter (an index in snapshot.interpreters), or of all of
 * them (OCCUPANCY_ALL). Interpreters that share the main one's arenas add nothing. The snapshot must
 * outlive *ret. ERROR_RESOURCE only.
 */
struct error *occupancy_of(const struct snapshot *snapshot, size_t interpreter,
			   struct occupancy *ret) MUST_CHECK;

/* The same with mimalloc's segments, for who shows both alike. */
struct error *occupancy_of_any(const struct snapshot *snapshot, size_t interpreter,
			       struct occupancy *ret) MUST_CHECK;

/* A word of pymalloc's ("arena", "pools", "pymalloc" …) in the words of what is shown. */
const char *occupancy_word(const struct occupancy *o, const char *word);

void occupancy_fini(struct occupancy *o);

/* Index in o->arenas of the arena that holds an address; o->arenas.count when none does. */
size_t occupancy_find(const struct occupancy *o, raddr address);

/* ---- the map ------------------------------------------------------------------------- */

/* A piece of the picture: some whole arenas, or some units of one. */
struct occupancy_cell {
	raddr address;       /* where its first unit lies (of a whole arena: the arena itself) */
	size_t arena;        /* index in occupancy.arenas of its first arena */
	size_t n_arenas;     /* at least 1 */
	uint32_t first_unit; /* of its arena; 0 for whole arenas */
	uint64_t n_units;    /* in all its arenas */
	uint64_t used, held;
	enum occupancy_class class;
	double swapped; /* share of its arenas' bytes that is swapped out, 0 to 1 */
	bool changed;   /* set by occupancy_mark_changes() */
};

struct occupancy_map {
	VEC(struct occupancy_cell) cells; /* ascending address */
	uint64_t arenas_per_cell;         /* 1 when an arena has several cells */
	uint64_t units_per_cell;          /* 0 when a cell is one or more whole arenas */
	uint64_t cell_size; /* bytes that a cell stands for, the last one perhaps less */
	bool larger;        /* some cells stand for more: whole arenas are not all of one size */
};

/* Cuts the arenas into at most n_max cells, as fine as fits. The scale moves in few steps, so that
 * a heap that grows a little keeps its picture. ERROR_RESOURCE only. */
struct error *occupancy_map_of(const struct occupancy *o, size_t n_max,
			       struct occupancy_map *ret) MUST_CHECK;
void occupancy_map_fini(struct occupancy_map *map);

/* Sets `changed` on every cell that holds an arena or unit whose use differs from `before`. */
void occupancy_mark_changes(struct occupancy_map *map, const struct occupancy *now,
			    const struct occupancy *before);

/* Bytes in used blocks at the cell's arenas or units as `before` has them; what is not there is 0. */
uint64_t occupancy_used_before(const struct occupancy_cell *cell, const struct occupancy *now,
			       const struct occupancy *before);

#endif
