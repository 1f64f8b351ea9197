/*
 * glibc_arena: a copy of malloc_state, and the way from its top chunk down to its first heap.
 *
 *	heap_info  [ ar_ptr │ prev │ size │ mprotect_size │ (pagesize) ] chunks …
 *
 * malloc/arena.c, glibc 2.26 to 2.43. A heap begins at a multiple of what is reserved for each.
 */
#include "inspector/malloc/glibc_arena.h"

#include "base/bytes.h"

#define HEAPS_MAX 65536

struct heap_info {
	uint64_t arena, prev, size, kept;
};

bool glibc_state_read(struct space *space, const struct glibc_place *place, raddr at,
		      struct glibc_state *ret)
{
	const struct glibc_state_shape *s = place->state;
	struct glibc_state state = {.at = at, .main = raddr_equal(at, place->main_arena)};
	struct error *err = space_read(space, at, state.bytes, GLIBC_STATE_SIZE(s));
	struct bytes b = bytes_of(state.bytes, sizeof(state.bytes));
	state.lock = bytes_u32(&b, 0);
	state.flags = bytes_u32(&b, GLIBC_STATE_FLAGS);
	state.top = bytes_u64(&b, GLIBC_TOP_AT(s));
	state.attached = bytes_u64(&b, GLIBC_ATTACHED_AT(s));
	state.system = bytes_u64(&b, GLIBC_SYSTEM_AT(s));
	state.system_max = bytes_u64(&b, GLIBC_SYSTEM_MAX_AT(s));
	/* The first top chunk is the first bin, taken for one. */
	state.blank = state.system == 0 && state.top == at.value + s->bins - 16;
	if (!err && !state.blank)
		err = space_read(space, raddr_at(size_add(state.top, 8)), &state.top_size, 8);
	state.top_size &= ~GLIBC_SIZE_BITS;
	if (!err)
		*ret = state;
	error_free(err);
	return !err;
}

bool glibc_state_equal(const struct glibc_place *place, const struct glibc_state *a,
		       const struct glibc_state *b)
{
	return raddr_equal(a->at, b->at) && a->top_size == b->top_size &&
	       memcmp(a->bytes, b->bytes, GLIBC_STATE_SIZE(place->state)) == 0;
}

uint64_t glibc_state_bin(const struct glibc_place *place, const struct glibc_state *state, size_t i,
			 uint64_t *ret_fd, uint64_t *ret_bk)
{
	struct bytes b = bytes_of(state->bytes, sizeof(state->bytes));
	size_t at = place->state->bins + i * 16;
	*ret_fd = bytes_u64(&b, at);
	*ret_bk = bytes_u64(&b, at + 8);
	return state->at.value + at - 16;
}

/* ---- ranges ----------------------------------------------------------------------------- */

bool glibc_segments_add(struct glibc_segments *segments, struct glibc_segment one)
{
	struct glibc_segment *place = vec_push(&segments->list);
	if (!place)
		return false;
	while (place > segments->list.items && place[-1].start > one.start) {
		*place = place[-1];
		place--;
	}
	*place = one;
	return true;
}

const struct glibc_segment *glibc_segments_of(const struct glibc_segments *segments, uint64_t at)
{
	for (size_t i = 0; i < segments->list.count; i++) {
		const struct glibc_segment *s = &segments->list.items[i];
		if (at >= s->start && at < s->end)
			return s;
	}
	return NULL;
}

void glibc_segments_fini(struct glibc_segments *segments)
{
	vec_fini(&segments->list);
	segments->broken = false;
}

/* ---- the main arena --------------------------------------------------------------------- */

static uint64_t end_of_top(const struct glibc_state *state)
{
	return size_add(state->top, state->top_size);
}

static uint64_t begin_of_main(const struct space *space, const struct glibc_place *place,
			      const struct glibc_state *state)
{
	if (place->par)
		return glibc_place_par_word(place, place->par->sbrk_base);
	if (!(state->flags & GLIBC_STATE_NONCONTIG))
		return size_subtract(end_of_top(state), state->system);
	for (size_t i = 0; i < space->regions.count; i++)
		if (space->regions.items[i].kind == REGION_HEAP)
			return space->regions.items[i].start.value;
	return 0;
}

