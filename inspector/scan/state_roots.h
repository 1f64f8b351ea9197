/*
 * state_roots: an allocator's state from 3.12 on, one struct that begins with the pool table.
 *
 * Source: struct _obmalloc_state in Include/internal/pycore_obmalloc.h, 3.12 to 3.15: pools, mgmt, and
 * usage where the radix tree is built in. Its members depend on two numbers only, the words of
 * usedpools and of nfp2lasta, and both show in memory.
 */
#ifndef INSPECTOR_SCAN_STATE_ROOTS_H
#define INSPECTOR_SCAN_STATE_ROOTS_H

#include "inspector/scan/arena_map.h"
#include "symbols/layout.h"

struct state_roots {
	bool idle; /* no arena, no pool: nothing bears out more than the table's place */
	bool found;
	struct layout_entry entries[LAYOUT_COUNT]; /* of struct _obmalloc_state; others absent */
	const char *why;                           /* static: what does not fit, where neither */
};

/*
 * Tries the struct at the table's address: found where arenas, its lists, nfp2lasta, the counters and
 * (where there is one) the radix tree all are what they must be. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *state_roots_read(struct space *space, const struct pymalloc_shape *shape,
			       const struct pool_table *pools, struct state_roots *ret) MUST_CHECK;

#endif
