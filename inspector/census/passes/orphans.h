/*
 * orphans: blocks that no object stands in and no known owner claimed, by the address that would be pointed to.
 *
 *	word ─▷ filter: 16 bits an orphan, one set ─▷ table ─▷ the first (lowest) block that points to it
 *
 * Nearly every word of a heap is asked for, and nearly none is an orphan's: the filter fits a cache.
 */
#ifndef INSPECTOR_CENSUS_ORPHANS_H
#define INSPECTOR_CENSUS_ORPHANS_H

#include "inspector/census/labels.h"

#define ORPHANS_NOBODY UINT32_MAX

struct orphan {
	uint64_t at;    /* what points to it has this; 0: an empty place */
	uint32_t block; /* its number */
	uint32_t owner; /* the lowest number of who was met; ORPHANS_NOBODY */
};

struct orphans {
	struct orphan *table;
	size_t size; /* a power of two, more than twice count */
	size_t count;
	uint64_t *filter;
	unsigned shift; /* 64 - log2 of the filter's bits */
};

/* All blocks labelled as unexplained, at most `max` of them; `hook` bytes stand before what is pointed to.
 * ERROR_RESOURCE. */
struct error *orphans_gather(const struct plot *plot, const struct labels *labels, uint64_t hook,
			     size_t max, struct orphans *ret) MUST_CHECK;
void orphans_fini(struct orphans *orphans);

/* Where a word stands in the table, or the empty place where it would. */
struct orphan *orphans_seek(const struct orphans *orphans, uint64_t word);

static inline uint64_t orphans_bit(const struct orphans *orphans, uint64_t word)
{
	return (word * UINT64_C(0x9e3779b97f4a7c15)) >> orphans->shift;
}

/* The orphan that a word points to; NULL: none. Any worker may ask. */
static inline struct orphan *orphans_at(const struct orphans *orphans, uint64_t word)
{
	uint64_t bit = orphans_bit(orphans, word);
	if (!(orphans->filter[bit / 64] >> (bit % 64) & 1))
		return NULL;
	struct orphan *orphan = orphans_seek(orphans, word);
	return orphan->at ? orphan : NULL;
}

/* Whether it is of a run, and still nobody's and unexplained. */
static inline bool orphans_is_open(const struct plot *plot, const struct labels *labels,
				   const struct orphan *orphan)
{
	return orphan->at && orphan->owner == ORPHANS_NOBODY &&
	       orphan->block < plot->n_run_blocks &&
	       labels->of_block[orphan->block] == LABELS_UNEXPLAINED;
}

/* Remembers who points to it, if nobody lower does. Any worker may. */
void orphan_claim(struct orphan *orphan, uint32_t owner);

#endif
