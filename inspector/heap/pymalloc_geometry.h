/*
 * pymalloc_geometry: the sizes of blocks, pools and arenas, derived from what lies
 * in memory, because neither the version nor debug information tells them.
 *
 *	pool headers	maxnextoffset = pool size - (szidx + 1) * alignment
 *	arena objects	carved pools = (pool_address - first pool) / pool size
 *			arena size   = ntotalpools * pool size, and one more where misaligned
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_GEOMETRY_H
#define INSPECTOR_HEAP_PYMALLOC_GEOMETRY_H

#include "inspector/heap/pymalloc_shape.h"
#include "inspector/heap/pymalloc_words.h"

struct pymalloc_geometry {
	bool known;   /* false: no arena yet, nothing to derive from */
	bool assumed; /* no pool header bore it out */
	uint64_t pool_size, alignment, arena_size;
	uint32_t n_classes;
	uint32_t overhead;        /* bytes of a pool before its first block */
	uint32_t pools_per_arena; /* where the arena's address is a multiple of the pool size */
};

/*
 * table: n_table arena objects as copied. Reads some pool headers; leaves *ret not known where no
 * arena is in use. ERROR_GONE.
 */
struct error *pymalloc_geometry_derive(struct space *space, const struct pymalloc_shape *shape,
				       const struct pymalloc_words *words, const uint8_t *table,
				       uint32_t n_table, struct pymalloc_geometry *ret) MUST_CHECK;

/* Whether an arena object in use can be one of this geometry, and then how many of its pools were
 * ever carved. */
bool pymalloc_geometry_fits(const struct pymalloc_geometry *g,
			    const struct pymalloc_arena_object *arena, uint32_t *ret_carved);

static inline raddr pymalloc_geometry_first_pool(const struct pymalloc_geometry *g, raddr arena)
{
	return raddr_align_up(arena, g->pool_size);
}

/* Bytes of a block of this class. */
static inline uint32_t pymalloc_geometry_block(const struct pymalloc_geometry *g, uint32_t class)
{
	return (class + 1) * (uint32_t)g->alignment;
}

/* Blocks of a pool of this class. */
static inline uint32_t pymalloc_geometry_capacity(const struct pymalloc_geometry *g, uint32_t class)
{
	return ((uint32_t)g->pool_size - g->overhead) / pymalloc_geometry_block(g, class);
}

#endif
