/*
 * malloc_look: an arena is settled when its variables were the same before and after its chunks were walked,
 * nobody held its lock, and both proofs hold.
 *
 *	live    state ─▷ residency ─▷ chunks ─▷ state again: the same?
 *	copy    │ stop │ state, residency, pages of chunks │ thaw │ ─▷ chunks, in the copy
 */
#include "inspector/malloc/malloc_room.h"

#include "base/cleanup.h"
#include "inspector/malloc/glibc_environ.h"
#include "inspector/malloc/malloc_stranger.h"
#include "inspector/target/clock.h"

#include <string.h>

#define LIVE_TRIES 3
#define LARGE      (64 * MIB) /* an arena that takes long to walk */
#define MOMENT_NS  1000000

static void arena_fini(struct malloc_look_arena *arena)
{
	glibc_segments_fini(&arena->segments);
	residency_fini(&arena->residency);
	malloc_arena_fini(&arena->found);
	claims_fini(&arena->claims);
	vec_fini(&arena->large.list);
}

bool malloc_look_walks(const struct malloc_look *look)
{
	return look && look->implementation == MALLOC_GLIBC;
}

void malloc_look_free(struct malloc_look *look)
{
	if (!look)
		return;
	for (size_t i = 0; i < look->arenas.count; i++)
		arena_fini(&look->arenas.items[i]);
	vec_fini(&look->arenas);
	vec_fini(&look->avoid);
	vec_fini(&look->copied);
	malloc_copy_free(look->copy);
	environment_fini(&look->environment);
	glibc_mapped_fini(&look->mapped);
	glibc_tcaches_fini(&look->tcaches);
	threads_fini(&look->threads);
	glibc_place_fini(&look->place);
	free(look);
}

/* ---- finding ---------------------------------------------------------------------------- */

static struct error *add_arenas(struct malloc_look *look)
{
	for (size_t i = 0; i < look->place.arenas.count; i++) {
		struct malloc_look_arena *arena = vec_push(&look->arenas);
		if (!arena)
			return error_out_of_memory();
		arena->at = look->place.arenas.items[i];
	}
	return NULL;
}

static int compare_spans(const void *a, const void *b)
{
	return raddr_compare(((const struct malloc_span *)a)->start,
			     ((const struct malloc_span *)b)->start);
}

static bool avoid(struct malloc_look *look, raddr start, uint64_t size)
{
	struct malloc_span *place = vec_push(&look->avoid);
	if (place)
		*place = (struct malloc_span){start, size};
	return place;
}

/* Heaps of threads, known or not: their ground is no place for a block with its own mapping. */
static struct error *collect_avoided(struct malloc_look *look)
{
	static const struct glibc_segments none = {.broken = false};
	struct space *space = look->request.space;
	for (size_t i = 0; i < look->request.n_avoid; i++)
		if (!avoid(look, look->request.avoid[i].start, look->request.avoid[i].size))
			return error_out_of_memory();
	for (size_t i = 1; i < look->arenas.count; i++) {
		struct malloc_look_arena *arena = &look->arenas.items[i];
		if (!glibc_state_read(space, &look->place, arena->at, &arena->state))
			continue;
		struct error *err = glibc_segments_find(space, &look->place, &arena->state, &none,
							&arena->segments);
		if (err)
			return err;
		for (size_t s = 0; s < arena->segments.list.count; s++)
			if (!avoid(look, raddr_at(arena->segments.list.items[s].start),
				   look->place.heap_align))
				return error_out_of_memory();
	}
	if (look->avoid.count > 1)
		qsort(look->avoid.items, look->avoid.count, sizeof(look->avoid.items[0]),
		      compare_spans);
	return NULL;
}

struct error *malloc_look_find_mapped(struct malloc_look *look, bool quick)
{
	struct malloc_look_arena *main = &look->arenas.items[0];
	if (!glibc_state_read(look->request.space, &look->place, main->at, &main->state))
		return NULL;
	const struct glibc_mapped_request request = {
		.space = look->request.space,
		.place = &look->place,
		.main = &main->state,
		.avoid = look->avoid.items,
		.n_avoid = look->avoid.count,
		.quick = quick,
	};
	return glibc_mapped_find(&request, &look->mapped);
}

