/*
 * glibc_walk: one arena, chunk by chunk.
 *
 * Two proofs: chunks and what lies between them add up to what the arena took from the system; and
 * the free chunks that the walk meets are exactly those that the bins lead to, forwards and backwards.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_WALK_H
#define INSPECTOR_MALLOC_GLIBC_WALK_H

#include "inspector/malloc/glibc_ledger.h"
#include "inspector/malloc/glibc_tcache.h"

/* Hears of the chunks that a walk meets. */
struct glibc_listener {
	/* An arena begins. again: the same one as before, and what was heard of it is void. */
	void (*begin)(void *context, bool again);
	/* A chunk, upwards in each segment. in_use: neither free, nor in a fast bin or a thread's cache. False: out of
	 * memory. */
	bool (*chunk)(void *context, uint64_t at, uint64_t size, bool in_use);
	void *context;
};

struct glibc_walk_request {
	struct space *space; /* the target's, or a copy of some of it; borrowed, as all here */
	const struct glibc_place *place;
	const struct glibc_tcaches *tcaches;
	const struct glibc_state *state;
	const struct glibc_segments *segments;
	const struct residency *residency; /* what may be read, taken before; NULL: all of it */
	const struct residency *counted;   /* what counts as resident; NULL: not known */
	bool resumes;  /* goes on behind what is broken: of no use where it is only in motion */
	bool at_break; /* its top ends at the program break: trim may move that */
	const struct glibc_listener *listener; /* NULL: nobody listens */
};

/*
 * Fills *ret but for threads, the caller's to malloc_arena_fini(), and adds a claim for each segment. Damage is told in
 * *ret, and no error. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *glibc_walk_arena(const struct glibc_walk_request *request, struct malloc_arena *ret,
			       struct claims *ret_claims) MUST_CHECK;

/*
 * Follows the chunks of a run of the main arena's that is recorded nowhere, from a page's start: *ret_end is
 * where its end mark, or the top chunk, ends; 0: it is none. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *glibc_walk_run(const struct glibc_walk_request *request, uint64_t start,
			     uint64_t limit, uint64_t *ret_end) MUST_CHECK;

#endif
