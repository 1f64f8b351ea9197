/* fuzz_drawing: numbers, places and bits agree with each other, whatever stands in memory. */
#include "fuzz_drawing.h"

#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/plotting/plot_make.h"

static void check_arenas(const struct plot *p)
{
	uint64_t blocks = 0, bytes = 0, above = 0;
	for (size_t i = 0; i < p->arenas.count; i++) {
		const struct plot_arena *a = &p->arenas.items[i];
		assert(a->start >= above && a->used_bytes <= a->size);
		above = a->start + a->size;
		blocks += a->used_blocks;
		bytes += a->used_bytes;
	}
	assert(blocks == p->n_used && bytes == p->used_bytes && p->n_used <= p->n_run_blocks);
}

static void check_runs(const struct plot *p)
{
	uint64_t n = 0, above = 0;
	for (size_t i = 0; i < p->runs.count; i++) {
		const struct plot_run *r = &p->runs.items[i];
		const struct plot_arena *a = &p->arenas.items[r->arena];
		uint64_t size = (uint64_t)r->block_size * r->n_blocks;
		assert(r->n_blocks && r->block_size && r->first == n && r->arena < p->arenas.count);
		assert(r->start >= above && r->start >= a->start);
		assert(r->start + size <= a->start + a->size);
		above = r->start + size;
		n += r->n_blocks;
	}
	assert(n == p->n_run_blocks && n + p->chunks.count == p->n_blocks);
}

static void check_chunks(const struct plot *p)
{
	uint64_t above = 0;
	for (size_t i = 0; i < p->chunks.count; i++) {
		const struct plot_chunk *c = &p->chunks.items[i];
		assert(c->start >= above && c->size && c->size <= UINT64_MAX - c->start);
		above = c->start + c->size;
	}
}

static void check_blocks(const struct plot *p)
{
	for (uint32_t i = 0; i < p->n_blocks; i++) {
		struct plot_place place, found;
		plot_place(p, i, &place);
		assert(place.block == i);
		bool is = plot_find(p, place.start + place.size - 1, &found);
		if (i < p->n_run_blocks)
			assert(is == plot_is_used(p, i));
		if (is && found.block == i)
			assert(found.start == place.start && found.size == place.size);
		if (is && i < p->n_run_blocks)
			assert(found.block == i);
	}
}

static void check_burst(struct burst *burst)
{
	uint64_t size = 0, sum = 0;
	raddr start, at = RADDR_NULL;
	for (; burst_above(burst, at, &start, &size); at = raddr_plus(start, size)) {
		uint64_t left;
		assert(burst_stretch(burst, start, &left) && left == size);
		assert(burst_bytes(burst, start, (size_t)size));
		sum += size;
	}
	assert(sum == burst_copied(burst));
}

void fuzz_draw(struct space *space, const struct look *look, const struct subject *subject,
	       uint64_t max_memory)
{
	struct snapshot *snapshot = snapshot_new();
	struct burst_wanted wanted = {.size = 0};
	struct burst *burst = NULL;
	struct plot plot = {.n_blocks = 0};
	const struct burst_wanted_request wish = {.space = space, .look = look};
	struct error *err = burst_wanted_find(&wish, &wanted);
	const struct burst_request all = {.space = space,
					  .wanted = wanted.list.items,
					  .n_wanted = wanted.list.count,
					  .max_memory = max_memory};
	if (!err)
		err = burst_take(&all, &burst);
	const struct plot_request request = {burst, look, subject, snapshot};
	if (!err)
		err = plot_make(&request, &plot);
	if (!err) {
		check_burst(burst);
		check_arenas(&plot);
		check_runs(&plot);
		check_chunks(&plot);
		check_blocks(&plot);
	}
	error_free(err);
	plot_fini(&plot);
	burst_free(burst);
	burst_wanted_fini(&wanted);
	snapshot_free(snapshot);
}
