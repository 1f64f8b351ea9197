/*
 * plot_pymalloc: arenas by their table, blocks by their pool's header, free ones by its list: all as they lie in the
 * burst.
 *
 *	arenas ─▷ arenas[] ─▷ arena  [pool][pool][pool]│virgin
 *	                              └ header │ used │ free ─▷ free ─▷ ∎ │ used │ never made
 *
 * A table that was moved while it was copied is not what the pointer leads to: then arenas are those of the look. Pools
 * say of themselves whether they are in use.
 */
#include "inspector/census/plotting/plot_build.h"

#include "base/cleanup.h"
#include "inspector/heap/pymalloc_room.h"
#include "inspector/look/look.h"

/* ---- arenas ----------------------------------------------------------------------------- */

static uint64_t resident_of(const struct plot_build *b, size_t interpreter, raddr at, uint64_t size)
{
	const struct snapshot *s = b->request->snapshot;
	if (interpreter >= s->interpreters.count)
		return size;
	const struct pymalloc *p = &s->interpreters.items[interpreter].pymalloc;
	const struct pymalloc_arena *arena = pymalloc_find_arena(p, at);
	return arena && p->has_residency ? arena->resident : size;
}

static struct error *add_area(struct plot_build *b, const struct pymalloc_image *image,
			      const struct pymalloc_arena_object *object, uint32_t index,
			      size_t interpreter)
{
	uint32_t carved;
	uint64_t size = image->geometry.arena_size;
	if (!pymalloc_geometry_fits(&image->geometry, object, &carved)) {
		b->plot.n_damaged++;
		return NULL;
	}
	struct plot_area *area = vec_push(&b->areas);
	if (!area)
		return error_out_of_memory();
	*area = (struct plot_area){
		.arena = {.start = object->address.value,
			  .size = size,
			  .interpreter = (uint32_t)interpreter,
			  .source = PLOT_PYMALLOC,
			  .resident = resident_of(b, interpreter, object->address, size)},
		.image = image,
		.index = index,
		.carved = carved,
	};
	return NULL;
}

/* The table's place and length now. False: it cannot be told. */
static bool find_table(struct plot_build *b, const struct pymalloc_copy *copy, raddr *ret,
		       uint32_t *ret_n)
{
	const uint8_t *count = burst_bytes(b->burst, copy->roots.maxarenas, sizeof(*ret_n));
	uint32_t n = 0;
	uint64_t at;
	if (raddr_is_null(copy->roots.arenas) || !count)
		return false;
	memcpy(&n, count, sizeof(n));
	if (!burst_word(b->burst, copy->roots.arenas, &at) ||
	    !burst_bytes(b->burst, raddr_at(at), copy->image.shape.arena_size))
		return false;
	*ret = raddr_at(at);
	*ret_n = (uint32_t)size_min(n, UINT64_C(4) * copy->image.n_table + 64); /* it doubles */
	return n > 0;
}

/* Whether most arenas of the look stand in it where they stood: what the table has left, others write to. An arena keeps
 * its index for life. */
static bool is_table(struct plot_build *b, const struct pymalloc_image *image, raddr table,
		     uint32_t n)
{
	size_t size = image->shape.arena_size;
	uint32_t known = 0, same = 0;
	for (uint32_t i = 0; i < image->n_table; i++) {
		const struct image_arena *arena = &image->arenas[i];
		if (!arena->in_use || arena->invalid)
			continue;
		const uint8_t *bytes =
			i < n ? burst_bytes(b->burst, raddr_plus(table, size_multiply(i, size)),
					    size)
			      : NULL;
		known++;
		same += bytes && raddr_equal(pymalloc_shape_arena(&image->shape, bytes).address,
					     arena->seen.address);
	}
	return same >= known - known / 2;
}

