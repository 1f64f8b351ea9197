/*
 * redact: a window is walked by what lies in it, and each cell gets its plan.
 *
 *	arena     pool ─▷ header kept, each block a cell                       redact_pools
 *	segment   page by page, each block a cell                              redact_segments
 *	heap      chunk ─▷ chunk ─▷ … sizes kept, each chunk's inside a cell   redact_chunks
 *	mapped    a page that begins with a large chunk's header: one cell; with that of a stack of
 *	          Python's: that, and words
 *	else      words, or all of it
 */
#include "inspector/save/redact.h"

#include "base/cleanup.h"
#include "inspector/python/frames.h"
#include "inspector/save/redact_chunks.h"
#include "inspector/save/redact_pools.h"
#include "inspector/save/redact_segments.h"
#include "inspector/save/redact_stack.h"
#include "inspector/target/savefile/savefile_format.h"

#define PAGE      UINT64_C(4096)
#define PARTS_MAX 64 /* mappings that a large block may lie in */

struct redactor {
	struct grounds grounds;
	struct shapes shapes;
	struct redact_types types;
	struct redact_names names;
	struct redact_python python;
	struct redact_window window;
	struct redact_pools pools;
	struct redact_segments segments;
	struct redact_chunks chunks;
};

/* ---- the window ----------------------------------------------------------------------- */

/* One page, or the header of a large block; where the next step begins. `limit`: no block reaches
 * over it. */
static uint64_t blank_anonymous(struct redactor *r, uint64_t at, uint64_t limit, uint64_t to)
{
	struct redact_window *w = &r->window;
	uint64_t next, page = size_min(size_align_up(at + 1, PAGE), limit);
	bool whole = page - at == PAGE;
	if (whole && redact_chunks_begin_mapped(w, at, limit, to, &next))
		return next;
	if (whole && r->python.shapes &&
	    redact_stack_begins(&r->types, at, w->in + (at - w->base), limit - at))
		redact_window_keep(w, at, at + FRAMES_CHUNK_HEADER);
	redact_window_keep_words(w, at, page);
	return page;
}

/* The end of the anonymous memory that begins with g: a block lies in several mappings when part of it was advised. */
static uint64_t side_by_side(const struct redactor *r, const struct ground_range *g)
{
	const struct ground_range *last = r->grounds.list.items + r->grounds.list.count - 1;
	for (size_t n = 0;
	     n < PARTS_MAX && g < last && g[1].start == g->end && g[1].ground == GROUND_ANON; n++)
		g++;
	return g->end;
}

static uint64_t step_anonymous(struct redactor *r, const struct ground_range *g, uint64_t at,
			       uint64_t to)
{
	const struct pymalloc_saved_arena *a = redact_pools_above(&r->pools, at);
	uint64_t start = a ? a->start.value : UINT64_MAX;
	if (start > at)
		return blank_anonymous(r, at, size_min(start, side_by_side(r, g)), to);
	uint64_t end = size_min(start + a->size, to);
	redact_pools_blank(&r->pools, &r->window, a, at, end);
	return end;
}

/* One step from `at`, inside [at, to) of one ground: where the next begins. */
static uint64_t step(struct redactor *r, const struct ground_range *g, uint64_t at, uint64_t to)
{
	struct redact_window *w = &r->window;
	if (at >= w->cell_start && at < w->cell_end) {
		uint64_t end = size_min(w->cell_end, to);
		redact_window_apply(w, at, end);
		return end;
	}
	switch (g->ground) {
	case GROUND_KEEP:
		redact_window_keep(w, at, to);
		return to;
	case GROUND_BRK:
	case GROUND_HEAP:
		return redact_chunks_step(&r->chunks, w, g, at, to);
	case GROUND_ANON:
		return step_anonymous(r, g, at, to);
	case GROUND_SEGMENT:
		return redact_segments_step(&r->segments, w, at, to);
	case GROUND_WORDS:
		break;
	}
	redact_window_keep_words(w, at, to);
	if (g->of_object && r->python.shapes)
		redact_window_keep_statics(w, at, to);
	return to;
}

