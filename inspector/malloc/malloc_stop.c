/*
 * malloc_stop: the part of a look at malloc for which the target stands still: as little as can be.
 *
 *	prepare   sizes, and memory that was faulted in
 *	copy      │ stop │ variables, residency, present pages │ thaw │
 *	walk      in the copy
 */
#include "inspector/malloc/malloc_room.h"

#include "base/cleanup.h"

#define STOPS_MAX   8 /* for one arena: a stop may land inside malloc, which leaves it half changed */
#define BYTES_A_US  3000 /* copied under a stop, two readers, with something in reserve */
#define STREAM_A_US 800  /* walked under a stop */
#define RANGES_MORE 1024 /* of pages that become present meanwhile */

static struct error *choose(struct malloc_look *look, bool whole)
{
	look->copied.count = 0;
	for (size_t i = 0; i < look->arenas.count && (whole || !look->copied.count); i++) {
		struct malloc_look_arena *arena = &look->arenas.items[i];
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
static struct error *measure(struct malloc_look *look, struct malloc_look_arena *arena,
			     uint64_t *size, size_t *n_ranges)
{
	bool there;
	struct error *err = malloc_look_read_state(look, arena, &there);
	if (err || !there)
		return err;
	err = malloc_look_read_residency(look, arena);
	const struct residency *r = malloc_look_residency_of(look, arena);
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
		struct malloc_look_arena *arena = &look->arenas.items[look->copied.items[i]];
		for (size_t s = 0; s < arena->segments.list.count && fits; s++) {
			const struct glibc_segment *from = &arena->segments.list.items[s];
			struct place *place = vec_push(&places);
			fits = place;
			if (place)
				*place = (struct place){from->start & ~(GLIBC_PAGE - 1), 0,
							malloc_look_residency_of(look, arena)};
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

static struct error *read_par(struct malloc_look *look)
{
	struct glibc_place *place = &look->place;
	if (!place->par)
		return NULL;
	struct error *err =
		space_read(look->request.space, place->mp, place->mp_bytes, place->par->size);
	return error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* Settings and large blocks, too, are to be of the moment when all arenas are. */
static struct error *read_rest(struct malloc_look *look)
{
	struct error *err = read_par(look);
	if (err || glibc_mapped_complete(&look->place, &look->mapped))
		return err;
	return malloc_look_find_mapped(look, true);
}

static struct error *stream(struct malloc_look *look)
{
	struct error *err = NULL;
	for (size_t i = 0; i < look->copied.count && !err; i++)
		err = malloc_look_walk_live(look, &look->arenas.items[look->copied.items[i]], true);
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
		struct malloc_look_arena *arena = &look->arenas.items[look->copied.items[i]];
		err = malloc_look_read_state(look, arena, &there);
		err = err ?: there ? malloc_look_read_residency(look, arena) : NULL;
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
		struct malloc_look_arena *arena = &look->arenas.items[look->copied.items[i]];
		err = malloc_look_walk_in(look, arena, space, true);
		arena->settled = !err && arena->found.verified;
	}
	malloc_copy_free(take(look->copy));
	return err;
}
