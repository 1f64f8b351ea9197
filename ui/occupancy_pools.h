/*
 * occupancy_pools: how mimalloc's segments become arenas of an occupancy. For occupancy.c only.
 */
#ifndef UI_OCCUPANCY_POOLS_H
#define UI_OCCUPANCY_POOLS_H

#include "ui/occupancy.h"

/* Adds an interpreter's segments to arenas, pages and totals; false: no memory. The new arenas' pages
 * are valid only after occupancy_tie_pages(). */
bool occupancy_add_segments(struct occupancy *o, const struct mimalloc *m, size_t interpreter);

/* Lets each segment point to its pages, once no more are added; and says whether all are segments. */
void occupancy_tie_pages(struct occupancy *o);

#endif