/* Objects behind one that cannot be read are not there: a table is one block. */
static struct error *areas_of_table(struct plot_build *b, const struct pymalloc_image *image,
				    raddr table, uint32_t n, size_t interpreter)
{
	size_t size = image->shape.arena_size;
	for (uint32_t i = 0; i < n; i++) {
		raddr at = raddr_plus(table, size_multiply(i, size));
		const uint8_t *bytes = burst_bytes(b->burst, at, size);
		if (!bytes)
			break;
		struct pymalloc_arena_object o = pymalloc_shape_arena(&image->shape, bytes);
		struct error *err =
			raddr_is_null(o.address) ? NULL : add_area(b, image, &o, i, interpreter);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *areas_of_look(struct plot_build *b, const struct pymalloc_image *image,
				   size_t interpreter)
{
	for (uint32_t i = 0; i < image->n_table; i++) {
		if (!image->arenas[i].in_use || image->arenas[i].invalid)
			continue;
		struct error *err = add_area(b, image, &image->arenas[i].seen, i, interpreter);
		if (err)
			return err;
	}
	return NULL;
}

struct error *plot_pymalloc_areas(struct plot_build *b)
{
	const struct look *look = b->request->look;
	struct error *err = NULL;
	for (size_t i = 0; i < look->copies.count && !err; i++) {
		const struct pymalloc_copy *copy = look->copies.items[i];
		bool own = i < look->runtime.interpreters.count &&
			   look->runtime.interpreters.items[i].has_heap;
		raddr table;
		uint32_t n;
		if (!own || !copy->image.geometry.known)
			continue;
		bool found = find_table(b, copy, &table, &n) && is_table(b, &copy->image, table, n);
		err = found ? areas_of_table(b, &copy->image, table, n, i)
			    : areas_of_look(b, &copy->image, i);
	}
	return err;
}

/* ---- pools ------------------------------------------------------------------------------ */

static bool read_header(struct plot_build *b, const struct plot_area *area, raddr pool,
			struct pymalloc_header *ret)
{
	const struct pymalloc_shape *shape = &area->image->shape;
	const uint8_t *bytes = burst_bytes(b->burst, pool, shape->header_size);
	if (bytes)
		*ret = pymalloc_shape_header(shape, bytes);
	return bytes;
}

struct error *plot_pymalloc_runs(struct plot_build *b, size_t index)
{
	const struct plot_area *area = &b->areas.items[index];
	const struct pymalloc_geometry *g = &area->image->geometry;
	raddr first = pymalloc_geometry_first_pool(g, raddr_at(area->arena.start));
	for (uint32_t i = 0; i < area->carved; i++) {
		struct pymalloc_header h;
		raddr pool = raddr_plus(first, i * g->pool_size);
		if (!read_header(b, area, pool, &h) || h.count == 0)
			continue;
		if (!pymalloc_image_plausible(area->image, &h, area->index)) {
			b->plot.n_damaged++;
			continue;
		}
		uint32_t block = pymalloc_geometry_block(g, h.szidx);
		uint32_t made = (h.nextoffset - g->overhead) / block;
		uint32_t n = (uint32_t)size_min(made, pymalloc_geometry_capacity(g, h.szidx));
		if (n && !plot_build_run(b, pool.value + g->overhead, block, n, index))
			return error_out_of_memory();
	}
	return NULL;
}

/* ---- blocks ----------------------------------------------------------------------------- */

/* bytes: the whole pool's; NULL: not all of it is there. */
static bool next_of(struct plot_build *b, const uint8_t *bytes, raddr pool, raddr at, raddr *ret)
{
	uint64_t word = 0;
	if (bytes)
		memcpy(&word, bytes + raddr_distance(pool, at), sizeof(word));
	else if (!burst_word(b->burst, at, &word))
		return false;
	*ret = raddr_at(word);
	return true;
}

bool plot_pymalloc_free(struct plot_tally *t)
{
	struct plot_build *b = t->build;
	const struct plot_area *area = &b->areas.items[t->run->arena];
	const struct pymalloc_geometry *g = &area->image->geometry;
	raddr pool = raddr_at(t->run->start - g->overhead);
	struct pymalloc_header h;
	if (!read_header(b, area, pool, &h))
		return false;
	const uint8_t *bytes = burst_bytes(b->burst, pool, g->pool_size);
	for (raddr at = h.freeblock; !raddr_is_null(at);)
		if (!plot_build_free(t, at) || !next_of(b, bytes, pool, at, &at))
			return false;
	return t->run->n_blocks - t->n_free == h.count;
}
