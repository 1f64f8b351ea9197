/*
 * save_heap: variables ─▷ pages ─▷ variables: the same? Then what was read is of one moment, or as good as that.
 *
 *	ranges    [ heap ▒▒▒▒▒▒▒   ▒▒ ]  [ heap of a thread ▒▒▒ ]  [ variables ▒ ]     ascending
 *	bytes     [      ▒▒▒▒▒▒▒   ▒▒ ][                    ▒▒▒ ][             ▒ ]     what is present of them
 */
#include "inspector/save/save_heap.h"

#include "base/cleanup.h"
#include "inspector/scan/rest.h"
#include "inspector/target/process/process.h"

#include <string.h>

#define TRIES       32
#define TRIES_PLACE 4

/* One more does not tell: a stop, or what came before, may have made it full. */
#define TICKS_AT_REST 1

/* Where a heap begins are what changes with nearly every request, and the arena's variables do not tell: the cache of the
 * thread that it is of (glibc 2.26 to 2.43: its first chunk), and of another's than the main one these variables themselves. */
#define MAIN_HEAD   656
#define THREAD_HEAD 3072

/* ---- at work? --------------------------------------------------------------------------- */

struct error *save_heap_watch(const struct origin *origin, struct space *space,
			      struct save_heap *ret)
{
	ret->origin = origin;
	ret->space = space;
	return procfs_stat(process_dir(origin_process(origin)), &ret->before);
}

struct error *save_heap_moved(const struct save_heap *heap, bool *ret)
{
	struct procfs_stat now;
	struct error *err = procfs_stat(process_dir(origin_process(heap->origin)), &now);
	*ret = !err && (now.ticks > heap->before.ticks + TICKS_AT_REST ||
			now.faults != heap->before.faults);
	return err;
}

void save_heap_fini(struct save_heap *heap)
{
	vec_fini(&heap->ranges);
	vec_fini(&heap->bytes);
	vec_fini(&heap->slices);
	vec_fini(&heap->got);
	residency_fini(&heap->residency);
	glibc_place_fini(&heap->place);
}

/* ---- where ------------------------------------------------------------------------------ */

/* Keeps them ascending. */
static bool add_range(struct save_heap *heap, raddr start, raddr end, size_t head)
{
	struct save_range *place = vec_push(&heap->ranges);
	if (!place)
		return false;
	for (; place > heap->ranges.items && raddr_compare(place[-1].start, start) > 0; place--)
		*place = place[-1];
	*place = (struct save_range){start, raddr_distance(start, end), 0, head};
	return true;
}

/* Both lie in libc's data, most often in the same page. */
static bool add_variables(struct save_heap *heap)
{
	const struct glibc_place *place = &heap->place;
	uint64_t start = place->main_arena.value, end = start + GLIBC_STATE_SIZE(place->state);
	if (place->par) {
		start = size_min(start, place->mp.value);
		end = size_max(end, raddr_plus(place->mp, place->par->size).value);
	}
	return add_range(heap, raddr_align_down(raddr_at(start), SAVEFILE_PAGE),
			 raddr_at(size_align_up(end, SAVEFILE_PAGE)), 0);
}

/* Heaps of threads begin with the address of their arena. 0: it is no heap. */
static size_t head_of(const struct save_heap *heap, const struct region *r)
{
	const struct glibc_place *place = &heap->place;
	uint64_t arena = 0;
	if (!r->readable || !r->writable || r->shared)
		return 0;
	if (r->kind == REGION_HEAP)
		return MAIN_HEAD;
	if (r->kind != REGION_ANON || !place->heap_align || r->start.value % place->heap_align != 0)
		return 0;
	error_free(space_read(heap->space, r->start, &arena, sizeof(arena)));
	for (size_t i = 1; i < place->arenas.count; i++)
		if (place->arenas.items[i].value == arena)
			return THREAD_HEAD;
	return 0;
}

static void lay_out(struct save_heap *heap)
{
	heap->size = 0;
	for (size_t i = 0; i < heap->ranges.count; i++) {
		heap->ranges.items[i].at = heap->size;
		heap->size = size_add(heap->size, heap->ranges.items[i].size);
	}
}

