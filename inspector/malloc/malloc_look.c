/*
 * malloc_look: an arena is settled when its variables were the same before and after its chunks were walked,
 * nobody held its lock, and both proofs hold.
 *
 *	live    state ─▷ residency ─▷ chunks ─▷ state again: the same?
 *	copy    │ stop │ state, residency, pages of chunks │ thaw │ ─▷ chunks, in the copy
 */
#include "inspector/malloc/malloc_look.h"

#include "base/cleanup.h"
#include "inspector/malloc/glibc_mapped.h"
#include "inspector/malloc/glibc_settings.h"
#include "inspector/malloc/malloc_copy.h"
#include "inspector/malloc/malloc_stranger.h"
#include "inspector/target/environment.h"

#include <stdio.h>
#include <string.h>

#define LIVE_TRIES  3
#define STOPS_MAX   8 /* for one arena: a stop may land inside malloc, which leaves it half changed */
#define BYTES_A_US  3000 /* copied under a stop, two readers, with something in reserve */
#define STREAM_A_US 800  /* walked under a stop */
#define RANGES_MORE 1024 /* of pages that become present meanwhile */

struct arena {
	raddr at;
	struct glibc_state state;
	struct glibc_segments segments;
	struct residency residency; /* of its segments, where the caller gave none */
	struct malloc_arena found;
	struct claims claims;
	bool walked, settled;
	bool damaged; /* it did not move, and its figures disagree: a stop would not help */
	bool locked;  /* when its state was read */
	unsigned n_stops;
};

struct malloc_look {
	struct malloc_look_request request;
	struct glibc_place place;
	struct threads threads;
	struct glibc_tcaches tcaches;
	struct glibc_mapped mapped;
	struct environment environment;
	VEC(struct arena) arenas;
	VEC(struct malloc_span) avoid; /* the caller's, and the heaps of threads */
	enum malloc_implementation implementation;
	const char *stranger; /* borrowed */
	struct malloc_copy *copy;
	bool streams;       /* no room for one: chunks are walked under the stop */
	VEC(size_t) copied; /* arenas that the copy is of */
};

