/*
 * pymalloc_saved: what a copy holds, as ranges of the target's memory: what a snapshot file must say
 * of an allocator so that a look at it finds what this look found.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_SAVED_H
#define INSPECTOR_HEAP_PYMALLOC_SAVED_H

#include "inspector/heap/pymalloc_copy.h"

struct pymalloc_saved_arena {
	const struct pymalloc_copy *copy; /* borrowed */
	raddr start;
	uint64_t size;
	uint32_t index;   /* in arenas[] */
	uint32_t n_pools; /* whose headers were copied */
	bool stopped;     /* copied while the target stood still */
};

struct pymalloc_saved_range {
	raddr start;
	const uint8_t *bytes; /* of the copy */
	size_t size;
};

struct pymalloc_saved_arenas {
	VEC(struct pymalloc_saved_arena) list; /* ascending, disjoint */
};

/* Adds the arenas of a copy, and puts all in order; those that overlap another are left out.
 * ERROR_RESOURCE. */
struct error *pymalloc_saved_add(const struct pymalloc_copy *copy,
				 struct pymalloc_saved_arenas *to) MUST_CHECK;
void pymalloc_saved_fini(struct pymalloc_saved_arenas *arenas);

/* Bytes of a pool's header. */
size_t pymalloc_saved_header_size(const struct pymalloc_saved_arena *arena);

/* Bytes of a pool; 0 where there is no arena. */
uint64_t pymalloc_saved_pool_size(const struct pymalloc_saved_arenas *arenas);

/* The first arena that ends above `at`; the count if none. */
size_t pymalloc_saved_above(const struct pymalloc_saved_arenas *arenas, raddr at);

/* The header of a pool, 0 to n_pools - 1; false: it could not be read. */
bool pymalloc_saved_header(const struct pymalloc_saved_arena *arena, uint32_t pool,
			   struct pymalloc_saved_range *ret);

/*
 * arenas[] in which each arena's object is the one under which its pools were copied. *ret is the
 * caller's; size 0 and NULL where there is none. ERROR_RESOURCE.
 */
struct error *pymalloc_saved_table(const struct pymalloc_copy *copy, raddr *ret_start,
				   uint8_t **ret, size_t *ret_size) MUST_CHECK;

/* Whether all of the copy is of one moment, or was seen to move. */
enum space_moment pymalloc_saved_moment(const struct pymalloc_copy *copy);

#endif
