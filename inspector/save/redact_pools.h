/*
 * redact_pools: pymalloc's arenas, whose blocks are cells.
 */
#ifndef INSPECTOR_SAVE_REDACT_POOLS_H
#define INSPECTOR_SAVE_REDACT_POOLS_H

#include "inspector/heap/pymalloc_saved.h"
#include "inspector/heap/pymalloc_shape.h"
#include "inspector/save/redact_window.h"

struct redact_pools {
	const struct pymalloc_saved_arenas *arenas; /* borrowed */
	struct pymalloc_shape shape;
	uint64_t pool_size; /* 0: there is no arena */
};

/* ERROR_SYMBOLS: as pymalloc_shape_init(). */
struct error *redact_pools_init(const struct layout *layout,
				const struct pymalloc_saved_arenas *arenas,
				struct redact_pools *ret) MUST_CHECK;

/* The first arena that ends above `at`; NULL: there is none. */
const struct pymalloc_saved_arena *redact_pools_above(const struct redact_pools *pools,
						      uint64_t at);

/* A part of an arena that lies in the window. */
void redact_pools_blank(const struct redact_pools *pools, struct redact_window *window,
			const struct pymalloc_saved_arena *arena, uint64_t from, uint64_t to);

#endif