static struct error *find_ranges(struct save_heap *heap)
{
	heap->ranges.count = 0;
	bool ok = add_variables(heap);
	for (size_t i = 0; ok && i < heap->space->regions.count; i++) {
		const struct region *r = &heap->space->regions.items[i];
		size_t head = head_of(heap, r);
		if (head)
			ok = add_range(heap, r->start, raddr_plus(r->start, r->size), head);
	}
	lay_out(heap);
	return ok ? NULL : error_out_of_memory();
}

/* ---- at a stroke ------------------------------------------------------------------------ */

/* Calls back for each stretch of a range that was present. */
typedef bool stretch_fn(struct save_heap *heap, const struct save_range *range, raddr start,
			size_t size, void *context);

static bool each_stretch(struct save_heap *heap, const struct save_range *range, raddr from,
			 raddr to, stretch_fn *visit, void *context)
{
	const struct residency *residency = &heap->residency;
	bool ok = true;
	for (size_t i = residency_find(residency, from, 0); ok && i < residency->ranges.count;
	     i++) {
		const struct residency_range *r = &residency->ranges.items[i];
		uint64_t start = size_max(r->start.value, from.value);
		uint64_t end = size_min(raddr_plus(r->start, r->size).value, to.value);
		if (r->start.value >= to.value)
			break;
		if (!r->swapped && start < end)
			ok = visit(heap, range, raddr_at(start), (size_t)(end - start), context);
	}
	return ok;
}

static uint8_t *place_of(const struct save_heap *heap, const struct save_range *range, raddr at)
{
	return heap->bytes.items + range->at + raddr_distance(range->start, at);
}

static bool add_slice(struct save_heap *heap, const struct save_range *range, raddr start,
		      size_t size, void *context)
{
	struct space_slice *slice = vec_push(&heap->slices);
	(void)context;
	if (!slice || !vec_push(&heap->got))
		return false;
	*slice = (struct space_slice){start, size, size, 1, place_of(heap, range, start), NULL};
	return true;
}

static struct error *plan(struct save_heap *heap)
{
	struct error *err = NULL;
	residency_clear(&heap->residency);
	heap->slices.count = heap->got.count = 0;
	for (size_t i = 0; i < heap->ranges.count && !err; i++) {
		const struct save_range *r = &heap->ranges.items[i];
		err = space_residency_in_detail(heap->space, r->start, r->size, &heap->residency);
		(void)error_catch(&err, ERROR_FAULT); /* it went meanwhile */
	}
	for (size_t i = 0; i < heap->ranges.count && !err; i++) {
		const struct save_range *r = &heap->ranges.items[i];
		if (!each_stretch(heap, r, r->start, raddr_plus(r->start, r->size), add_slice,
				  NULL))
			err = error_out_of_memory();
	}
	for (size_t i = 0; i < heap->slices.count; i++)
		heap->slices.items[i].got = &heap->got.items[i];
	return err;
}

/* Faulted in: reading is not to wait for that. */
static bool make_room(struct save_heap *heap)
{
	size_t had = heap->bytes.room;
	if (!vec_reserve(&heap->bytes, (size_t)heap->size))
		return false;
	if (heap->bytes.room > had)
		memset(heap->bytes.items, 0xff, heap->bytes.room);
	return true;
}

/* Whether the heads of heaps are still as they were copied. */
static bool heads_rest(const struct save_heap *heap)
{
	uint8_t head[THREAD_HEAD];
	bool rest = true;
	for (size_t i = 0; i < heap->ranges.count && rest; i++) {
		const struct save_range *r = &heap->ranges.items[i];
		size_t size = (size_t)size_min(r->head, r->size);
		struct error *err = space_read(heap->space, r->start, head, size);
		rest = !err && memcmp(head, place_of(heap, r, r->start), size) == 0;
		error_free(err);
	}
	return rest;
}

static bool read_state(const struct save_heap *heap, struct glibc_state *ret)
{
	return glibc_state_read(heap->space, &heap->place, heap->place.main_arena, ret);
}

