/*
 * static_roots: which of the module's words are obmalloc.c's variables, up to 3.11.
 *
 * Sources: the definitions in Objects/obmalloc.c, 2.7 to 3.11. Compilers lay file statics out in
 * the order of their definition or against it; GCC's LTO in the order of first use.
 */
#ifndef INSPECTOR_SCAN_STATIC_ROOTS_H
#define INSPECTOR_SCAN_STATIC_ROOTS_H

#include "inspector/scan/arena_table.h"

struct static_roots {
	raddr arenas, maxarenas;
	raddr unused_arena_objects,
		usable_arenas;           /* null: not to be told apart from another word */
	raddr nfp2lasta;                 /* the same, or a build without it */
	raddr current, total, highwater; /* the same */
	uint32_t n_nfp2lasta;            /* words */
	uint32_t n_places; /* that arenas and maxarenas could have; but for 1 nothing is filled */
};

/* Looks in the copy alone. */
struct static_roots static_roots_find(const struct data_segments *data,
				      const struct arena_table *table);

#endif
