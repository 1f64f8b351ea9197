/*
 * headline: the one sentence that the figures of a look prove.
 *
 * It never says more than was measured: what is not pymalloc's is only called
 * elsewhere, and what is not resident is not called memory.
 */
#ifndef UI_HEADLINE_H
#define UI_HEADLINE_H

#include "base/text.h"
#include "ui/occupancy.h"
#include "ui/text/units.h"

/* RSS split by what pymalloc's walk says; the parts add up to rss. */
struct headline_split {
	uint64_t rss;            /* of a core, which does not tell it, what pymalloc holds */
	uint64_t live, overhead; /* in RAM, at most what the walk counted */
	uint64_t kept;           /* free, in RAM: what could be given back and is not */
	uint64_t elsewhere;
	bool exact; /* residency is known and nothing is swapped out */
};

/* Without residency all arenas are counted as if they were in RAM. */
struct headline_split headline_split_of(const struct snapshot *snapshot,
					const struct occupancy *occupancy);

/* Arenas under some share of use that together hold at least half of what is kept. */
struct headline_sparse {
	unsigned percent; /* 5, 25 or 50; 0: no such group, what is kept is spread evenly */
	uint64_t n_arenas;
	uint64_t held;          /* free bytes in them */
	uint64_t n_blocks;      /* live blocks in them */
	uint64_t median_blocks; /* of one arena */
};

/* The group of the least percentage that is enough; {0} where none is. */
struct headline_sparse headline_sparse_of(const struct occupancy *occupancy);

/* Appends the sentence, one paragraph without line breaks. ledger: of this look or a recent one;
 * NULL: none. */
void headline_write(struct text *text, const struct snapshot *snapshot, const struct ledger *ledger,
		    const struct occupancy *occupancy, enum units units);

#endif
