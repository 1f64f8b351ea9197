/*
 * redact: a window is walked by what lies in it, and each cell gets its plan.
 *
 *	arena     pool ─▷ header kept, each block a cell
 *	heap      chunk ─▷ chunk ─▷ … sizes kept, each chunk's inside a cell; where the chain
 *	          breaks, words
 *	mapped    a page that begins with a large chunk's header: one cell; with that of a stack of
 *	          Python's: that, and words
 *	else      words, or all of it
 */
#include "inspector/save/redact.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/heap/pymalloc_shape.h"
#include "inspector/python/frames.h"
#include "inspector/save/redact_stack.h"
#include "inspector/target/savefile/savefile_format.h"

#include <string.h>

#define LOW_END       (UINT64_C(1) << 32)
#define CHUNK_HEADER  16
#define CHUNK_MIN     32
#define CHUNK_MMAPPED 2
#define CHUNK_THREAD  4
#define ARENA_STATE   2208 /* the largest malloc_state, glibc 2.26 to 2.43 */
#define HEAP_INFO     48
#define PARTS_MAX     64 /* mappings that a large block may lie in */

struct redactor {
	struct space *space;
	const struct pymalloc_saved_arenas *arenas;
	struct grounds grounds;
	struct redact_types types;
	struct redact_names names;
	struct redact_python python;
	struct pymalloc_shape shape;
	uint64_t pool_size;

	/* The cell that goes on into the next window. */
	uint64_t cell_start, cell_end;
	struct redact_plan plan;

	/* Where the size of the next chunk stands in the heap that is being walked; 0: there is none, or
	 * the chain is broken. */
	uint64_t size_at, last_size;
};

/* A window under way. */
struct view {
	struct redactor *r;
	uint64_t base;
	const uint8_t *in;
	uint8_t *out;
};

/* ---- words ---------------------------------------------------------------------------- */

static uint64_t word_at(const struct view *v, uint64_t at)
{
	uint64_t w;
	memcpy(&w, v->in + (at - v->base), sizeof(w));
	return w;
}

/* Addresses below 4 GiB look like small numbers: only those count that an object could have. */
static bool is_address(struct redactor *r, uint64_t w)
{
	return (w >= LOW_END || w % 8 == 0) && grounds_of(&r->grounds, w);
}

/* malloc stores links of its caches as (place >> 12) ^ link, from glibc 2.32 on. */
static bool is_hidden_link(struct redactor *r, uint64_t at, uint64_t w)
{
	uint64_t link = w ^ at >> 12;
	const struct ground_range *range = link % 16 == 0 ? grounds_of(&r->grounds, link) : NULL;
	return link == 0 || (range && range->ground >= GROUND_BRK); /* 0: its list ends */
}

/* Where a thread's stack begins, with its guard, and its size: it ends with the page that tells so (struct pthread's
 * stackblock and stackblock_size, glibc 2.26 to 2.43). */
static bool is_stack(uint64_t at, uint64_t start, uint64_t size)
{
	return start % 4096 == 0 && size % 4096 == 0 && start < at && size <= GIB &&
	       start + size == size_align_up(at + 1, 4096);
}

/* Where a stack of Python's ends may be where its mapping does: the address of nothing. */
static bool is_end_of_stack(const struct view *v, uint64_t from, uint64_t at, uint64_t w)
{
	return at >= from + 16 && redact_stack_ends(word_at(v, at - 16), word_at(v, at - 8), w) &&
	       grounds_of(&v->r->grounds, w - 1);
}

static void keep_words(const struct view *v, uint64_t from, uint64_t to)
{
	struct redactor *r = v->r;
	for (uint64_t at = size_align_up(from, 8); at + 8 <= to; at += 8) {
		uint64_t w = word_at(v, at);
		if (at + 16 <= to && is_stack(at, w, word_at(v, at + 8)))
			memcpy(v->out + (at - v->base), v->in + (at - v->base), 16);
		else if (w && (is_address(r, w) || is_hidden_link(r, at, w) ||
			       is_end_of_stack(v, from, at, w)))
			memcpy(v->out + (at - v->base), &w, sizeof(w));
	}
}

static void keep_bytes(const struct view *v, uint64_t from, uint64_t to)
{
	memcpy(v->out + (from - v->base), v->in + (from - v->base), (size_t)(to - from));
}

/* Of objects in the data of a file the heads. Types among them are found, also where no object is an instance. */
static void keep_statics(const struct view *v, uint64_t from, uint64_t to)
{
	struct redactor *r = v->r;
	for (uint64_t at = size_align_up(from, 8); at + 24 <= to; at += 8) {
		uint64_t word = word_at(v, at + 8);
		if (!redact_plan_is_refcount(&r->python, word_at(v, at)) || !is_address(r, word))
			continue;
		const struct redact_type *type = redact_types_find(&r->types, raddr_at(word));
		if (!type)
			continue;
		keep_bytes(v, at, at + (type->itemsize ? 24 : 16));
		if (type->kind == KIND_TYPE)
			(void)redact_types_find(&r->types, raddr_at(at));
	}
}

