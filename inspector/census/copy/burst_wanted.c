/*
 * burst_wanted: a stack is wanted from its stack pointer up; of a thread that runs, as much below its thread pointer
 * as a stack has by default.
 *
 *	mapping   [ guard │ never used │ ▒▒▒ frames ▒▒▒ │ thread's variables ]
 *	                               ▲ stack pointer  ▲ thread pointer
 */
#include "inspector/census/copy/burst_wanted.h"

#include "base/cleanup.h"
#include "inspector/census/plotting/plot_build.h"
#include "inspector/look/look.h"
#include "inspector/malloc/malloc_chunks.h"
#include "inspector/mimalloc/mimalloc_copy.h"

#define DATA_MAX  (64 * MIB) /* of one segment; more is a file's contents, or one large array */
#define STACK_MAX (8 * MIB)
#define THREAD_ABOVE \
	(4 * KIB)    /* what a thread has above its thread pointer: struct pthread, glibc */
#define RED_ZONE 128 /* below a stack pointer, x86-64 ABI */

void burst_wanted_fini(struct burst_wanted *wanted)
{
	vec_fini(&wanted->list);
	wanted->size = 0;
}

static struct error *add(struct burst_wanted *w, uint64_t start, uint64_t end)
{
	if (start >= end)
		return NULL;
	struct burst_range *range = vec_push(&w->list);
	if (!range)
		return error_out_of_memory();
	*range = (struct burst_range){raddr_at(start), end - start};
	w->size = size_add(w->size, end - start);
	return NULL;
}

static uint64_t end_of(const struct region *region)
{
	return size_add(region->start.value, region->size);
}

/* ---- data segments ---------------------------------------------------------------------- */

static bool is_data(const struct region *r)
{
	return r->kind == REGION_FILE && r->readable && r->writable && !r->shared;
}

/* What the loader puts behind a file's data: .bss. */
static bool is_behind_data(const struct space *space, size_t i)
{
	const struct region *r = &space->regions.items[i];
	return i > 0 && r->kind == REGION_ANON && r->readable && r->writable && is_data(r - 1) &&
	       end_of(r - 1) == r->start.value;
}

static struct error *add_data(const struct space *space, struct burst_wanted *w)
{
	struct error *err = NULL;
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		const struct region *r = &space->regions.items[i];
		if ((is_data(r) || is_behind_data(space, i)) && r->size <= DATA_MAX)
			err = add(w, r->start.value, end_of(r));
	}
	return err;
}

/* ---- stacks ----------------------------------------------------------------------------- */

/* How far up a thread's own memory reaches in the mapping that holds `at`. */
static uint64_t top_of_stack(const struct region *region, const struct thread *thread)
{
	uint64_t end = end_of(region), own = raddr_plus(thread->pointer, THREAD_ABOVE).value;
	bool inside = raddr_in(thread->pointer, region->start, region->size);
	return inside ? size_min(own, end) : end;
}

static struct error *add_stack(const struct space *space, const struct thread *thread,
			       struct burst_wanted *w)
{
	raddr at = raddr_is_null(thread->stack) ? raddr_minus(thread->pointer, 8) : thread->stack;
	const struct region *region = space_region(space, at);
	if (raddr_is_null(at) || !region || !region->writable)
		return NULL;
	uint64_t top = top_of_stack(region, thread);
	uint64_t low = size_max(region->start.value, size_subtract(top, STACK_MAX));
	if (!raddr_is_null(thread->stack))
		low = size_max(low, size_subtract(thread->stack.value, RED_ZONE));
	return add(w, low, top);
}

static struct error *add_stacks(const struct burst_wanted_request *r, struct burst_wanted *w)
{
	_cleanup_(threads_fini) struct threads threads = THREADS_EMPTY;
	struct error *err = r->origin ? origin_threads(r->origin, r->space, &threads) : NULL;
	for (size_t i = 0; i < threads.list.count && !err; i++)
		err = add_stack(r->space, &threads.list.items[i], w);
	for (size_t i = 0; i < r->space->regions.count && !err; i++) {
		const struct region *region = &r->space->regions.items[i];
		if (region->kind == REGION_STACK && region->readable)
			err = add(w,
				  size_max(region->start.value,
					   size_subtract(end_of(region), STACK_MAX)),
				  end_of(region));
	}
	return err;
}

