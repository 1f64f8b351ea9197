/*
 * plot_directory: flat arrays over what is covered, not over the address space.
 *
 *	address / 1 MiB ─▷ hash ─▷ [256 pages] ─▷ run, or first chunk that ends above the page's begin
 *	                       └─▷ whole: a large block or chunk holds all of it
 */
#include "inspector/census/plotting/plot_directory.h"

#include "base/cleanup.h"

#define GRAIN       MIB
#define GRAIN_PAGES ((size_t)256)
#define PAGE        UINT64_C(4096)
#define HINT        256
#define FEWEST      64

void plot_directory_free(struct plot_directory *d)
{
	if (!d)
		return;
	free(d->grains);
	vec_fini(&d->blocks);
	free(d->hints);
	free(d);
}

static void free_directory(struct plot_directory **d)
{
	plot_directory_free(*d);
}

/* ---- grains ----------------------------------------------------------------------------- */

/* Its place, or that where it would be. */
static struct directory_grain *place_of(struct directory_grain *grains, size_t n, uint64_t number)
{
	size_t slot = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (n - 1);
	while (grains[slot].used && grains[slot].number != number)
		slot = (slot + 1) & (n - 1);
	return &grains[slot];
}

static bool grow(struct plot_directory *d)
{
	size_t n = d->n_grains ? d->n_grains * 2 : FEWEST;
	struct directory_grain *grains = calloc(n, sizeof(*grains));
	if (!grains)
		return false;
	for (size_t i = 0; i < d->n_grains; i++)
		if (d->grains[i].used)
			*place_of(grains, n, d->grains[i].number) = d->grains[i];
	free(d->grains);
	d->grains = grains;
	d->n_grains = n;
	return true;
}

/* NULL: out of memory. */
static struct directory_grain *want_grain(struct plot_directory *d, uint64_t number)
{
	if (d->n_used * 2 >= d->n_grains && !grow(d))
		return NULL;
	struct directory_grain *grain = place_of(d->grains, d->n_grains, number);
	if (!grain->used) {
		*grain = (struct directory_grain){.number = number, .used = true};
		d->n_used++;
	}
	return grain;
}

static uint32_t *want_pages(struct plot_directory *d, struct directory_grain *grain)
{
	if (!grain->pages) {
		size_t n = d->blocks.count;
		if (n / GRAIN_PAGES >= UINT32_MAX || !vec_reserve(&d->blocks, n + GRAIN_PAGES))
			return NULL;
		memset(&d->blocks.items[n], 0, GRAIN_PAGES * sizeof(*d->blocks.items));
		d->blocks.count += GRAIN_PAGES;
		grain->pages = (uint32_t)(n / GRAIN_PAGES) + 1;
	}
	return &d->blocks.items[(grain->pages - 1) * GRAIN_PAGES];
}

/* ---- covering --------------------------------------------------------------------------- */

/* Pages that nobody has yet of [from, to), which lies in one grain. */
static bool cover_pages(struct plot_directory *d, struct directory_grain *grain, uint64_t from,
			uint64_t to, uint32_t what)
{
	uint32_t *pages = want_pages(d, grain);
	if (!pages)
		return false;
	size_t first = (size_t)(from % GRAIN / PAGE), last = (size_t)((to - 1) % GRAIN / PAGE);
	for (size_t i = first; i <= last; i++)
		pages[i] = pages[i] ? pages[i] : what;
	return true;
}

static bool cover(struct plot_directory *d, uint64_t start, uint64_t size, uint32_t what)
{
	uint64_t end = start + size;
	for (uint64_t at = start; at < end;) {
		uint64_t to = size_min(size_add(at, GRAIN) & ~(GRAIN - 1), end);
		struct directory_grain *grain = want_grain(d, at / GRAIN);
		if (!grain)
			return false;
		bool whole = to - at == GRAIN && !grain->pages;
		if (whole && !grain->whole)
			grain->whole = what;
		else if (!whole && !grain->whole && !cover_pages(d, grain, at, to, what))
			return false;
		at = to;
	}
	return true;
}

static bool cover_all(struct plot_directory *d, const struct plot *p)
{
	for (size_t i = 0; i < p->runs.count; i++) {
		const struct plot_run *run = &p->runs.items[i];
		if (!cover(d, run->start, (uint64_t)run->block_size * run->n_blocks,
			   (uint32_t)i + 1))
			return false;
	}
	for (size_t i = 0; i < p->chunks.count; i++) {
		const struct plot_chunk *chunk = &p->chunks.items[i];
		if (!cover(d, chunk->start, chunk->size, DIRECTORY_CHUNK | (uint32_t)i))
			return false;
	}
	return true;
}

uint32_t plot_directory_find(const struct plot_directory *d, uint64_t address)
{
	const struct directory_grain *grain = place_of(d->grains, d->n_grains, address / GRAIN);
	if (!grain->used || !grain->pages)
		return grain->whole;
	return d->blocks.items[(grain->pages - 1) * GRAIN_PAGES + address % GRAIN / PAGE];
}

/* ---- the others ------------------------------------------------------------------------- */

static bool make_hints(struct plot_directory *d, const struct plot *p)
{
	size_t run = 0, n = p->n_run_blocks / HINT + 1;
	d->hints = calloc(n, sizeof(*d->hints));
	for (size_t i = 0; i < n && d->hints; i++) {
		while (run + 1 < p->runs.count && p->runs.items[run + 1].first <= i * HINT)
			run++;
		d->hints[i] = (uint32_t)run;
	}
	return d->hints;
}

struct error *plot_directory_make(struct plot *plot)
{
	_cleanup_(free_directory) struct plot_directory *d = calloc(1, sizeof(*d));
	if (plot->runs.count >= DIRECTORY_CHUNK - 1 || plot->chunks.count >= DIRECTORY_CHUNK)
		return error_new(ERROR_RESOURCE, "more blocks than can be found again");
	if (!d || !grow(d) || !cover_all(d, plot) || !make_hints(d, plot))
		return error_out_of_memory();
	for (size_t i = 1; i < ARRAY_SIZE(d->reciprocals); i++)
		d->reciprocals[i] = (UINT64_C(1) << 32) / (i * 8) + 1;
	plot->directory = take(d);
	return NULL;
}
