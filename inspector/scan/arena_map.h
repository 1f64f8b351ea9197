/*
 * arena_map: the radix tree that tells whether an address is pymalloc's, found by the way that
 * leads to every arena.
 *
 * Sources: arena_map_mark_used() in Objects/obmalloc.c and the bits in its head (3.10, 3.11) and in
 * pycore_obmalloc.h (3.12 to 3.15).
 */
#ifndef INSPECTOR_SCAN_ARENA_MAP_H
#define INSPECTOR_SCAN_ARENA_MAP_H

#include "inspector/scan/arena_table.h"

struct arena_map {
	raddr root;
	uint64_t root_size, mid_size, bot_size; /* bytes of one node */
	uint32_t n_mids, n_bots;
	raddr mid_count, bot_count; /* the variables that say so; null: not told from others */
	unsigned n_found; /* trees that lead to every arena; but for 1 nothing is filled */
};

/* Searches the segments. ERROR_GONE, ERROR_RESOURCE. */
struct error *arena_map_find(struct space *space, const struct data_segments *data,
			     const struct arena_table *table, struct arena_map *ret) MUST_CHECK;

/* Whether a root lies exactly at `at`, in a state's struct: n_found is 1 then, and the counts are
 * behind it. ERROR_GONE, ERROR_RESOURCE. */
struct error *arena_map_read(struct space *space, raddr at, const struct arena_table *table,
			     struct arena_map *ret) MUST_CHECK;

#endif