/* ---- arenas ----------------------------------------------------------------------------- */

static struct error *areas_of_now(const struct burst_wanted_request *r, struct plot_build *b)
{
	const struct burst_request nothing = {.space = r->space};
	struct error *err = burst_take(&nothing, &b->burst);
	return err ?: plot_pymalloc_areas(b);
}

static struct error *add_arenas(const struct burst_wanted_request *r, struct burst_wanted *w)
{
	_cleanup_(snapshot_fini) struct snapshot *nobody = snapshot_new();
	const struct plot_request request = {.look = r->look, .snapshot = nobody};
	struct plot_build build = {.request = &request};
	struct error *err = nobody ? areas_of_now(r, &build) : error_out_of_memory();
	for (size_t i = 0; i < build.areas.count && !err; i++) {
		const struct plot_arena *a = &build.areas.items[i].arena;
		err = add(w, a->start, size_add(a->start, a->size));
	}
	vec_fini(&build.areas);
	burst_free(build.burst);
	return err;
}

/* What lies between pages of large blocks, each of which is read when it is asked for. */
static struct error *add_segment(const struct mimalloc_image *image,
				 const struct mimalloc_segment_image *s, struct burst_wanted *w)
{
	const struct mimalloc_page_image *pages = mimalloc_image_pages(image, s);
	uint64_t at = s->start.value, end = raddr_plus(s->start, s->size).value;
	for (uint32_t slice = 0; slice < s->entries; slice++) {
		const struct mimalloc_page_image *p = &pages[slice];
		uint64_t from = raddr_plus(s->start, slice * MIMALLOC_SLICE).value;
		if (!p->slice_count || p->block_size < MALLOC_LARGE || from < at)
			continue;
		struct error *err = add(w, at, from);
		if (err)
			return err;
		at = size_add(from, mimalloc_image_extent(p));
	}
	return add(w, at, end);
}

static struct error *add_segments(const struct look *look, struct burst_wanted *w)
{
	struct error *err = NULL;
	if (!look->mimalloc)
		return NULL;
	const struct mimalloc_image *image = mimalloc_copy_image(look->mimalloc);
	for (size_t i = 0; i < image->segments.count && !err; i++)
		if (!image->segments.items[i].retired)
			err = add_segment(image, &image->segments.items[i], w);
	return err;
}

static struct error *add_heaps(const struct burst_wanted_request *r, struct burst_wanted *w)
{
	struct malloc_spans spans = {VEC_EMPTY};
	if (!r->look->malloc)
		return NULL;
	struct error *err = malloc_chunks_ground(r->look->malloc, r->space, &spans);
	for (size_t i = 0; i < spans.list.count && !err; i++) {
		const struct malloc_span *s = &spans.list.items[i];
		err = add(w, s->start.value, raddr_plus(s->start, s->size).value);
	}
	vec_fini(&spans.list);
	return err;
}

/* ---- all -------------------------------------------------------------------------------- */

struct error *burst_wanted_find(const struct burst_wanted_request *request,
				struct burst_wanted *ret)
{
	_cleanup_(burst_wanted_fini) struct burst_wanted w = {.size = 0};
	struct error *err = add_data(request->space, &w);
	err = err ?: add_stacks(request, &w);
	for (size_t i = 0; i < request->n_more && !err; i++) {
		const struct burst_range *more = &request->more[i];
		err = add(&w, more->start.value, raddr_plus(more->start, more->size).value);
	}
	err = err ?: add_arenas(request, &w);
	err = err ?: add_segments(request->look, &w);
	err = err ?: add_heaps(request, &w);
	if (err)
		return err;
	*ret = w;
	w = (struct burst_wanted){.size = 0};
	return NULL;
}