/* Tables of three words each, of which one is no address. */
static void keep_triples(const struct view *v, enum redact_action action, uint64_t from,
			 uint64_t to, uint64_t phase)
{
	for (uint64_t at = size_align_up(from, 8); at + 8 <= to; at += 8) {
		uint64_t nth = (at - phase) % 24 / 8;
		if (action == REDACT_NUMBERS && nth == 0)
			keep_bytes(v, at, at + 8);
		else if (nth != (action == REDACT_HASHED ? 0 : 2))
			keep_words(v, at, at + 8);
	}
}

static void act(const struct view *v, enum redact_action action, uint64_t from, uint64_t to,
		uint64_t phase)
{
	if (action == REDACT_KEEP)
		keep_bytes(v, from, to);
	else if (action == REDACT_WORDS || action == REDACT_COUNTED)
		keep_words(v, from, to);
	else if (action == REDACT_HASHED || action == REDACT_NUMBERS)
		keep_triples(v, action, from, to, phase);
	if (action == REDACT_COUNTED)
		keep_bytes(v, from, size_min(from + 3, to));
}

/* ---- cells ---------------------------------------------------------------------------- */

/* The part of the current cell that lies in [from, to). */
static void apply_plan(const struct view *v, uint64_t from, uint64_t to)
{
	const struct redactor *r = v->r;
	uint64_t at = from;
	for (size_t i = 0; i < r->plan.n && at < to; i++) {
		const struct redact_edit *e = &r->plan.edits[i];
		uint64_t start = size_add(r->cell_start, e->from);
		uint64_t end = size_min(size_add(r->cell_start, e->to), to);
		if (end <= at)
			continue;
		if (start > at)
			act(v, r->plan.rest, at, size_min(start, to), at);
		if (start < end)
			act(v, e->action, size_max(start, at), end, start);
		at = size_max(at, size_min(end, to));
	}
	if (at < to)
		act(v, r->plan.rest, at, to, at);
}

/* Makes the plan of a cell whose head may go on behind the window. */
static void begin_cell(const struct view *v, uint64_t start, uint64_t end, uint64_t window_end)
{
	struct redactor *r = v->r;
	uint8_t head[REDACT_HEAD_MAX];
	struct redact_cell cell = {
		.head = v->in + (start - v->base), .size = end - start, .at = raddr_at(start)};
	uint64_t here = window_end - start, wanted = size_min(end - start, sizeof(head));
	cell.n_head = (size_t)size_min(cell.size, here);
	if (here < wanted) {
		struct error *err = space_read(r->space, raddr_at(start), head, (size_t)wanted);
		if (!err) {
			cell.head = head;
			cell.n_head = (size_t)wanted;
		}
		error_free(err);
	}
	r->cell_start = start;
	r->cell_end = end;
	redact_plan_make(&r->python, &cell, &r->plan);
}

/* ---- arenas --------------------------------------------------------------------------- */

static void blank_blocks(const struct view *v, uint64_t pool, const struct pymalloc_header *h)
{
	struct redactor *r = v->r;
	uint64_t end = pool + r->pool_size;
	uint64_t block =
		(uint64_t)h->maxnextoffset < r->pool_size ? r->pool_size - h->maxnextoffset : 0;
	uint64_t first = pool + size_align_up(r->shape.header_size, 16);
	if (block < 8 || block > 1024 || block % 8 != 0) {
		keep_words(v, pool + r->shape.header_size, end);
		return;
	}
	for (uint64_t at = first; at < end; at = r->cell_end) {
		begin_cell(v, at, size_min(at + block, end), end);
		apply_plan(v, at, r->cell_end);
	}
}

static void blank_pool(const struct view *v, uint64_t pool)
{
	struct redactor *r = v->r;
	const uint8_t *bytes = v->in + (pool - v->base);
	struct pymalloc_header h = pymalloc_shape_header(&r->shape, bytes);
	keep_bytes(v, pool, pool + r->shape.header_size);
	if (h.count == 0)
		keep_words(v, pool + r->shape.header_size, pool + r->pool_size);
	else
		blank_blocks(v, pool, &h);
}

