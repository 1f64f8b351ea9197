/*
 * pymalloc_map: the nodes of the radix tree, counted by hand where the allocator's own counts
 * are not to be found.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_MAP_H
#define INSPECTOR_HEAP_PYMALLOC_MAP_H

#include "inspector/target/space.h"

/*
 * Counts the nodes below the root: root and middle nodes are arrays of pointers, node_size bytes each
 * (arena_map_top and arena_map_mid in Objects/obmalloc.c, 3.10 to 3.15: of equal length in every
 * release); nodes are never freed. *ret_known false where one cannot be read. Allocates nothing.
 * ERROR_GONE.
 */
struct error *pymalloc_map_count(struct space *space, raddr root, uint64_t node_size,
				 uint64_t *ret_mids, uint64_t *ret_bots,
				 bool *ret_known) MUST_CHECK;

#endif
