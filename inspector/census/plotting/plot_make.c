/*
 * plot_make: first all numbers, then which of them are in use.
 *
 *	areas ─▷ sorted ─▷ runs ─▷ numbers ─▷ a bit each, all set ─▷ lists of free blocks clear theirs
 *
 * Of a run whose lists contradict it every block counts as used: what is not free may be an object, and the labels
 * will say of the others that they are none.
 */
#include "inspector/census/plotting/plot_build.h"

#include "base/cleanup.h"
#include "inspector/census/plotting/plot_directory.h"
#include "inspector/mimalloc/mimalloc_copy.h"

static void build_fini(struct plot_build *b)
{
	plot_fini(&b->plot);
	vec_fini(&b->areas);
	mimalloc_copy_free(b->mimalloc);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static struct error *too_many(void)
{
	return error_new(ERROR_RESOURCE, "more blocks than 32 bits can number");
}

bool plot_build_run(struct plot_build *b, uint64_t start, uint64_t block_size, uint64_t n_blocks,
		    size_t area)
{
	struct plot_run *run = vec_push(&b->plot.runs);
	if (run)
		*run = (struct plot_run){.start = start,
					 .block_size = (uint32_t)block_size,
					 .n_blocks = (uint32_t)n_blocks,
					 .arena = (uint32_t)area};
	return run;
}

static struct error *number_runs(struct plot *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->runs.count; i++) {
		p->runs.items[i].first = (uint32_t)n;
		n += p->runs.items[i].n_blocks;
		if (n >= PLOT_NONE)
			return too_many();
	}
	p->n_run_blocks = (uint32_t)n;
	return NULL;
}

static struct error *number_chunks(struct plot *p)
{
	if (p->chunks.count >= PLOT_NONE - p->n_run_blocks)
		return too_many();
	p->n_blocks = p->n_run_blocks + (uint32_t)p->chunks.count;
	size_t n_words = (size_t)p->n_blocks / 64 + 1;
	p->used = malloc(n_words * sizeof(*p->used));
	if (!p->used)
		return error_out_of_memory();
	memset(p->used, 0xff, n_words * sizeof(*p->used));
	return NULL;
}

/* ---- areas ------------------------------------------------------------------------------ */

static int compare_areas(const void *a, const void *b)
{
	const struct plot_area *x = a, *y = b;
	return (x->arena.start > y->arena.start) - (x->arena.start < y->arena.start);
}

/* Of two that claim the same memory the lower one keeps it. */
static void sort_areas(struct plot_build *b)
{
	size_t n = 0;
	if (b->areas.count > 1)
		qsort(b->areas.items, b->areas.count, sizeof(*b->areas.items), compare_areas);
	for (size_t i = 0; i < b->areas.count; i++) {
		const struct plot_arena *last = n ? &b->areas.items[n - 1].arena : NULL;
		if (last && b->areas.items[i].arena.start - last->start < last->size)
			continue;
		b->areas.items[n++] = b->areas.items[i];
	}
	b->areas.count = n;
}

static bool is_copied(const struct burst *burst, const struct plot_arena *arena)
{
	raddr start;
	uint64_t size;
	return burst_above(burst, raddr_at(arena->start), &start, &size) &&
	       start.value < arena->start + arena->size;
}

/* Arenas that are newer than the copy would be read at another moment: whose what is in them is could not be told. */
static void drop_later(struct plot_build *b)
{
	size_t n = 0;
	if (!burst_whole(b->burst))
		return;
	for (size_t i = 0; i < b->areas.count; i++) {
		if (is_copied(b->burst, &b->areas.items[i].arena))
			b->areas.items[n++] = b->areas.items[i];
	}
	b->plot.n_later = b->areas.count - n;
	b->areas.count = n;
}

static struct error *find_runs(struct plot_build *b)
{
	if (!vec_reserve(&b->plot.arenas, b->areas.count))
		return error_out_of_memory();
	for (size_t i = 0; i < b->areas.count; i++) {
		struct plot_arena *arena = vec_push(&b->plot.arenas);
		*arena = b->areas.items[i].arena;
		struct error *err = b->areas.items[i].image ? plot_pymalloc_runs(b, i)
							    : plot_mimalloc_runs(b, i);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- free blocks ------------------------------------------------------------------------ */

bool plot_build_free(struct plot_tally *t, raddr at)
{
	const struct plot_run *run = t->run;
	uint64_t offset = at.value - run->start;
	if (at.value < run->start || offset % run->block_size != 0 ||
	    offset / run->block_size >= run->n_blocks)
		return false;
	uint32_t block = run->first + (uint32_t)(offset / run->block_size);
	uint64_t *word = &t->build->plot.used[block / 64], bit = UINT64_C(1) << block % 64;
	if (!(*word & bit))
		return false;
	*word &= ~bit;
	t->n_free++;
	return true;
}

static void set_all(struct plot *p, const struct plot_run *run)
{
	for (uint32_t i = run->first; i < run->first + run->n_blocks; i++)
		p->used[i / 64] |= UINT64_C(1) << i % 64;
}

static void find_free(struct plot_build *b)
{
	struct plot *p = &b->plot;
	for (size_t i = 0; i < p->runs.count; i++) {
		const struct plot_run *run = &p->runs.items[i];
		struct plot_arena *arena = &p->arenas.items[run->arena];
		struct plot_tally tally = {.build = b, .run = run};
		bool agrees = arena->source == PLOT_PYMALLOC ? plot_pymalloc_free(&tally)
							     : plot_mimalloc_free(&tally);
		if (!agrees) {
			set_all(p, run);
			tally.n_free = 0;
			p->n_damaged++;
		}
		uint64_t used = run->n_blocks - tally.n_free;
		arena->used_blocks += used;
		arena->used_bytes += used * run->block_size;
		p->n_used += used;
		p->used_bytes += used * run->block_size;
	}
}

/* ---- the door --------------------------------------------------------------------------- */

struct error *plot_make(const struct plot_request *request, struct plot *ret)
{
	_cleanup_(build_fini) struct plot_build b = {.request = request, .burst = request->burst};
	struct error *err = plot_pymalloc_areas(&b);
	err = err ?: plot_mimalloc_areas(&b);
	if (err)
		return err;
	sort_areas(&b);
	drop_later(&b);
	err = find_runs(&b);
	err = err ?: number_runs(&b.plot);
	err = err ?: plot_malloc_chunks(&b);
	err = err ?: number_chunks(&b.plot);
	if (err)
		return err;
	find_free(&b);
	err = plot_directory_make(&b.plot);
	if (err)
		return err;
	*ret = b.plot;
	b.plot = (struct plot){.n_blocks = 0};
	return NULL;
}
