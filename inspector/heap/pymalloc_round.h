/*
 * pymalloc_round: one round of copying.
 *
 *	table ─ plan ─ gather ─ table again ─ which arenas changed meanwhile?
 *
 * A first round copies all arenas, later ones only those that were unsettled. Under
 * a stop the second table is left out, and so is everything that could allocate.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_ROUND_H
#define INSPECTOR_HEAP_PYMALLOC_ROUND_H

#include "inspector/heap/pymalloc_room.h"

enum round_kind {
	ROUND_ALL,
	ROUND_UNSETTLED, /* and arenas that are new */
	ROUND_TURN,      /* those whose object changed, and of the others one in `turns` */
};

struct round {
	enum round_kind kind;
	unsigned turns;
	bool frozen;
	bool residency; /* take it first */
};

/* ERROR_RESOURCE, ERROR_GONE. */
struct error *pymalloc_round_run(struct pymalloc_copy *copy, struct space *space,
				 const struct round *round) MUST_CHECK;

#endif
