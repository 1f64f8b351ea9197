/*
 * paths: rows of types below roots, each with a number (graph.h tells what one is).
 */
#ifndef INSPECTOR_HOLDERS_WALK_PATHS_H
#define INSPECTOR_HOLDERS_WALK_PATHS_H

#include "inspector/holders/graph.h"

struct paths {
	struct graph *graph; /* borrowed: its list of paths grows */
	uint32_t *table;     /* indexes in it, by what is above and type */
	uint32_t room;       /* of table, a power of two */
	uint32_t most;       /* that may be made */
};

/* Where a path begins: `up` of what hangs on root i itself. */
#define PATHS_ROOT       (UINT32_C(1) << 31)
#define PATHS_OF_ROOT(i) (PATHS_ROOT | (uint32_t)(i))

struct error *paths_init(struct paths *paths, struct graph *graph, uint32_t most) MUST_CHECK;
void paths_fini(struct paths *paths); /* takes a zeroed one */

/*
 * The path of what has this type and hangs on `up`, a path or PATHS_OF_ROOT(); `node` is the one it was met as, and
 * `offset` where in the referring block its address stands. Where types recur, where a row is long, and when there are
 * enough of them or memory is out, it is one above.
 */
uint32_t paths_below(struct paths *paths, uint32_t up, uint32_t type, uint32_t node,
		     uint32_t offset);

/* After the walk: sums of those below into those above, and into the roots. */
void paths_sum(struct graph *graph);

#endif
