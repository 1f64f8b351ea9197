/*
 * plot: every block that an allocator gave out, numbered.
 *
 *	pool    [hdr][b0][b1][b2]…      run: first number, block size, start     pymalloc
 *	page    [b0][b1]…               the same                                  mimalloc
 *	chunk   [size|bytes……]          one number each, behind all runs          glibc malloc
 *
 * A number (an ordinal) is what tables about blocks are indexed by: labels, parents, marks. Numbers ascend with
 * addresses inside runs, and inside chunks. Only blocks in use at the moment of the copy are `used`; free
 * blocks of a run have numbers, too.
 */
#ifndef INSPECTOR_CENSUS_PLOT_H
#define INSPECTOR_CENSUS_PLOT_H

#include "base/error.h"
#include "base/raddr.h"
#include "base/vec.h"

#define PLOT_NONE UINT32_MAX

struct plot_directory; /* inspector/census/plotting/plot_directory.h */

enum plot_source { PLOT_PYMALLOC, PLOT_MIMALLOC, PLOT_MALLOC };

struct plot_run {
	uint64_t start;      /* of its first block */
	uint32_t block_size; /* bytes, at most 4 GiB - 1 */
	uint32_t n_blocks;   /* that were made so far: blocks never given out have no number */
	uint32_t first;      /* number of its first block */
	uint32_t arena;      /* pymalloc: index in plot.arenas; mimalloc: of the segment there */
};

struct plot_arena {
	uint64_t start, size;
	uint32_t interpreter; /* index in snapshot.interpreters */
	enum plot_source source;
	uint64_t used_bytes, used_blocks; /* of what is plotted */
	uint64_t resident;                /* bytes; size where residency is not known */
};

struct plot_chunk {
	uint64_t start; /* of what malloc(3) returned: 16 bytes behind the chunk's start */
	uint64_t size;  /* usable bytes from there */
};

struct plot {
	VEC(struct plot_arena) arenas; /* ascending */
	VEC(struct plot_run) runs;     /* ascending */
	VEC(struct plot_chunk)
	chunks;                      /* ascending; in use, not in a thread's cache nor a fast bin */
	uint32_t n_run_blocks;       /* numbers below it are of runs, from it on of chunks */
	uint32_t n_blocks;           /* all numbers */
	uint64_t n_used, used_bytes; /* of runs */
	uint64_t
		n_damaged; /* pools or pages whose lists contradict them: their blocks count as used */
	uint64_t n_later;                 /* arenas that are newer than the copy, and left out */
	uint64_t *used;                   /* a bit for each number */
	struct plot_directory *directory; /* from a page to its run or first chunk */
};

static inline bool plot_is_used(const struct plot *p, uint32_t block)
{
	return p->used[block / 64] >> (block % 64) & 1;
}

struct plot_place {
	uint64_t start, size;
	uint32_t block;
	uint32_t arena; /* index in plot.arenas; PLOT_NONE: a chunk */
};

/* The used block that holds an address, anywhere inside; false: none does. Several threads may ask at a time. */
bool plot_find(const struct plot *plot, uint64_t address, struct plot_place *ret);

/* The first arena that ends above an address, as an index; their count if none. */
size_t plot_arena_above(const struct plot *plot, uint64_t address);

/* The place of a number below n_blocks. */
void plot_place(const struct plot *plot, uint32_t block, struct plot_place *ret);

void plot_fini(struct plot *plot);

#endif
