/*
 * lost: chunks of malloc's that nothing points to: how large they are, and whose they look like.
 */
#ifndef INSPECTOR_HOLDERS_LOST_H
#define INSPECTOR_HOLDERS_LOST_H

#include "inspector/holders/holders.h"
#include "inspector/holders/walk/scanner.h"

/* Of a mapped file. */
struct lost_vote {
	const char *label; /* the space's */
	uint64_t bytes;
};

struct lost {
	uint64_t count, bytes;
	VEC(uint64_t) sizes; /* of each */
	VEC(struct lost_vote) votes;
	bool failed; /* memory was out */
};

/* A chunk. */
void lost_add(struct lost *lost, struct scanner *scanner, uint32_t node);

/* Fills lost_count, lost_bytes, lost_sizes and lost_library. ERROR_RESOURCE. */
struct error *lost_tell(struct lost *lost, struct holders *ret) MUST_CHECK;
void lost_fini(struct lost *lost); /* takes a zeroed one */

#endif