struct error *redactor_blank(struct redactor *r, raddr base, const uint8_t *in, uint8_t *out)
{
	uint64_t end = base.value + SAVEFILE_WINDOW;
	r->window.base = base.value;
	r->window.in = in;
	r->window.out = out;
	redact_names_see(&r->names, base, in);
	redact_segments_see(&r->segments, &r->window);
	for (size_t i = grounds_above(&r->grounds, base.value); i < r->grounds.list.count; i++) {
		const struct ground_range *g = &r->grounds.list.items[i];
		if (g->start >= end)
			break;
		uint64_t at = size_max(g->start, base.value), to = size_min(g->end, end);
		while (at < to)
			at = step(r, g, at, to);
	}
	return r->types.log->failed ? error_out_of_memory() : NULL;
}

struct error *redactor_log_names(struct redactor *r)
{
	if (!r->python.shapes)
		return NULL;
	redact_names_see(&r->names, RADDR_NULL, NULL);
	for (size_t i = 0; i < r->types.list.count; i++)
		redact_names_note(&r->names, r->types.list.items[i].at);
	redact_names_log(&r->names);
	return r->names.failed || r->types.log->failed ? error_out_of_memory() : NULL;
}

/* ---- beginning and end ---------------------------------------------------------------- */

void redactor_free(struct redactor *r)
{
	if (!r)
		return;
	grounds_fini(&r->grounds);
	redact_types_fini(&r->types);
	redact_names_fini(&r->names);
	redact_segments_fini(&r->segments);
	free(r);
}

static void free_redactor(struct redactor **r)
{
	redactor_free(*r);
}

/* 16 from 3.8 on, none without the GIL; before, what was compiled in (Include/objimpl.h). */
static uint64_t gc_size(const struct redactor_request *request)
{
	uint64_t known = layout_width(request->layout, LAYOUT_SIZEOF_GC_HEAD);
	if (request->free_threaded)
		return 0;
	if (known >= 16 && known <= 64 && known % 8 == 0)
		return known;
	return request->version_hex >= 0x03080000 ? 16 : 32;
}

/* Of a build whose objects are not known well enough nothing is recognised. */
static struct error *init_python(struct redactor *r, const struct redactor_request *request)
{
	bool unverified;
	struct error *err =
		shapes_fill(request->layout, request->version_hex, request->free_threaded,
			    request->debug_hooks, &r->shapes, &unverified);
	bool known = !err && shapes_tell_payloads(request->version_hex, request->free_threaded);
	if (err && !error_catch(&err, ERROR_UNSUPPORTED))
		return err;
	r->python = (struct redact_python){.types = &r->types,
					   .names = &r->names,
					   .shapes = known ? &r->shapes : NULL,
					   .gc_size = gc_size(request)};
	return NULL;
}

static struct error *init_names(struct redactor *r, const struct redactor_request *request)
{
	const struct redact_names_request names = {.space = request->space,
						   .grounds = &r->grounds,
						   .log = request->log,
						   .shapes = &r->shapes};
	return r->python.shapes ? redact_names_init(&names, &r->names) : NULL;
}

struct error *redactor_new(const struct redactor_request *request, struct redactor **ret)
{
	_cleanup_(free_redactor) struct redactor *r = calloc(1, sizeof(*r));
	if (!r)
		return error_out_of_memory();
	r->window = (struct redact_window){
		.space = request->space, .grounds = &r->grounds, .python = &r->python};
	r->types = (struct redact_types){.space = request->space,
					 .grounds = &r->grounds,
					 .arenas = request->arenas,
					 .log = request->log,
					 .shapes = &r->shapes};
	struct error *err = init_python(r, request);
	err = err ?: redact_pools_init(request->layout, request->arenas, &r->pools);
	err = err ?: redact_segments_init(request->mimalloc, &r->segments);
	err = err ?: redact_types_init(&r->types);
	err = err ?: grounds_find(request->space, request->image, request->mimalloc, &r->grounds);
	err = err ?: init_names(r, request);
	if (!err)
		*ret = take(r);
	return err;
}