/* Only a pool that was carved has a header. */
static void blank_arena(const struct view *v, const struct pymalloc_saved_arena *a, uint64_t from,
			uint64_t to)
{
	struct redactor *r = v->r;
	uint64_t pool = size_align_up(from, r->pool_size);
	uint64_t carved = size_align_up(a->start.value, r->pool_size) + a->n_pools * r->pool_size;
	keep_words(v, from, size_min(pool, to));
	for (; pool < to; pool += r->pool_size) {
		uint64_t end = pool + r->pool_size;
		if (end <= to && end <= carved)
			blank_pool(v, pool);
		else
			keep_words(v, pool, size_min(end, to));
	}
}

/* ---- malloc --------------------------------------------------------------------------- */

/* Where the size of the first chunk stands, when a heap begins at `at`; 0: not known. */
static uint64_t first_chunk(const struct view *v, const struct ground_range *g, uint64_t at)
{
	if (g->ground == GROUND_BRK)
		return size_align_up(at, 16) + 8;
	uint64_t arena = word_at(v, at), header = word_at(v, at + 32) == 4096 ? 48 : 32;
	keep_bytes(v, at, at + HEAP_INFO);
	if (arena < at + 32 || arena > at + HEAP_INFO)
		return at + header + 8; /* a later heap of its arena */
	keep_bytes(v, at, arena + ARENA_STATE);
	static const uint64_t states[] = {2200, 2112, 2192};
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		uint64_t size_at = size_align_up(arena + states[i], 16) + 8;
		uint64_t size = word_at(v, size_at);
		if ((size & (CHUNK_MMAPPED | 1)) == 1 && (size & ~UINT64_C(7)) >= CHUNK_MIN)
			return size_at;
	}
	return 0;
}

/*
 * The chunk whose size stands at `at`: that is kept, and the cell reaches from there to the next one's
 * size. Its last word belongs to it while it is in use; of a free chunk it is the size once more.
 */
static bool begin_chunk(const struct view *v, const struct ground_range *g, uint64_t at,
			uint64_t window_end)
{
	struct redactor *r = v->r;
	uint64_t word = word_at(v, at), size = word & ~UINT64_C(15);
	/* A free chunk of a thread's heap does not say whose it is. */
	uint64_t odd = g->ground == GROUND_HEAP ? 14 & ~(uint64_t)CHUNK_THREAD : 14;
	r->size_at = 0;
	if ((word & odd) != 0 || size < CHUNK_MIN || size > g->end - (at - 8))
		return false;
	keep_bytes(v, at, at + 8);
	if (!(word & 1) && word_at(v, at - 8) == r->last_size)
		keep_bytes(v, at - 8, at);
	begin_cell(v, at + 8, size_min(at + size, g->end), window_end);
	r->last_size = size;
	r->size_at = at + size < g->end ? at + size : 0;
	return true;
}

/* A block that malloc mapped by itself: its header at a page's start tells of whole pages. From
 * 2.43 on it stores what lies before it, and 16 bytes follow it. */
static bool is_mapped_chunk(const struct view *v, uint64_t at, uint64_t limit, uint64_t *ret_size)
{
	uint64_t before = word_at(v, at), size = word_at(v, at + 8);
	if ((size & 7) != CHUNK_MMAPPED)
		return false;
	size &= ~UINT64_C(7);
	if (before >> 1 != 0 || size < 4096 - 16 || size > limit - at)
		return false;
	*ret_size = size % 4096 == 0 ? size : size + 16;
	return *ret_size % 4096 == 0 && *ret_size <= limit - at;
}

/* One page, or the header of a large block; where the next step begins. `limit`: no block reaches
 * over it. */
static uint64_t blank_anonymous(const struct view *v, uint64_t at, uint64_t limit,
				uint64_t window_end)
{
	uint64_t size = 0, page = size_min(size_align_up(at + 1, 4096), limit);
	if (page - at < 4096 || !is_mapped_chunk(v, at, limit, &size)) {
		if (page - at == 4096 && v->r->python.typed &&
		    redact_stack_begins(&v->r->types, at, v->in + (at - v->base), limit - at))
			keep_bytes(v, at, at + FRAMES_CHUNK_HEADER);
		keep_words(v, at, page);
		return page;
	}
	keep_bytes(v, at, at + CHUNK_HEADER);
	begin_cell(v, at + CHUNK_HEADER, at + size, window_end);
	return at + CHUNK_HEADER;
}

/* ---- the window ----------------------------------------------------------------------- */