static struct glibc_segment main_segment(uint64_t start, uint64_t end, bool open)
{
	return (struct glibc_segment){start, size_align_up(start, GLIBC_ALIGNMENT), end, end, open};
}

static uint64_t end_of_region(const struct space *space, uint64_t at)
{
	const struct region *region = space_region(space, raddr_at(at));
	return region ? size_add(region->start.value, region->size) : at;
}

static struct error *find_main(struct space *space, const struct glibc_place *place,
			       const struct glibc_state *state, const struct glibc_segments *runs,
			       struct glibc_segments *ret)
{
	uint64_t begin = begin_of_main(space, place, state), end = end_of_top(state);
	bool split = state->flags & GLIBC_STATE_NONCONTIG;
	if (!split && begin < end && end - begin <= space->mapped_size)
		return glibc_segments_add(ret, main_segment(begin, end, false))
			       ? NULL
			       : error_out_of_memory();
	ret->broken = !split;
	bool in_run = false;
	for (size_t i = 0; i < runs->list.count; i++) {
		in_run |= runs->list.items[i].start == begin;
		if (!glibc_segments_add(ret, runs->list.items[i]))
			return error_out_of_memory();
	}
	uint64_t first_end = end_of_region(space, begin);
	if (in_run || first_end <= begin)
		return NULL;
	/* The size of top is believed no further than its mapping goes: of a snapshot it may be of another moment. */
	bool has_top = state->top >= begin && state->top < first_end && end <= first_end;
	return glibc_segments_add(ret, main_segment(begin, has_top ? end : first_end, true))
		       ? NULL
		       : error_out_of_memory();
}

/* ---- others ----------------------------------------------------------------------------- */

static bool read_heap(struct space *space, uint64_t at, struct heap_info *ret)
{
	struct error *err = space_read(space, raddr_at(at), ret, sizeof(*ret));
	error_free(err);
	return !err;
}

static bool heap_holds(const struct glibc_place *place, const struct glibc_state *state,
		       uint64_t at, const struct heap_info *h)
{
	return h->arena == state->at.value && h->size && h->size % GLIBC_PAGE == 0 &&
	       h->size <= place->heap_align && h->kept >= h->size && h->kept <= place->heap_align &&
	       h->kept % GLIBC_PAGE == 0 && h->prev % place->heap_align == 0 && h->prev != at;
}

/* Of the arena's own heap chunks begin behind its variables. */
static struct glibc_segment heap_segment(const struct glibc_place *place,
					 const struct glibc_state *state, uint64_t at,
					 const struct heap_info *h)
{
	bool own = state->at.value >= at && state->at.value - at < h->size;
	uint64_t first =
		own ? state->at.value + GLIBC_STATE_SIZE(place->state) : at + place->heap_info_size;
	return (struct glibc_segment){at, size_align_up(first, GLIBC_ALIGNMENT), at + h->size,
				      at + h->kept, false};
}

static struct error *find_heaps(struct space *space, const struct glibc_place *place,
				const struct glibc_state *state, struct glibc_segments *ret)
{
	uint64_t own = state->at.value - state->at.value % place->heap_align;
	uint64_t at = state->top - state->top % place->heap_align;
	for (size_t i = 0; at && i < HEAPS_MAX; i++) {
		struct heap_info h;
		if (glibc_segments_of(ret, at) || !read_heap(space, at, &h) ||
		    !heap_holds(place, state, at, &h))
			break;
		if (!glibc_segments_add(ret, heap_segment(place, state, at, &h)))
			return error_out_of_memory();
		if (h.prev == 0)
			return NULL;
		at = h.prev;
	}
	ret->broken = true;
	struct heap_info h; /* its own is known without the chain */
	if (!glibc_segments_of(ret, own) && read_heap(space, own, &h) &&
	    heap_holds(place, state, own, &h) &&
	    !glibc_segments_add(ret, heap_segment(place, state, own, &h)))
		return error_out_of_memory();
	return NULL;
}

struct error *glibc_segments_find(struct space *space, const struct glibc_place *place,
				  const struct glibc_state *state,
				  const struct glibc_segments *runs, struct glibc_segments *ret)
{
	ret->list.count = 0;
	ret->broken = false;
	if (state->blank)
		return NULL;
	return state->main ? find_main(space, place, state, runs, ret)
			   : find_heaps(space, place, state, ret);
}
