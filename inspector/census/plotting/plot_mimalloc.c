/*
 * plot_mimalloc: the walk that a look makes of mimalloc's segments, made once more of the burst; then the lists of each
 * page, block by block.
 *
 *	page    [b0 b1 b2 b3 b4 b5 │ never made ]     run: those that were made
 *	        free, local_free, thread_free, and its heap's list of delayed blocks: not in use
 */
#include "inspector/census/plotting/plot_build.h"

#include "base/cleanup.h"
#include "inspector/look/look.h"
#include "inspector/mimalloc/mimalloc_round.h"

/* ---- segments --------------------------------------------------------------------------- */

static struct error *copy_burst(struct plot_build *b)
{
	const struct subject *s = b->request->subject;
	const struct mimalloc_request request = {
		.layout = &s->build.layout,
		.runtime = &b->request->look->runtime,
		.bias = s->module.image.bias,
		.flavour = {s->build.free_threaded, s->build.debug_build, s->build.version_hex},
	};
	struct space space = burst_space(b->burst);
	b->mimalloc = mimalloc_copy_new();
	if (!b->mimalloc)
		return error_out_of_memory();
	return mimalloc_copy_take(b->mimalloc, &space, &request, false);
}

/* Whose it is, and what of it is resident, was found by the look. */
static void describe(const struct snapshot *snapshot, struct plot_arena *arena)
{
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct mimalloc *m = &snapshot->interpreters.items[i].mimalloc;
		for (size_t k = 0; k < m->segments.count; k++) {
			const struct mimalloc_segment *s = &m->segments.items[k];
			if (s->start.value != arena->start)
				continue;
			arena->interpreter = (uint32_t)i;
			arena->resident = m->has_residency ? s->resident : arena->size;
			return;
		}
	}
}

struct error *plot_mimalloc_areas(struct plot_build *b)
{
	if (!b->request->look->mimalloc)
		return NULL;
	struct error *err = copy_burst(b);
	if (err)
		return err;
	const struct mimalloc_image *image = mimalloc_copy_image(b->mimalloc);
	for (size_t i = 0; i < image->segments.count; i++) {
		const struct mimalloc_segment_image *s = &image->segments.items[i];
		if (s->retired)
			continue;
		struct plot_area *area = vec_push(&b->areas);
		if (!area)
			return error_out_of_memory();
		*area = (struct plot_area){.segment = s,
					   .arena = {.start = s->start.value,
						     .size = s->size,
						     .source = PLOT_MIMALLOC,
						     .resident = s->size}};
		describe(b->request->snapshot, &area->arena);
	}
	return NULL;
}

/* ---- pages ------------------------------------------------------------------------------ */

/* Whether all its blocks lie in its segment, and have sizes that runs can tell. */
static bool is_sound(const struct plot_area *area, const struct mimalloc_page_image *page)
{
	uint64_t size = size_multiply(page->block_size, page->capacity);
	uint64_t inside = page->start.value - area->arena.start;
	return page->block_size && page->block_size <= UINT32_MAX && page->capacity &&
	       page->start.value >= area->arena.start && inside <= area->arena.size &&
	       size <= area->arena.size - inside;
}

/* Pages ascend, and so must their blocks: what a damaged table says twice is said once. */
struct error *plot_mimalloc_runs(struct plot_build *b, size_t index)
{
	const struct plot_area *area = &b->areas.items[index];
	const struct mimalloc_page_image *pages =
		mimalloc_image_pages(mimalloc_copy_image(b->mimalloc), area->segment);
	uint64_t above = area->arena.start;
	for (uint32_t slice = 0; slice < area->segment->entries; slice++) {
		const struct mimalloc_page_image *p = &pages[slice];
		if (!p->slice_count || !p->reserved || !p->capacity)
			continue;
		if (!is_sound(area, p) || p->start.value < above) {
			b->plot.n_damaged++;
			continue;
		}
		above = p->start.value + p->block_size * p->capacity;
		if (!plot_build_run(b, p->start.value, p->block_size, p->capacity, index))
			return error_out_of_memory();
	}
	return NULL;
}

/* ---- blocks ----------------------------------------------------------------------------- */

struct page {
	const struct mimalloc_page_image *image;
	raddr slot; /* where its struct lies */
};

static struct page page_of(const struct plot_build *b, const struct plot_run *run)
{
	const struct mimalloc_image *image = mimalloc_copy_image(b->mimalloc);
	const struct mimalloc_segment_image *segment = b->areas.items[run->arena].segment;
	const struct mimalloc_page_image *pages = mimalloc_image_pages(image, segment);
	uint64_t slice = (run->start - segment->start.value) / MIMALLOC_SLICE;
	while (slice > 0 && (slice >= segment->entries || pages[slice].start.value != run->start ||
			     !pages[slice].slice_count))
		slice--;
	return (struct page){&pages[slice],
			     raddr_plus(segment->start,
					image->shape.header_size + slice * image->shape.page_size)};
}

static bool follow(struct plot_tally *t, const struct page *page, raddr at)
{
	const struct mimalloc_image *image = mimalloc_copy_image(t->build->mimalloc);
	bool encoded = mimalloc_has(&image->shape, MIMALLOC_PAGE_KEYS);
	while (!raddr_is_null(at)) {
		uint64_t next;
		if (!plot_build_free(t, at) || !burst_word(t->build->burst, at, &next))
			return false;
		at = raddr_at(encoded ? mimalloc_decode(next, page->image->keys, page->slot)
				      : next);
	}
	return true;
}

/* Of the heap's list, whose blocks ascend as runs do. */
static void free_delayed(struct plot_tally *t)
{
	const struct mimalloc_image *image = mimalloc_copy_image(t->build->mimalloc);
	uint64_t end = t->run->start + (uint64_t)t->run->n_blocks * t->run->block_size;
	for (size_t *i = &t->build->near; *i < image->delayed.count; ++*i) {
		uint64_t at = image->delayed.items[*i].value;
		if (at >= end)
			break;
		if (at >= t->run->start)
			(void)plot_build_free(t, raddr_at(at));
	}
}

bool plot_mimalloc_free(struct plot_tally *t)
{
	const struct page page = page_of(t->build, t->run);
	bool whole = follow(t, &page, page.image->free) &&
		     follow(t, &page, page.image->local_free) &&
		     follow(t, &page, page.image->thread_free);
	free_delayed(t);
	return whole && page.image->agrees;
}