/* One step from `at`, inside [at, to) of one ground: where the next begins. */
static uint64_t step_heap(const struct view *v, const struct ground_range *g, uint64_t at,
			  uint64_t to)
{
	struct redactor *r = v->r;
	if (at == g->start) {
		r->size_at = first_chunk(v, g, at);
		r->last_size = 0;
	}
	if (r->size_at == at && begin_chunk(v, g, at, to))
		return at + 8;
	uint64_t next = r->size_at > at ? size_min(r->size_at, to) : to;
	if (at != g->start || g->ground == GROUND_BRK) /* else its header was kept */
		keep_words(v, at, next);
	return next;
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

static uint64_t step_anonymous(const struct view *v, const struct ground_range *g, uint64_t at,
			       uint64_t to)
{
	struct redactor *r = v->r;
	size_t i = pymalloc_saved_above(r->arenas, raddr_at(at));
	const struct pymalloc_saved_arena *a =
		i < r->arenas->list.count && r->pool_size ? &r->arenas->list.items[i] : NULL;
	uint64_t start = a ? a->start.value : UINT64_MAX;
	if (start > at)
		return blank_anonymous(v, at, size_min(start, side_by_side(r, g)), to);
	uint64_t end = size_min(start + a->size, to);
	blank_arena(v, a, at, end);
	return end;
}

static uint64_t step(const struct view *v, const struct ground_range *g, uint64_t at, uint64_t to)
{
	struct redactor *r = v->r;
	if (at >= r->cell_start && at < r->cell_end) {
		uint64_t end = size_min(r->cell_end, to);
		apply_plan(v, at, end);
		return end;
	}
	switch (g->ground) {
	case GROUND_KEEP:
		keep_bytes(v, at, to);
		return to;
	case GROUND_BRK:
	case GROUND_HEAP:
		return step_heap(v, g, at, to);
	case GROUND_ANON:
		return step_anonymous(v, g, at, to);
	case GROUND_WORDS:
		break;
	}
	keep_words(v, at, to);
	if (g->of_object && r->python.typed)
		keep_statics(v, at, to);
	return to;
}

struct error *redactor_blank(struct redactor *r, raddr base, const uint8_t *in, uint8_t *out)
{
	const struct view v = {r, base.value, in, out};
	uint64_t end = base.value + SAVEFILE_WINDOW;
	redact_names_see(&r->names, base, in);
	for (size_t i = grounds_above(&r->grounds, base.value); i < r->grounds.list.count; i++) {
		const struct ground_range *g = &r->grounds.list.items[i];
		if (g->start >= end)
			break;
		uint64_t at = size_max(g->start, base.value), to = size_min(g->end, end);
		while (at < to)
			at = step(&v, g, at, to);
	}
	return r->types.log->failed ? error_out_of_memory() : NULL;
}

struct error *redactor_log_names(struct redactor *r)
{
	if (!r->python.names)
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
	free(r);
}

static void free_redactor(struct redactor **r)
{
	redactor_free(*r);
}

/* 16 from 3.8 on; before, what was compiled in (Include/objimpl.h). */
static uint64_t gc_size(const struct redactor_request *request)
{
	uint64_t known = layout_width(request->layout, LAYOUT_SIZEOF_GC_HEAD);
	if (known >= 16 && known <= 64 && known % 8 == 0)
		return known;
	return request->version_hex >= 0x03080000 ? 16 : 32;
}

/* Of a build whose objects are not known no names are kept. */
static struct error *init_names(struct redactor *r, const struct redactor_request *request)
{
	const struct redact_names_request names = {
		.space = request->space,
		.grounds = &r->grounds,
		.log = request->log,
		.layout = request->layout,
		.version_hex = request->version_hex,
		.debug_hooks = request->debug_hooks,
	};
	if (request->free_threaded)
		return NULL;
	struct error *err = redact_names_init(&names, &r->names);
	if (error_catch(&err, ERROR_UNSUPPORTED))
		return NULL;
	r->python.names = err ? NULL : &r->names;
	return err;
}

struct error *redactor_new(const struct redactor_request *request, struct redactor **ret)
{
	_cleanup_(free_redactor) struct redactor *r = calloc(1, sizeof(*r));
	if (!r)
		return error_out_of_memory();
	r->space = request->space;
	r->arenas = request->arenas;
	r->types = (struct redact_types){.space = request->space,
					 .grounds = &r->grounds,
					 .arenas = request->arenas,
					 .log = request->log,
					 .version_hex = request->version_hex};
	r->python = (struct redact_python){.types = &r->types,
					   .version_hex = request->version_hex,
					   .gc_size = gc_size(request),
					   .debug_hooks = request->debug_hooks,
					   .typed = !request->free_threaded};
	if (request->arenas->list.count) {
		struct error *err = pymalloc_shape_init(request->layout, &r->shape);
		if (err)
			return err;
		r->pool_size = pymalloc_saved_pool_size(request->arenas);
	}
	struct error *err = redact_types_init(&r->types);
	err = err ?: grounds_find(request->space, request->image, request->mimalloc, &r->grounds);
	err = err ?: init_names(r, request);
	if (!err)
		*ret = take(r);
	return err;
}