/* Whether the main heap ends within what is read: it may have grown since the regions were. */
static bool covers(const struct save_heap *heap, const struct glibc_state *state)
{
	for (size_t i = 0; i < heap->ranges.count; i++) {
		const struct save_range *r = &heap->ranges.items[i];
		if (raddr_in(raddr_at(state->top), r->start, r->size))
			return size_add(state->top, state->top_size) <=
			       raddr_plus(r->start, r->size).value;
	}
	return false;
}

/* Where heaps are now, and room for what is present of them. *ret false: it is too much. */
static struct error *prepare(struct save_heap *heap, uint64_t max_size, bool *ret)
{
	struct error *err = origin_refresh(heap->origin, heap->space);
	err = err ?: find_ranges(heap);
	*ret = !err && heap->size <= max_size;
	if (!*ret)
		return err;
	return make_room(heap) ? plan(heap) : error_out_of_memory();
}

/* A page that went before it was read leaves what stood in our buffer. */
static bool all_read(const struct save_heap *heap)
{
	for (size_t i = 0; i < heap->got.count; i++)
		if (heap->got.items[i] != SLICE_READ)
			return false;
	return true;
}

/* As little as can be between the two readings of the variables. *ret_read: all that was present; *ret_still: and nobody
 * was at work meanwhile. */
static struct error *read_once(struct save_heap *heap, bool *ret_read, bool *ret_still)
{
	struct glibc_state before, after;
	bool there = read_state(heap, &before);
	struct error *err =
		space_gather(heap->space, heap->slices.items, heap->slices.count, &heap->residency);
	*ret_read = !err && all_read(heap);
	*ret_still = *ret_read && there && !before.lock && heads_rest(heap) &&
		     read_state(heap, &after) && glibc_state_equal(&heap->place, &before, &after) &&
		     covers(heap, &after);
	return err;
}

/* Its lists may be in motion when they are looked at, and then it is not known for what it is. */
static struct error *find_place(struct save_heap *heap)
{
	struct error *err = NULL;
	for (int i = 0; i < TRIES_PLACE && !err && !heap->place.state; i++) {
		if (i > 0)
			rest_before_try(i);
		glibc_place_fini(&heap->place);
		err = glibc_place_find(heap->origin, heap->space, &heap->place);
	}
	return err;
}

struct error *save_heap_read(struct save_heap *heap, uint64_t max_size, bool *ret)
{
	bool fits = true, still = false;
	struct error *err = find_place(heap);
	*ret = false;
	for (int i = 0; heap->place.state && i < TRIES && !err && fits && !still; i++) {
		if (i > 0)
			rest_before_try(i);
		*ret = false;
		err = prepare(heap, max_size, &fits);
		if (!err && fits)
			err = read_once(heap, ret, &still);
	}
	if (!*ret || err) { /* then pages and footprint stay what they are */
		heap->ranges.count = 0;
		residency_clear(&heap->residency);
	}
	return err;
}

/* ---- resident -------------------------------------------------------------------------- */

struct pieces {
	VEC(struct residency_range) list;
};

static bool add_piece(struct pieces *to, const struct residency_range *from, uint64_t start,
		      uint64_t end)
{
	struct residency_range *piece = start < end ? vec_push(&to->list) : NULL;
	if (piece) {
		*piece = *from;
		piece->start = raddr_at(start);
		piece->size = end - start;
	}
	return piece || start >= end;
}

/* Of one range what lies in none that was read. */
static bool add_outside(const struct save_heap *heap, const struct residency_range *r,
			struct pieces *to)
{
	uint64_t at = r->start.value, end = raddr_plus(r->start, r->size).value;
	bool ok = true;
	for (size_t i = 0; i < heap->ranges.count && ok && at < end; i++) {
		uint64_t start = heap->ranges.items[i].start.value;
		uint64_t behind = start + heap->ranges.items[i].size;
		if (behind <= at)
			continue;
		ok = add_piece(to, r, at, size_min(start, end));
		at = size_max(at, behind);
	}
	return ok && add_piece(to, r, at, end);
}