static struct error *find_glibc(struct malloc_look *look)
{
	const struct malloc_look_request *r = &look->request;
	struct error *err = NULL;
	look->implementation = MALLOC_GLIBC;
	err = r->origin ? origin_threads(r->origin, r->space, &look->threads) : NULL;
	err = err ?: add_arenas(look);
	err = err ?: glibc_tcaches_find(r->space, &look->place, &look->threads, &look->tcaches);
	err = err ?: r->origin ? environment_read(r->origin, &look->environment) : NULL;
	err = err ?: glibc_environ_read(r->space, &look->place, &look->environment);
	err = err ?: collect_avoided(look);
	return err ?: malloc_look_find_mapped(look, false);
}

/* Who takes malloc's place leaves glibc's arena empty. */
static bool is_in_use(const struct malloc_look *look)
{
	struct glibc_state state;
	return look->place.state &&
	       glibc_state_read(look->request.space, &look->place, look->place.main_arena,
				&state) &&
	       (!state.blank || look->place.arenas.count > 1);
}

struct error *malloc_look_new(const struct malloc_look_request *request, struct malloc_look **ret)
{
	_cleanup_(malloc_look_freep) struct malloc_look *look = calloc(1, sizeof(*look));
	if (!look)
		return error_out_of_memory();
	look->request = *request;
	struct error *err = glibc_place_find(request->origin, request->space, &look->place);
	if (!err && is_in_use(look))
		err = find_glibc(look);
	else if (!err)
		look->implementation = malloc_stranger_find(request->space, &look->stranger);
	if (err)
		return err;
	*ret = take(look);
	return NULL;
}

/* ---- live ------------------------------------------------------------------------------- */

static void forget(struct malloc_look_arena *arena)
{
	malloc_arena_fini(&arena->found);
	arena->found = (struct malloc_arena){.main = false};
	arena->claims.list.count = 0;
}

/* *ret false: its variables cannot be read. */
struct error *malloc_look_read_state(const struct malloc_look *look,
				     struct malloc_look_arena *arena, bool *ret)
{
	struct space *space = look->request.space;
	*ret = glibc_state_read(space, &look->place, arena->at, &arena->state);
	arena->locked = *ret && arena->state.lock != 0;
	return *ret ? glibc_segments_find(space, &look->place, &arena->state, &look->mapped.runs,
					  &arena->segments)
		    : NULL;
}

struct error *malloc_look_read_residency(const struct malloc_look *look,
					 struct malloc_look_arena *arena)
{
	const struct malloc_look_request *r = &look->request;
	bool in_detail = r->in_detail && !r->residency;
	struct error *err = NULL;
	residency_clear(&arena->residency);
	if (!space_has_residency(r->space))
		return NULL;
	for (size_t i = 0; i < arena->segments.list.count && !err; i++) {
		const struct glibc_segment *s = &arena->segments.list.items[i];
		raddr start = raddr_at(s->start & ~(GLIBC_PAGE - 1));
		uint64_t size = size_align_up(s->kept, GLIBC_PAGE) - start.value;
		err = in_detail
			      ? space_residency_in_detail(r->space, start, size, &arena->residency)
			      : space_residency(r->space, start, size, &arena->residency);
		if (err && err->kind == ERROR_FAULT) /* gone meanwhile */
			arena->segments.broken = error_catch(&err, ERROR_FAULT);
	}
	return err;
}

const struct residency *malloc_look_residency_of(const struct malloc_look *look,
						 const struct malloc_look_arena *arena)
{
	return space_has_residency(look->request.space) ? &arena->residency : NULL;
}

