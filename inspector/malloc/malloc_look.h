/*
 * malloc_look: one look at the C library's allocator.
 *
 *	find	which it is; its arenas and settings; whose caches there are
 *	walk	live: every arena, read again while it changes
 *	copy	what is still in motion, under a stop, into memory made ready before; walked afterwards
 *	finish	an account (malloc_account.h), and claims for the ledger
 *
 * Only glibc's is walked. Only pages are read that were present before the first of them was.
 */
#ifndef INSPECTOR_MALLOC_MALLOC_LOOK_H
#define INSPECTOR_MALLOC_MALLOC_LOOK_H

#include "inspector/doubt.h"
#include "inspector/ledger/claims.h"
#include "inspector/malloc/malloc_account.h"
#include "inspector/target/origin.h"

struct malloc_span {
	raddr start;
	uint64_t size;
};

struct malloc_spans {
	VEC(struct malloc_span) list;
};

/* Chunks of so many bytes are remembered by a walk, one by one. */
#define MALLOC_LARGE (256 * KIB)

struct malloc_look_request {
	const struct origin *origin; /* borrowed, as all here */
	struct space *space;
	bool in_detail; /* claims with all traits of pages (space_residency_in_detail) */
	bool once; /* an arena that moves meanwhile is not walked again: for its large chunks alone */
	/* Of the whole target, taken by the caller before anything was read: then that is what counts
	 * as resident. NULL: it is taken here, arena by arena. */
	const struct residency *residency;
	uint64_t max_memory; /* bytes for copies; 0: none are made */
	/* Known not to be malloc's, ascending: blocks with mappings of their own are not sought there. */
	const struct malloc_span *avoid;
	size_t n_avoid;
};

struct malloc_look;

/*
 * Finds the allocator and, where it is glibc's, its arenas, settings, threads' caches; walks nothing. What
 * cannot be told is unknown, and no error. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *malloc_look_new(const struct malloc_look_request *request,
			      struct malloc_look **ret) MUST_CHECK;
void malloc_look_free(struct malloc_look *look); /* takes NULL */

/* Whether it is an allocator whose chunks can be walked. NULL: it is not. */
bool malloc_look_walks(const struct malloc_look *look);

static inline void malloc_look_freep(struct malloc_look **look)
{
	malloc_look_free(*look);
}

/* Walks every arena that is not settled, live. ERROR_GONE, ERROR_RESOURCE. */
struct error *malloc_look_walk(struct malloc_look *look) MUST_CHECK;

/* Arenas that were seen to move, or whose figures disagree. */
size_t malloc_look_unsettled(const struct malloc_look *look);

/* ---- under a stop ----------------------------------------------------------------------- */

/*
 * Makes room, faulted in, for a copy of the next unsettled arena (whole: of all arenas). Where max_memory has none
 * for it, chunks will be walked under the stop instead. *ret false: there is no such arena, or
 * `limit_us` are not enough for either; then nothing is to be copied.
 */
struct error *malloc_look_prepare(struct malloc_look *look, bool whole, uint64_t limit_us,
				  bool *ret) MUST_CHECK;

/* While the target stands still: copies (or walks) what was prepared for. *ret false: it was not
 * all, because it has outgrown the room. ERROR_GONE, ERROR_RESOURCE. */
struct error *malloc_look_copy(struct malloc_look *look, bool *ret) MUST_CHECK;

/* Afterwards: walks the copy; what it holds is settled unless figures disagree in it, too. */
struct error *malloc_look_walk_copy(struct malloc_look *look) MUST_CHECK;

/* ---- the end ---------------------------------------------------------------------------- */

/*
 * Moves what was found into *ret and, where ret_claims is not NULL, adds to it whole pages with an account
 * of what they hold, for heaps, and for each block with a mapping of its own:
 *
 *	malloc.live            chunks in use
 *	malloc.tcache          chunks in threads' caches
 *	malloc.free_trimmable  pages that malloc_trim(0) would give back, those at the end of the main heap too
 *	malloc.free_stuck      the rest of free chunks, those in fast bins too
 *	malloc.top             the rest of the top chunks
 *	malloc.mmapped         blocks with mappings of their own
 *	malloc.overhead        headers of heaps and arenas, fences, alignment
 *	malloc.opaque          what was not walked because something before it is damaged
 *
 * The resident bytes of free_trimmable are account.trimmable, to the byte. ERROR_RESOURCE.
 */
struct error *malloc_look_finish(struct malloc_look *look, struct malloc_account *ret,
				 struct claims *ret_claims, struct doubts *doubts) MUST_CHECK;

#endif
