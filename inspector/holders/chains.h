/*
 * chains: which rows of types are worth telling of a root, and how they read.
 */
#ifndef INSPECTOR_HOLDERS_CHAINS_H
#define INSPECTOR_HOLDERS_CHAINS_H

#include "inspector/holders/graph.h"

/* The paths below each root and path. */
struct chains {
	const struct graph *graph;
	uint32_t *of_root; /* by root: its first path; GRAPH_PATH_NONE */
	uint32_t *below;   /* by path: the first one below */
	uint32_t *beside;  /* by path: the next one that hangs on the same */
};

struct error *chains_init(const struct graph *graph, struct chains *ret) MUST_CHECK;
void chains_fini(struct chains *chains); /* takes a zeroed one */

/* Of a path and those beside it the one that holds most; GRAPH_PATH_NONE of none. */
uint32_t chains_heaviest(const struct chains *chains, uint32_t first);

/* The ends of the rows that hold most of a root's bytes, disjoint: at most `max` paths, most bytes first. */
size_t chains_choose(const struct chains *chains, uint32_t root, uint32_t *ret, size_t max);

#endif