/* The top chunk's end is the program break's, as far as mappings tell. */
static bool ends_at_break(const struct space *space, const struct glibc_state *state)
{
	uint64_t end = size_align_up(size_add(state->top, state->top_size), GLIBC_PAGE);
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		if (region->kind == REGION_HEAP && state->main &&
		    size_add(region->start.value, region->size) == end)
			return true;
	}
	return false;
}

static void begin_arena(void *context, bool again)
{
	struct malloc_look_arena *arena = context;
	(void)again;
	arena->large.list.count = 0;
}

static bool note_chunk(void *context, uint64_t at, uint64_t size, bool in_use)
{
	struct malloc_look_arena *arena = context;
	(void)in_use;
	if (size < MALLOC_LARGE)
		return true;
	struct malloc_span *one = vec_push(&arena->large.list);
	if (one)
		*one = (struct malloc_span){raddr_at(at), size};
	return one;
}

struct error *malloc_look_walk_in(struct malloc_look *look, struct malloc_look_arena *arena,
				  struct space *space, bool resumes)
{
	const struct glibc_listener listener = {begin_arena, note_chunk, arena};
	const struct glibc_walk_request request = {
		.space = space,
		.place = &look->place,
		.listener = &listener,
		.tcaches = &look->tcaches,
		.state = &arena->state,
		.segments = &arena->segments,
		.residency = malloc_look_residency_of(look, arena),
		.counted = look->request.residency ?: malloc_look_residency_of(look, arena),
		.resumes = resumes,
		.at_break = ends_at_break(look->request.space, &arena->state),
	};
	forget(arena);
	arena->walked = true;
	return glibc_walk_arena(&request, &arena->found, &arena->claims);
}

/* One pass; it is settled when nothing moved meanwhile. */
struct error *malloc_look_walk_live(struct malloc_look *look, struct malloc_look_arena *arena,
				    bool resumes)
{
	bool there;
	struct glibc_state after;
	struct error *err = malloc_look_read_state(look, arena, &there);
	if (err || !there)
		return err;
	err = malloc_look_read_residency(look, arena);
	err = err ?: malloc_look_walk_in(look, arena, look->request.space, resumes);
	if (err)
		return err;
	bool same = glibc_state_read(look->request.space, &look->place, arena->at, &after) &&
		    glibc_state_equal(&look->place, &arena->state, &after);
	bool rests = same && !arena->locked;
	arena->settled = rests && arena->found.verified;
	arena->found.verified = arena->settled;
	arena->damaged = rests && !arena->settled;
	return NULL;
}

/* What changes from one moment to the next will not rest while a large arena is walked again. */
static bool moves_all_the_time(const struct malloc_look *look,
			       const struct malloc_look_arena *arena)
{
	struct glibc_state one, other;
	struct space *space = look->request.space;
	if (arena->state.system < LARGE || !glibc_state_read(space, &look->place, arena->at, &one))
		return false;
	clock_sleep(MOMENT_NS);
	return !glibc_state_read(space, &look->place, arena->at, &other) ||
	       !glibc_state_equal(&look->place, &one, &other);
}

struct error *malloc_look_walk(struct malloc_look *look)
{
	const struct origin *origin = look->request.origin;
	bool moves = origin && origin_process(origin); /* a file stays as it is */
	int tries = moves && !look->request.once ? LIVE_TRIES : 1;
	for (size_t i = 0; i < look->arenas.count; i++) {
		struct malloc_look_arena *arena = &look->arenas.items[i];
		struct error *err = NULL;
		for (int n = 0; n < tries && !arena->settled && !err; n++) {
			if (n > 0 && moves_all_the_time(look, arena))
				break;
			err = malloc_look_walk_live(look, arena, false);
		}
		if (!err && arena->damaged)
			err = malloc_look_walk_live(look, arena, true);
		if (err)
			return err;
	}
	return NULL;
}

size_t malloc_look_unsettled(const struct malloc_look *look)
{
	size_t n = 0;
	for (size_t i = 0; i < look->arenas.count; i++)
		n += !look->arenas.items[i].settled;
	return n;
}
