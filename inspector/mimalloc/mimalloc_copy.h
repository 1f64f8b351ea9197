/*
 * mimalloc_copy: what a walk needs of mimalloc, copied out of the target.
 *
 *	take	headers and slice tables of all segments (58 KB of 32 MB), the heaps that pages name,
 *		and of pages with free blocks the lists of those
 *	again	all that is small; the lists of pages that changed, or that did not agree
 *
 * mimalloc has no lock to wait for: each page says itself whether it was caught in the middle of a
 * change (capacity = used + free blocks), each segment (its slices fit together, pages in use are as
 * many as it says), each heap (its count of pages).
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_COPY_H
#define INSPECTOR_MIMALLOC_MIMALLOC_COPY_H

#include "inspector/doubt.h"
#include "inspector/ledger/claims.h"
#include "inspector/mimalloc/mimalloc.h"
#include "inspector/mimalloc/mimalloc_shape.h"
#include "inspector/target/space.h"

struct runtime; /* inspector/python/runtime.h */
struct mimalloc_copy;
struct mimalloc_image;

struct mimalloc_request {
	const struct layout *layout; /* borrowed, as the next */
	const struct runtime *runtime;
	uint64_t bias; /* of the interpreter's module */
	struct mimalloc_flavour flavour;
	uint64_t max_memory; /* bytes of our own; 0: no limit */
	bool in_detail;      /* pages with their traits, and what of each is resident: for claims */
};

struct mimalloc_copy *mimalloc_copy_new(void);       /* NULL: out of memory */
void mimalloc_copy_free(struct mimalloc_copy *copy); /* takes NULL */

/*
 * Copies everything; of a page that did not change since the last time, its lists are not followed
 * again. With frozen set the target stands still, and nothing is allocated: what has no room is left out, and
 * mimalloc_copy_complete() says so. ERROR_RESOURCE, ERROR_GONE.
 */
struct error *mimalloc_copy_take(struct mimalloc_copy *copy, struct space *space,
				 const struct mimalloc_request *request, bool frozen) MUST_CHECK;

/* Room for a heap half as large again, faulted in: before a freeze. ERROR_RESOURCE. */
struct error *mimalloc_copy_prepare(struct mimalloc_copy *copy, uint64_t max_memory) MUST_CHECK;

/* Whether everything was copied: nothing was left out for want of room. */
bool mimalloc_copy_complete(const struct mimalloc_copy *copy);

/* Pages, segments and heaps that contradict themselves. */
size_t mimalloc_copy_unsettled(const struct mimalloc_copy *copy);

/* What it holds; borrowed, and good until the next take. */
const struct mimalloc_image *mimalloc_copy_image(const struct mimalloc_copy *copy);

/* The facts of one interpreter (an index in request.runtime). What contradicts itself is a doubt, told
 * with interpreter 0. ERROR_RESOURCE. */
struct error *mimalloc_walk(const struct mimalloc_copy *copy, size_t interpreter,
			    struct mimalloc *ret, struct doubts *doubts) MUST_CHECK;

/* One claim for each segment, of all interpreters: live blocks, free ones (with slices that are in no
 * page and blocks never made), overhead. Tallies are all 0 unless it was taken in detail from a target that
 * tells residency. ERROR_RESOURCE. */
struct error *mimalloc_claims(const struct mimalloc_copy *copy, struct claims *to) MUST_CHECK;

#endif
