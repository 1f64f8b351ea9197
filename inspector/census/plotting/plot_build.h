/*
 * plot_build: a plot under way, and the steps that each allocator takes.
 *
 *	areas	where arenas (segments) are
 *	runs	pools (pages) in them, with how many blocks each has
 *	free	the blocks of a run that are not in use
 */
#ifndef INSPECTOR_CENSUS_PLOT_BUILD_H
#define INSPECTOR_CENSUS_PLOT_BUILD_H

#include "inspector/census/plotting/plot_make.h"
#include "inspector/heap/pymalloc_image.h"
#include "inspector/mimalloc/mimalloc_image.h"

struct plot_area {
	struct plot_arena arena;
	const struct pymalloc_image *image; /* pymalloc's; NULL: mimalloc's */
	uint32_t index, carved;             /* of pymalloc: in arenas[]; pools */
	const struct mimalloc_segment_image *segment;
};

struct plot_build {
	const struct plot_request *request;
	struct burst *burst;
	struct plot plot;
	VEC(struct plot_area) areas;    /* once sorted as plot.arenas */
	struct mimalloc_copy *mimalloc; /* of the burst; NULL: none */
	size_t near;                    /* among delayed blocks of mimalloc's */
};

/* A run whose free blocks are being taken out. */
struct plot_tally {
	struct plot_build *build;
	const struct plot_run *run;
	uint32_t n_free;
};

/* Adds a run; false: out of memory. */
bool plot_build_run(struct plot_build *build, uint64_t start, uint64_t block_size,
		    uint64_t n_blocks, size_t area);

/* The block that begins at `at` is free; false: no block of the run begins there, or it was known to be free. */
bool plot_build_free(struct plot_tally *tally, raddr at);

/* ---- the steps of each allocator ------------------------------------------------------------ */

/* ERROR_RESOURCE, as the next two, and ERROR_GONE. */
struct error *plot_pymalloc_areas(struct plot_build *build) MUST_CHECK;
struct error *plot_mimalloc_areas(struct plot_build *build) MUST_CHECK;
struct error *plot_pymalloc_runs(struct plot_build *build, size_t area) MUST_CHECK;
struct error *plot_mimalloc_runs(struct plot_build *build, size_t area) MUST_CHECK;

/* Takes the free blocks of a run out. False: its lists contradict it. */
bool plot_pymalloc_free(struct plot_tally *tally);
bool plot_mimalloc_free(struct plot_tally *tally);

/* Fills plot.chunks, ascending and disjoint. */
struct error *plot_malloc_chunks(struct plot_build *build) MUST_CHECK;

#endif
