/*
 * search: every word of what may hold references, held against two questions: does it point to a block that is nobody's
 * yet? does it point outside of all blocks, where an object may lie?
 *
 *	[ object │ w │ w │ w ]  ──▷ orphan      its owner is the lowest block that points to it
 *	                        ──▷ outside     asked once all are gathered: object_at()
 */
#ifndef INSPECTOR_CENSUS_SEARCH_H
#define INSPECTOR_CENSUS_SEARCH_H

#include "inspector/census/passes/atlas.h"
#include "inspector/census/passes/crew.h"
#include "inspector/census/passes/orphans.h"
#include "inspector/census/passes/word_set.h"

#define SEARCH_RECENT 4096

/* What one worker gathers. */
struct seeker {
	struct search *search;
	struct word_set outside; /* words that may be objects' addresses */
	uint64_t recent
		[SEARCH_RECENT]; /* of those, by their low bits: most words were met just before */
	/* While one works alone, in the order in which they were met: */
	bool alone;
	VEC(uint32_t) met;     /* orphans that were nobody's: blocks */
	VEC(uint64_t) pending; /* words outside that were not asked about yet */
};

struct search {
	struct ground *ground;
	struct crew *crew;
	struct atlas atlas;
	struct orphans orphans;
	struct seeker *seekers; /* one for each worker */
	struct word_set asked;  /* words behind which an object was sought */
	size_t n_followed;      /* objects outside that were looked through */
	uint64_t left;          /* bytes outside of blocks that may still be looked through */
};

/* Owners that are no blocks of the plot: from n_blocks on the objects outside, and */
#define SEARCH_ROOT (ORPHANS_NOBODY - 1)

/* ERROR_RESOURCE. */
struct error *search_init(struct search *search, struct crew *crew) MUST_CHECK;
void search_fini(struct search *search);

/* Shows memory piece by piece, each at an address that is a multiple of 8; what cannot be read is left out. */
void search_pieces(struct burst *burst, uint64_t start, uint64_t size,
		   void (*see)(void *context, uint64_t at, const uint8_t *bytes, size_t size),
		   void *context);

/* Looks through memory that `owner` has: what cannot be read is left out. */
void search_through(struct worker *worker, uint64_t start, uint64_t size, uint32_t owner);

/*
 * What was gathered, made of use, until it leads to nothing new: objects outside are listed and claim what they own; orphans
 * that somebody points to are labelled. One worker's work, the others rest. False: memory was out.
 */
bool search_settle(struct search *search);

/* When all is found: objects outside in order of addresses. */
void search_end(struct search *search);

#endif
