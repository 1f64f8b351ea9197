/*
 * plot: from an address to a number, and back.
 *
 *	address ─▷ page ─▷ run ─▷ (address - start) / block size     by a reciprocal: the quotient is exact
 *	                  └▷ chunks of this page, by bisection
 */
#include "inspector/census/plot.h"

#include "inspector/census/plotting/plot_directory.h"

#define EXACT_BELOW  \
	(UINT64_C(1) \
	 << 22)        /* of offsets, by a reciprocal of 32 bits, where sizes are at most 1024 */
#define CHUNKS_MAX 130 /* that begin in one page, and one before it */
#define HINT       256

/* A multiple of 8 up to 1024, m = 2^32 / size + 1: x * m / 2^32 exceeds x / size by less than x / 2^32, and so by less
 * than 1 / size. */
static uint64_t divide(const struct plot_directory *d, uint64_t offset, uint32_t size)
{
	bool known = size % 8 == 0 && size / 8 < ARRAY_SIZE(d->reciprocals);
	if (!known || offset >= EXACT_BELOW)
		return offset / size;
	return offset * d->reciprocals[size / 8] >> 32;
}

static bool find_in_run(const struct plot *p, const struct plot_run *run, uint64_t address,
			struct plot_place *ret)
{
	if (address < run->start)
		return false;
	uint64_t i = divide(p->directory, address - run->start, run->block_size);
	if (i >= run->n_blocks || !plot_is_used(p, run->first + (uint32_t)i))
		return false;
	*ret = (struct plot_place){.start = run->start + i * run->block_size,
				   .size = run->block_size,
				   .block = run->first + (uint32_t)i,
				   .arena = run->arena};
	return true;
}

static void place_chunk(const struct plot *p, size_t i, struct plot_place *ret)
{
	*ret = (struct plot_place){.start = p->chunks.items[i].start,
				   .size = p->chunks.items[i].size,
				   .block = p->n_run_blocks + (uint32_t)i,
				   .arena = PLOT_NONE};
}

/* first: the lowest of its page. The one looked for is the last that begins at or below the address. */
static bool find_in_chunks(const struct plot *p, size_t first, uint64_t address,
			   struct plot_place *ret)
{
	size_t low = first, high = (size_t)size_min(first + CHUNKS_MAX, p->chunks.count);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->chunks.items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == first ||
	    address - p->chunks.items[low - 1].start >= p->chunks.items[low - 1].size)
		return false;
	place_chunk(p, low - 1, ret);
	return true;
}

bool plot_find(const struct plot *p, uint64_t address, struct plot_place *ret)
{
	uint32_t what = p->directory ? plot_directory_find(p->directory, address) : DIRECTORY_NONE;
	if (what == DIRECTORY_NONE)
		return false;
	if (what & DIRECTORY_CHUNK)
		return find_in_chunks(p, what & ~DIRECTORY_CHUNK, address, ret);
	return find_in_run(p, &p->runs.items[what - 1], address, ret);
}

/* The last run that begins at or below a number. */
static size_t run_of(const struct plot *p, uint32_t block)
{
	const struct plot_directory *d = p->directory;
	size_t hint = block / HINT, last = p->n_run_blocks / HINT;
	size_t low = d->hints[hint], high = hint < last ? d->hints[hint + 1] + 1 : p->runs.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->runs.items[middle].first <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

void plot_place(const struct plot *p, uint32_t block, struct plot_place *ret)
{
	if (block >= p->n_run_blocks) {
		place_chunk(p, block - p->n_run_blocks, ret);
		return;
	}
	const struct plot_run *run = &p->runs.items[run_of(p, block)];
	*ret = (struct plot_place){.start = run->start +
					    (uint64_t)(block - run->first) * run->block_size,
				   .size = run->block_size,
				   .block = block,
				   .arena = run->arena};
}

size_t plot_arena_above(const struct plot *p, uint64_t address)
{
	size_t low = 0, high = p->arenas.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct plot_arena *arena = &p->arenas.items[middle];
		if (arena->start + arena->size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void plot_fini(struct plot *p)
{
	vec_fini(&p->arenas);
	vec_fini(&p->runs);
	vec_fini(&p->chunks);
	free(p->used);
	plot_directory_free(p->directory);
	*p = (struct plot){.n_blocks = 0};
}
