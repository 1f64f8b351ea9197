/*
 * glibc_mapped: blocks with mappings of their own, and the runs in which the main arena goes on where brk
 * was blocked. Neither is recorded anywhere: they are known by their headers at starts of pages,
 * and believed when they add up to what malloc counts.
 *
 *	anonymous   [ size│2 … block … ][ size│2 … block ][ not malloc's ][ size│1 … chunks … fence ]
 */
#ifndef INSPECTOR_MALLOC_GLIBC_MAPPED_H
#define INSPECTOR_MALLOC_GLIBC_MAPPED_H

#include "inspector/malloc/glibc_walk.h"
#include "inspector/malloc/malloc_look.h"

struct glibc_mapped {
	VEC(struct malloc_span) blocks; /* ascending */
	uint64_t size;                  /* of all */
	struct glibc_segments runs;     /* of the main arena */
	uint64_t runs_size;
};

struct glibc_mapped_request {
	struct space *space; /* borrowed, as all here */
	const struct glibc_place *place;
	const struct glibc_state *main;
	const struct malloc_span *avoid; /* ascending */
	size_t n_avoid;
	bool quick; /* only where mappings begin */
};

/*
 * Looks where mappings begin and behind each find; and where that does not add up (unless quick) at every present
 * page. Fills the list anew. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *glibc_mapped_find(const struct glibc_mapped_request *request,
				struct glibc_mapped *ret) MUST_CHECK;
void glibc_mapped_fini(struct glibc_mapped *mapped);

/* Whether such a block still begins at a span's. ERROR_GONE. */
struct error *glibc_mapped_check(struct space *space, const struct glibc_place *place,
				 const struct malloc_span *span, bool *ret) MUST_CHECK;

/* Whether the blocks are those that mp_ counts. glibc 2.43 counts 16 bytes too much each time that it
 * enlarges a block (sysmalloc's mremap_chunk). */
bool glibc_mapped_complete(const struct glibc_place *place, const struct glibc_mapped *mapped);

#endif
