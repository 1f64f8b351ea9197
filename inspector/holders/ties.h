/*
 * ties: what each node was first reached from, and on which path: seven bytes a node, told by one miss of the cache.
 *
 *	node 0          node 1
 *	[parent │path  ][parent │path  ] …
 *	 4 bytes 3 bytes
 */
#ifndef INSPECTOR_HOLDERS_TIES_H
#define INSPECTOR_HOLDERS_TIES_H

#include "base/error.h"

#include <stdint.h>
#include <string.h>

#define TIES_SIZE      7
#define TIES_PATHS_MAX ((UINT32_C(1) << 24) - 1) /* paths are numbered below it */
#define TIES_NONE      UINT32_MAX                /* no parent; not on a path */

struct ties {
	uint8_t *bytes;
};

/* Of n nodes, none of them tied. ERROR_RESOURCE. */
struct error *ties_init(struct ties *ties, uint32_t n) MUST_CHECK;
void ties_fini(struct ties *ties); /* takes a zeroed one */

/* One byte more than a tie; there is room for it behind the last one. */
static inline uint64_t ties_word(const struct ties *ties, uint32_t node)
{
	uint64_t word;
	memcpy(&word, ties->bytes + (size_t)node * TIES_SIZE, sizeof(word));
	return word;
}

/* The node that it was first reached from; TIES_NONE: a root, or not reached. */
static inline uint32_t ties_parent(const struct ties *ties, uint32_t node)
{
	return (uint32_t)ties_word(ties, node);
}

/* The number of its path; TIES_NONE: not reached. */
static inline uint32_t ties_path(const struct ties *ties, uint32_t node)
{
	uint32_t path = (uint32_t)(ties_word(ties, node) >> 32) & TIES_PATHS_MAX;
	return path == TIES_PATHS_MAX ? TIES_NONE : path;
}

/* path: below TIES_PATHS_MAX. Not for two threads at a time. */
static inline void ties_set(struct ties *ties, uint32_t node, uint32_t parent, uint32_t path)
{
	const uint64_t word = (uint64_t)path << 32 | parent;
	memcpy(ties->bytes + (size_t)node * TIES_SIZE, &word, TIES_SIZE);
}

static inline void ties_prefetch(const struct ties *ties, uint32_t node)
{
	__builtin_prefetch(ties->bytes + (size_t)node * TIES_SIZE, 1);
}

#endif
