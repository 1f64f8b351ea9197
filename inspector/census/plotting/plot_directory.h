/*
 * plot_directory: from an address to its run or chunk.
 */
#ifndef INSPECTOR_CENSUS_PLOT_DIRECTORY_H
#define INSPECTOR_CENSUS_PLOT_DIRECTORY_H

#include "inspector/census/plot.h"

#define DIRECTORY_NONE  0
#define DIRECTORY_CHUNK (UINT32_C(1) << 31)

/* What a page or a MiB holds: DIRECTORY_NONE, or one more than the index of a run, or DIRECTORY_CHUNK and the index of
 * the first chunk that ends above where the page begins. */
struct directory_grain {
	uint64_t number; /* address >> 20 */
	uint32_t
		pages; /* one more than the index in blocks of what its pages hold; 0: no page by itself */
	uint32_t whole; /* what holds all of it */
	bool used;
};

struct plot_directory {
	struct directory_grain *grains; /* hashed */
	size_t n_grains, n_used;        /* places, a power of two */
	VEC(uint32_t) blocks;           /* 256 a MiB */
	uint32_t *hints;                /* for each 256 numbers of runs: the run of the first */
	uint64_t reciprocals[129];      /* by block size / 8 */
};

/* Makes it for a plot that has all its runs and chunks. ERROR_RESOURCE. */
struct error *plot_directory_make(struct plot *plot) MUST_CHECK;
void plot_directory_free(struct plot_directory *directory); /* takes NULL */

/* What holds an address, coded as above. */
uint32_t plot_directory_find(const struct plot_directory *directory, uint64_t address);

#endif