static void arena_fini(struct arena *arena)
{
	glibc_segments_fini(&arena->segments);
	residency_fini(&arena->residency);
	malloc_arena_fini(&arena->found);
	claims_fini(&arena->claims);
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
		struct arena *arena = vec_push(&look->arenas);
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
		struct arena *arena = &look->arenas.items[i];
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

static struct error *read_par(struct malloc_look *look)
{
	struct glibc_place *place = &look->place;
	if (!place->par)
		return NULL;
	struct error *err =
		space_read(look->request.space, place->mp, place->mp_bytes, place->par->size);
	return error_catch(&err, ERROR_FAULT) ? NULL : err;
}

static struct error *find_mapped(struct malloc_look *look, bool quick)
{
	struct arena *main = &look->arenas.items[0];
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
	err = err ?: collect_avoided(look);
	return err ?: find_mapped(look, false);
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

static void forget(struct arena *arena)
{
	malloc_arena_fini(&arena->found);
	arena->found = (struct malloc_arena){.main = false};
	arena->claims.list.count = 0;
}

/* *ret false: its variables cannot be read. */
static struct error *read_state(const struct malloc_look *look, struct arena *arena, bool *ret)
{
	struct space *space = look->request.space;
	*ret = glibc_state_read(space, &look->place, arena->at, &arena->state);
	arena->locked = *ret && arena->state.lock != 0;
	return *ret ? glibc_segments_find(space, &look->place, &arena->state, &look->mapped.runs,
					  &arena->segments)
		    : NULL;
}

static struct error *read_residency(const struct malloc_look *look, struct arena *arena)
{
	const struct malloc_look_request *r = &look->request;
	struct error *err = NULL;
	residency_clear(&arena->residency);
	if (!space_has_residency(r->space))
		return NULL;
	for (size_t i = 0; i < arena->segments.list.count && !err; i++) {
		const struct glibc_segment *s = &arena->segments.list.items[i];
		raddr start = raddr_at(s->start & ~(GLIBC_PAGE - 1));
		uint64_t size = size_align_up(s->kept, GLIBC_PAGE) - start.value;
		err = r->in_detail
			      ? space_residency_in_detail(r->space, start, size, &arena->residency)
			      : space_residency(r->space, start, size, &arena->residency);
		if (err && err->kind == ERROR_FAULT) /* gone meanwhile */
			arena->segments.broken = error_catch(&err, ERROR_FAULT);
	}
	return err;
}

static const struct residency *residency_of(const struct malloc_look *look,
					    const struct arena *arena)
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

static struct error *walk_in(struct malloc_look *look, struct arena *arena, struct space *space,
			     bool resumes)
{
	const struct glibc_walk_request request = {
		.space = space,
		.place = &look->place,
		.tcaches = &look->tcaches,
		.state = &arena->state,
		.segments = &arena->segments,
		.residency = residency_of(look, arena),
		.counted = look->request.residency ?: residency_of(look, arena),
		.resumes = resumes,
		.at_break = ends_at_break(look->request.space, &arena->state),
	};
	forget(arena);
	arena->walked = true;
	return glibc_walk_arena(&request, &arena->found, &arena->claims);
}

/* One pass; it is settled when nothing moved meanwhile. */
static struct error *walk_live(struct malloc_look *look, struct arena *arena, bool resumes)
{
	bool there;
	struct glibc_state after;
	struct error *err = read_state(look, arena, &there);
	if (err || !there)
		return err;
	err = read_residency(look, arena);
	err = err ?: walk_in(look, arena, look->request.space, resumes);
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

struct error *malloc_look_walk(struct malloc_look *look)
{
	const struct origin *origin = look->request.origin;
	int tries = origin && origin_process(origin) ? LIVE_TRIES : 1; /* a file stays as it is */
	for (size_t i = 0; i < look->arenas.count; i++) {
		struct arena *arena = &look->arenas.items[i];
		struct error *err = NULL;
		for (int n = 0; n < tries && !arena->settled && !err; n++)
			err = walk_live(look, arena, false);
		if (!err && arena->damaged)
			err = walk_live(look, arena, true);
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

/* ---- under a stop ----------------------------------------------------------------------- */

static struct error *choose(struct malloc_look *look, bool whole)
{
	look->copied.count = 0;
	for (size_t i = 0; i < look->arenas.count && (whole || !look->copied.count); i++) {
		struct arena *arena = &look->arenas.items[i];
		if (!whole && (arena->settled || arena->damaged || arena->n_stops >= STOPS_MAX))
			continue;
		size_t *place = vec_push(&look->copied);
		if (!place)
			return error_out_of_memory();
		*place = i;
	}
	return NULL;
}

/* What is present of an arena now. */
static struct error *measure(struct malloc_look *look, struct arena *arena, uint64_t *size,
			     size_t *n_ranges)
{
	bool there;
	struct error *err = read_state(look, arena, &there);
	if (err || !there)
		return err;
	err = read_residency(look, arena);
	const struct residency *r = residency_of(look, arena);
	for (size_t i = 0; i < arena->segments.list.count && !err; i++) {
		const struct glibc_segment *s = &arena->segments.list.items[i];
		uint64_t present = s->kept - s->start, swapped = 0;
		if (r)
			residency_count(r, raddr_at(s->start), s->kept - s->start, &present,
					&swapped);
		*size = size_add(*size, present);
	}
	*n_ranges += arena->residency.ranges.count + arena->segments.list.count;
	return err;
}

struct error *malloc_look_prepare(struct malloc_look *look, bool whole, uint64_t limit_us,
				  bool *ret)
{
	uint64_t size = 0;
	size_t n_ranges = RANGES_MORE;
	*ret = false;
	malloc_copy_free(take(look->copy));
	struct error *err = choose(look, whole);
	for (size_t i = 0; i < look->copied.count && !err; i++)
		err = measure(look, &look->arenas.items[look->copied.items[i]], &size, &n_ranges);
	if (err || look->copied.count == 0 || !space_has_residency(look->request.space))
		return err;
	for (size_t i = 0; i < look->copied.count; i++)
		look->arenas.items[look->copied.items[i]].n_stops++;
	uint64_t room = size_add(size, size / 8 + 4 * MIB);
	look->streams = room > look->request.max_memory;
	*ret = size / (look->streams ? STREAM_A_US : BYTES_A_US) <= limit_us;
	return *ret && !look->streams ? malloc_copy_new(room, 2 * n_ranges, &look->copy) : NULL;
}

struct place {
	uint64_t start, size;
	const struct residency *residency;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

static bool plan(struct malloc_look *look)
{
	VEC(struct place) places = VEC_EMPTY;
	bool fits = true;
	for (size_t i = 0; i < look->copied.count; i++) {
		struct arena *arena = &look->arenas.items[look->copied.items[i]];
		for (size_t s = 0; s < arena->segments.list.count && fits; s++) {
			const struct glibc_segment *from = &arena->segments.list.items[s];
			struct place *place = vec_push(&places);
			fits = place;
			if (place)
				*place = (struct place){from->start & ~(GLIBC_PAGE - 1), 0,
							residency_of(look, arena)};
			if (place)
				place->size = size_align_up(from->kept, GLIBC_PAGE) - place->start;
		}
	}
	if (places.count > 1)
		qsort(places.items, places.count, sizeof(places.items[0]), compare_places);
	for (size_t i = 0; i < places.count && fits; i++)
		fits = malloc_copy_plan(look->copy, places.items[i].residency,
					raddr_at(places.items[i].start), places.items[i].size);
	vec_fini(&places);
	return fits;
}

/* Settings and large blocks, too, are to be of the moment when all arenas are. */
static struct error *read_rest(struct malloc_look *look)
{
	struct error *err = read_par(look);
	if (err || glibc_mapped_complete(&look->place, &look->mapped))
		return err;
	return find_mapped(look, true);
}

static struct error *stream(struct malloc_look *look)
{
	struct error *err = NULL;
	for (size_t i = 0; i < look->copied.count && !err; i++)
		err = walk_live(look, &look->arenas.items[look->copied.items[i]], true);
	return err;
}

struct error *malloc_look_copy(struct malloc_look *look, bool *ret)
{
	bool whole = look->copied.count == look->arenas.count, there = true;
	struct error *err = whole ? read_rest(look) : NULL;
	*ret = look->streams;
	if (err || look->streams)
		return err ?: stream(look);
	for (size_t i = 0; i < look->copied.count && !err && there; i++) {
		struct arena *arena = &look->arenas.items[look->copied.items[i]];
		err = read_state(look, arena, &there);
		err = err ?: there ? read_residency(look, arena) : NULL;
	}
	if (err || !there || !plan(look))
		return err;
	err = malloc_copy_fill(look->copy, look->request.space);
	*ret = !err;
	return err;
}

struct error *malloc_look_walk_copy(struct malloc_look *look)
{
	struct space *space;
	if (!look->copy)
		return NULL;
	struct error *err = malloc_copy_space(look->copy, &space);
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	for (size_t i = 0; i < look->copied.count && !err; i++) {
		struct arena *arena = &look->arenas.items[look->copied.items[i]];
		err = walk_in(look, arena, space, true);
		arena->settled = !err && arena->found.verified;
	}
	malloc_copy_free(take(look->copy));
	return err;
}

/* ---- the end ---------------------------------------------------------------------------- */

static void sum_up(const struct malloc_look *look, struct malloc_account *ret)
{
	struct malloc_info *info = &ret->info;
	ret->has_info = true;
	ret->trimmable = maybe_known(0);
	for (size_t i = 0; i < look->arenas.count; i++) {
		const struct arena *arena = &look->arenas.items[i];
		const struct malloc_arena *a = &arena->found;
		uint64_t free = a->top + a->free + a->fastbin;
		ret->has_info &= arena->walked;
		info->arena += a->system;
		info->ordblks += a->n_free + 1; /* top counts as one */
		info->smblks += a->n_fastbin;
		info->fsmblks += a->fastbin;
		info->fordblks += free;
		info->uordblks += a->system - size_min(free, a->system);
		ret->trimmable.value += a->trimmable.value;
		ret->trimmable.known &= a->trimmable.known;
	}
	info->keepcost = look->arenas.items[0].found.top;
	info->hblks = ret->n_mmapped_told;
	info->hblkhd = ret->mmapped_told;
	ret->has_info &= look->place.par != NULL;
}

static struct error *name_threads(struct malloc_look *look)
{
	for (size_t i = 0; i < look->tcaches.threads.count; i++) {
		const struct glibc_thread *thread = &look->tcaches.threads.items[i];
		for (size_t k = 0; k < look->arenas.count; k++) {
			struct arena *arena = &look->arenas.items[k];
			if (raddr_is_null(thread->arena) || !raddr_equal(thread->arena, arena->at))
				continue;
			char **place = vec_push(&arena->found.threads);
			if (!place || !(*place = strdup(thread->name)))
				return error_out_of_memory();
		}
	}
	return NULL;
}

static struct error *add_mapped_claims(struct malloc_look *look, struct claims *ret)
{
	const struct malloc_look_request *r = &look->request;
	for (size_t i = 0; i < look->mapped.blocks.count; i++) {
		const struct malloc_span *block = &look->mapped.blocks.items[i];
		_cleanup_(residency_fini) struct residency own = RESIDENCY_EMPTY;
		struct residency_tally tally = {0};
		size_t near = 0;
		struct error *err = NULL;
		if (!r->residency && space_has_residency(r->space))
			err = r->in_detail
				      ? space_residency_in_detail(r->space, block->start,
								  block->size, &own)
				      : space_residency(r->space, block->start, block->size, &own);
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
		residency_tally(r->residency ? r->residency : &own, block->start, block->size,
				&near, &tally);
		struct claim *claim = claims_add(ret, block->start, block->size);
		if (!claim)
			return error_out_of_memory();
		claim_charge(claim, LEAF_MALLOC_MMAPPED, block->size, &tally);
	}
	return NULL;
}

static struct error *add_claims(struct malloc_look *look, struct claims *ret)
{
	for (size_t i = 0; i < look->arenas.count; i++) {
		const struct claims *from = &look->arenas.items[i].claims;
		for (size_t k = 0; k < from->list.count; k++) {
			struct claim *claim = vec_push(&ret->list);
			if (!claim)
				return error_out_of_memory();
			*claim = from->list.items[k];
		}
	}
	return add_mapped_claims(look, ret);
}

static void doubt_arena(const struct arena *arena, struct doubts *doubts)
{
	const struct malloc_arena *a = &arena->found;
	const char *why = !arena->walked ? "cannot be read"
			  : a->damage    ? a->damage
					 : "changed while it was read";
	if (!arena->settled)
		doubts_add(doubts, DOUBT_MALLOC_ARENA, DOUBT_INCONSISTENT, 1,
			   "malloc's arena at " RADDR_FORMAT ": %s", arena->at.value, why);
}

static void doubt_all(const struct malloc_look *look, const struct malloc_account *account,
		      struct doubts *doubts)
{
	for (size_t i = 0; i < look->arenas.count; i++)
		doubt_arena(&look->arenas.items[i], doubts);
	if (look->place.par && !glibc_mapped_complete(&look->place, &look->mapped))
		doubts_add(doubts, DOUBT_MALLOC_MAPPED, DOUBT_NOTE, 1,
			   "malloc counts %" PRIu64 " blocks with mappings of their own (%" PRIu64
			   " bytes), %" PRIu64 " (%" PRIu64 " bytes) were found",
			   account->n_mmapped_told, account->mmapped_told, account->n_mmapped,
			   account->mmapped);
	if (account->implementation == MALLOC_UNKNOWN)
		doubts_add(doubts, DOUBT_MALLOC_UNKNOWN, DOUBT_NOTE, 1,
			   "which library serves malloc() could not be told");
}

static struct error *describe(struct malloc_look *look, struct malloc_account *ret)
{
	const struct glibc_place *place = &look->place;
	const char *library =
		look->implementation == MALLOC_GLIBC ? place->library : look->stranger;
	ret->implementation = look->implementation;
	ret->library = library ? strdup(library) : NULL;
	if (library && !ret->library)
		return error_out_of_memory();
	if (look->implementation != MALLOC_GLIBC)
		return NULL;
	if (place->minor)
		(void)snprintf(ret->version, sizeof(ret->version), "2.%u", place->minor);
	ret->n_mmapped = look->mapped.blocks.count;
	ret->mmapped = look->mapped.size;
	if (!place->par)
		return NULL;
	ret->n_mmapped_told = glibc_place_par_int(place, place->par->n_mmaps);
	ret->mmapped_told = glibc_place_par_word(place, place->par->mmapped_mem);
	ret->has_settings = true;
	return glibc_settings_read(place, &look->environment, look->environment.n_processors,
				   &ret->settings);
}

struct error *malloc_look_finish(struct malloc_look *look, struct malloc_account *ret,
				 struct claims *ret_claims, struct doubts *doubts)
{
	_cleanup_(malloc_account_fini) struct malloc_account account = {.filled = true};
	struct error *err = describe(look, &account);
	err = err ?: name_threads(look);
	if (!err && look->arenas.count)
		sum_up(look, &account);
	if (!err && ret_claims)
		err = add_claims(look, ret_claims);
	if (err)
		return err;
	doubt_all(look, &account, doubts);
	if (!vec_reserve(&account.arenas, look->arenas.count))
		return error_out_of_memory();
	for (size_t i = 0; i < look->arenas.count; i++) {
		struct malloc_arena *from = &look->arenas.items[i].found;
		from->address = look->arenas.items[i].at;
		account.arenas.items[account.arenas.count++] = *from;
		*from = (struct malloc_arena){.main = false};
	}
	*ret = account;
	account = (struct malloc_account){.filled = false};
	return NULL;
}