static int compare_pieces(const void *a, const void *b)
{
	return raddr_compare(((const struct residency_range *)a)->start,
			     ((const struct residency_range *)b)->start);
}

bool save_heap_residency(const struct save_heap *heap, const struct residency *all,
			 struct residency *ret)
{
	struct pieces pieces = {VEC_EMPTY};
	bool ok = true;
	for (size_t i = 0; i < all->ranges.count && ok; i++)
		ok = add_outside(heap, &all->ranges.items[i], &pieces);
	for (size_t i = 0; i < heap->residency.ranges.count && ok; i++) {
		const struct residency_range *r = &heap->residency.ranges.items[i];
		ok = add_piece(&pieces, r, r->start.value, raddr_plus(r->start, r->size).value);
	}
	if (pieces.list.count > 1)
		qsort(pieces.list.items, pieces.list.count, sizeof(*pieces.list.items),
		      compare_pieces);
	for (size_t i = 0; i < pieces.list.count && ok; i++) {
		const struct residency_range *r = &pieces.list.items[i];
		ok = residency_add_traits(ret, r->start, r->size, r->swapped, r->traits);
	}
	vec_fini(&pieces.list);
	return ok;
}

/* ---- into the log ----------------------------------------------------------------------- */

/* One window of a heap, before and after it was blanked. */
struct window {
	struct save_log *log;
	raddr base;
	uint8_t *in, *out;
};

static bool fill_window(struct save_heap *heap, const struct save_range *range, raddr start,
			size_t size, void *context)
{
	const struct window *w = context;
	memcpy(w->in + raddr_distance(w->base, start), place_of(heap, range, start), size);
	return true;
}

static bool log_window(struct save_heap *heap, const struct save_range *range, raddr start,
		       size_t size, void *context)
{
	const struct window *w = context;
	(void)heap;
	(void)range;
	save_log_add_under(w->log, start, w->out + raddr_distance(w->base, start), size);
	return !w->log->failed;
}

static bool log_as_it_is(struct save_heap *heap, const struct save_range *range, raddr start,
			 size_t size, void *context)
{
	struct save_log *log = context;
	save_log_add_under(log, start, place_of(heap, range, start), size);
	return !log->failed;
}

static struct error *log_blanked(struct save_heap *heap, const struct save_range *range,
				 struct redactor *redactor, struct window *w)
{
	raddr end = raddr_plus(range->start, range->size);
	struct error *err = NULL;
	for (raddr at = range->start; raddr_compare(at, end) < 0 && !err;) {
		w->base = raddr_align_down(at, SAVEFILE_WINDOW);
		raddr to = raddr_plus(w->base, SAVEFILE_WINDOW);
		to = raddr_compare(to, end) < 0 ? to : end;
		memset(w->in, 0, SAVEFILE_WINDOW);
		memset(w->out, 0, SAVEFILE_WINDOW);
		(void)each_stretch(heap, range, at, to, fill_window, w);
		err = redactor_blank(redactor, w->base, w->in, w->out);
		if (!err && !each_stretch(heap, range, at, to, log_window, w))
			err = error_out_of_memory();
		at = to;
	}
	return err;
}

struct error *save_heap_log(struct save_heap *heap, struct redactor *redactor, struct save_log *log)
{
	_cleanup_(free_pointer) uint8_t *in = malloc(SAVEFILE_WINDOW);
	_cleanup_(free_pointer) uint8_t *out = malloc(SAVEFILE_WINDOW);
	struct window window = {.log = log, .in = in, .out = out};
	struct error *err = in && out ? NULL : error_out_of_memory();
	for (size_t i = 0; i < heap->ranges.count && !err; i++) {
		const struct save_range *r = &heap->ranges.items[i];
		raddr end = raddr_plus(r->start, r->size);
		if (redactor && r->head)
			err = log_blanked(heap, r, redactor, &window);
		else if (!each_stretch(heap, r, r->start, end, log_as_it_is, log))
			err = error_out_of_memory();
	}
	return err;
}
