/*
 * pymalloc_shape: where the fields of arena objects and pool headers lie, checked
 * once, so that decoding a copied one cannot fail.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_SHAPE_H
#define INSPECTOR_HEAP_PYMALLOC_SHAPE_H

#include "base/error.h"
#include "base/raddr.h"
#include "symbols/layout.h"

/* Largest arena object or pool header that we believe in, bytes. Both are 48 in every release. */
#define PYMALLOC_STRUCT_MAX 1024

struct pymalloc_shape {
	size_t arena_size;  /* bytes of an arena object */
	size_t header_size; /* bytes of a pool header */
	struct {
		size_t address, pool_address, nfreepools, ntotalpools, freepools, next, prev;
	} arena;
	struct {
		size_t count, freeblock, next, prev, arenaindex, szidx, nextoffset, maxnextoffset;
	} pool;
};

/* Takes the fields from the layout. ERROR_SYMBOLS: one is absent or lies outside its struct. */
struct error *pymalloc_shape_init(const struct layout *layout,
				  struct pymalloc_shape *ret) MUST_CHECK;

/* struct arena_object (Objects/obmalloc.c 2.7 to 3.11, pycore_obmalloc.h 3.12 to 3.15) */
struct pymalloc_arena_object {
	raddr address;      /* of the arena's memory; null: this slot of arenas[] is not in use */
	raddr pool_address; /* the first pool never carved */
	raddr freepools;    /* empty pools, linked by nextpool, ended by NULL */
	raddr next, prev;   /* in usable_arenas, or (next) in unused_arena_objects */
	uint32_t nfreepools;
	uint32_t ntotalpools;
};

/* struct pool_header (same sources) */
struct pymalloc_header {
	raddr freeblock;  /* freed blocks, linked by their first word, ended by NULL */
	raddr next, prev; /* in usedpools while partial, (next) in freepools while empty */
	uint32_t count;   /* blocks in use */
	uint32_t arenaindex;
	uint32_t szidx;         /* size class */
	uint32_t nextoffset;    /* bytes from the pool's start to its first virgin block */
	uint32_t maxnextoffset; /* the largest nextoffset at which a block still fits */
};

/* bytes: shape->arena_size of them. */
struct pymalloc_arena_object pymalloc_shape_arena(const struct pymalloc_shape *shape,
						  const uint8_t *bytes);

/* bytes: shape->header_size of them. */
struct pymalloc_header pymalloc_shape_header(const struct pymalloc_shape *shape,
					     const uint8_t *bytes);

#endif
