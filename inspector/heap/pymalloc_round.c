/*
 * pymalloc_round: what is copied, and what of it may be believed.
 *
 * A running target changes while it is read. An arena is settled when its arena
 * object was the same before and after its pools were copied and the pools agree
 * with it; an allocation inside a pool changes neither and does no harm: the header
 * was copied in one piece. Each arena keeps the object under which it was settled;
 * which arenas exist is what the last table says.
 */
#include "inspector/heap/pymalloc_round.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#define TABLE_TRIES 3

/* Arenas may grow between the list of mappings and the look; more than this is a lie. */
static uint64_t believable(const struct space *space)
{
	return size_add(size_multiply(space->mapped_size, 2), 64 * MIB);
}

static void release_slot(struct pymalloc_copy *copy, struct image_arena *arena)
{
	if (arena->slot != PYMALLOC_SLOT_NONE)
		copy->free_slots[copy->n_free_slots++] = arena->slot;
	*arena = (struct image_arena){.slot = PYMALLOC_SLOT_NONE};
}

static void release_from(struct pymalloc_copy *copy, uint32_t index)
{
	for (uint32_t i = index; i < copy->table_room; i++)
		release_slot(copy, &copy->image.arenas[i]);
}

/* ---- the variables and the table ------------------------------------------------- */

/* *ret_got false: unreadable, or its pages are gone because the table moved. */
static struct error *read_range(struct space *space, bool frozen, raddr at, uint8_t *bytes,
				size_t size, bool *ret_got)
{
	uint8_t got = SLICE_READ;
	struct space_slice slice = {at, size, size, 1, bytes, &got};
	struct error *err =
		frozen ? space_gather(space, &slice, 1, NULL) : space_read(space, at, bytes, size);
	bool faulted = error_catch(&err, ERROR_FAULT);
	if (!err)
		*ret_got = !faulted && got == SLICE_READ;
	return err;
}

static struct error *read_words(struct pymalloc_copy *copy, struct space *space, bool frozen,
				uint32_t *ret_objects)
{
	struct pymalloc_image *image = &copy->image;
	struct error *err = pymalloc_words_read(space, &copy->roots, frozen, &image->words);
	if (err)
		return err;
	const struct pymalloc_words *words = &image->words;
	bool got_arenas = words->got[WORD_ARENAS] && words->got[WORD_MAXARENAS];
	image->words_unreadable = !words->got_used || (!got_arenas && !copy->roots.idle);
	*ret_objects = 0;
	if (!image->words_unreadable && words->word[WORD_ARENAS])
		*ret_objects = (uint32_t)words->word[WORD_MAXARENAS];
	return NULL;
}

static struct error *make_table_room(struct pymalloc_copy *copy, bool frozen, uint32_t *objects)
{
	if (*objects <= copy->table_room)
		return NULL;
	if (frozen) {
		copy->complete = false;
		*objects = copy->table_room;
		return NULL;
	}
	uint64_t room = copy->expects_stop ? pymalloc_room_objects_ahead(*objects) : *objects;
	return pymalloc_room_reserve(copy, room, copy->slot_room);
}

/* image.words and image.table of one moment, or nearly; table_unreadable where it cannot be. */
static struct error *read_table(struct pymalloc_copy *copy, struct space *space, bool frozen)
{
	struct pymalloc_image *image = &copy->image;
	bool got = false;
	image->n_table = 0;
	image->table_unreadable = false;
	for (int try = 0; try < TABLE_TRIES && !got; try++) {
		uint32_t objects;
		struct error *err = read_words(copy, space, frozen, &objects);
		if (err)
			return err;
		uint64_t size = size_multiply(objects, image->shape.arena_size);
		if (size > space->mapped_size)
			break;
		err = make_table_room(copy, frozen, &objects);
		if (err)
			return err;
		got = objects == 0;
		if (!got)
			err = read_range(space, frozen, raddr_at(image->words.word[WORD_ARENAS]),
					 image->table, objects * image->shape.arena_size, &got);
		if (err)
			return err;
		image->n_table = got ? objects : 0;
	}
	image->table_unreadable = !got;
	return NULL;
}

/* Which arenas are in use by the last table; slots of those that are not become free. */
static void take_stock(struct pymalloc_copy *copy, const struct space *space)
{
	struct pymalloc_image *image = &copy->image;
	uint64_t left = believable(space);
	copy->n_sorted = 0;
	for (uint32_t i = 0; i < image->n_table; i++) {
		struct pymalloc_arena_object o = pymalloc_image_object(image, i);
		struct image_arena *arena = &image->arenas[i];
		if (raddr_is_null(o.address) || !raddr_equal(o.address, arena->seen.address))
			release_slot(copy, arena);
		if (raddr_is_null(o.address) || left < image->geometry.arena_size) {
			arena->invalid = !raddr_is_null(o.address);
			continue;
		}
		left -= image->geometry.arena_size;
		arena->in_use = true;
		arena->seen.address = o.address;
		copy->sorted[copy->n_sorted++] = i;
	}
	release_from(copy, image->n_table);
}

static int compare_addresses(const void *a, const void *b, void *context)
{
	const struct image_arena *arenas = context;
	return raddr_compare(arenas[*(const uint32_t *)a].seen.address,
			     arenas[*(const uint32_t *)b].seen.address);
}

/* ---- residency ------------------------------------------------------------------- */

static struct error *add_residency(struct pymalloc_copy *copy, struct space *space, raddr start,
				   uint64_t size)
{
	struct error *err = space_residency(space, start, size, &copy->residency);
	if (!err)
		return NULL;
	if (err->kind == ERROR_GONE)
		return err;
	error_free(err);
	copy->residency_failed = true;
	return NULL;
}

/* Of all arenas in use, neighbours in one call. Before any pool is read: reading changes it. */
static struct error *take_residency(struct pymalloc_copy *copy, struct space *space)
{
	const struct pymalloc_image *image = &copy->image;
	uint64_t arena_size = image->geometry.arena_size;
	residency_clear(&copy->residency);
	copy->has_residency = copy->residency_failed = false;
	if (!space_has_residency(space))
		return NULL;
	raddr start = RADDR_NULL, end = RADDR_NULL;
	for (uint32_t i = 0; i <= copy->n_sorted; i++) {
		bool last = i == copy->n_sorted;
		raddr at = last ? RADDR_NULL : image->arenas[copy->sorted[i]].seen.address;
		if (!last && raddr_equal(at, end)) {
			end = raddr_plus(end, arena_size);
			continue;
		}
		uint64_t size = raddr_distance(start, end);
		struct error *err = size ? add_residency(copy, space, start, size) : NULL;
		if (err)
			return err;
		if (last || raddr_compare(at, end) > 0) { /* an overlap is a lie: walked past */
			start = at;
			end = raddr_plus(at, arena_size);
		}
	}
	copy->has_residency = !copy->residency_failed;
	return NULL;
}

/* ---- the plan: which arenas, which slices ---------------------------------------- */

static bool same_object(const struct pymalloc_arena_object *a,
			const struct pymalloc_arena_object *b)
{
	return raddr_equal(a->address, b->address) &&
	       raddr_equal(a->pool_address, b->pool_address) &&
	       raddr_equal(a->freepools, b->freepools) && a->nfreepools == b->nfreepools &&
	       a->ntotalpools == b->ntotalpools;
}

static bool is_due(const struct pymalloc_copy *copy, const struct round *round, uint32_t index)
{
	const struct image_arena *arena = &copy->image.arenas[index];
	struct pymalloc_arena_object now = pymalloc_image_object(&copy->image, index);
	if (round->kind == ROUND_ALL || !arena->copied || arena->invalid)
		return true;
	if (round->kind == ROUND_UNSETTLED)
		return !pymalloc_image_settled(&copy->image, index);
	return arena->unsettled || !same_object(&now, &arena->seen) ||
	       (index + copy->turn) % round->turns == 0;
}

/* Marks the arenas of this round; how many slots they lack. */
static uint32_t mark_due(struct pymalloc_copy *copy, const struct round *round)
{
	struct pymalloc_image *image = &copy->image;
	uint32_t lacking = 0;
	for (uint32_t i = 0; i < image->n_table; i++) {
		struct image_arena *arena = &image->arenas[i];
		arena->gathered = arena->in_use && is_due(copy, round, i);
		if (!arena->gathered)
			continue;
		uint32_t carved;
		struct pymalloc_arena_object now = pymalloc_image_object(image, i);
		arena->invalid = !pymalloc_geometry_fits(&image->geometry, &now, &carved);
		arena->unsettled = arena->invalid;
		arena->copied = arena->copied && !arena->invalid;
		arena->gathered = !arena->invalid;
		if (arena->invalid)
			continue;
		arena->seen = now;
		arena->carved = carved;
		lacking += arena->slot == PYMALLOC_SLOT_NONE;
	}
	return lacking;
}

static struct error *make_slot_room(struct pymalloc_copy *copy, bool frozen, uint32_t lacking)
{
	if (lacking <= copy->n_free_slots)
		return NULL;
	if (frozen) {
		copy->complete = false;
		return NULL;
	}
	uint64_t slots = (uint64_t)copy->slot_room + lacking - copy->n_free_slots;
	uint64_t room = copy->expects_stop ? pymalloc_room_slots_ahead(copy, slots) : slots;
	return pymalloc_room_reserve(copy, copy->table_room, room);
}

static void give_slots(struct pymalloc_copy *copy)
{
	struct pymalloc_image *image = &copy->image;
	for (uint32_t i = 0; i < copy->n_sorted; i++) {
		struct image_arena *arena = &image->arenas[copy->sorted[i]];
		if (!arena->gathered || arena->slot != PYMALLOC_SLOT_NONE)
			continue;
		arena->gathered = copy->n_free_slots > 0;
		if (arena->gathered)
			arena->slot = copy->free_slots[--copy->n_free_slots];
	}
}

/* Pools [from, to) of one arena. */
static struct space_slice slice_of(const struct pymalloc_image *image,
				   const struct image_arena *arena, uint32_t from, uint32_t to)
{
	raddr first = pymalloc_geometry_first_pool(&image->geometry, arena->seen.address);
	size_t place = pymalloc_image_place(image, arena, from);
	return (struct space_slice){
		.start = raddr_plus(first, from * image->geometry.pool_size),
		.stride = image->geometry.pool_size,
		.size = image->shape.header_size,
		.count = to - from,
		.bytes = image->headers + place * image->shape.header_size,
		.got = image->got + place,
	};
}

/* covered: the pools that the residency speaks of, else the others, carved after it was taken and
 * therefore just written. */
static size_t lay_slices(struct pymalloc_copy *copy, bool covered)
{
	const struct pymalloc_image *image = &copy->image;
	size_t n = 0;
	for (uint32_t i = 0; i < copy->n_sorted; i++) {
		const struct image_arena *arena = &image->arenas[copy->sorted[i]];
		uint32_t known = copy->has_residency ? arena->n_resident : 0;
		known = known < arena->carved ? known : arena->carved;
		uint32_t from = covered ? 0 : known, to = covered ? known : arena->carved;
		if (arena->gathered && from < to)
			copy->slices[n++] = slice_of(image, arena, from, to);
	}
	return n;
}

static struct error *gather(struct pymalloc_copy *copy, struct space *space)
{
	size_t n = lay_slices(copy, true);
	struct error *err = n ? space_gather(space, copy->slices, n, &copy->residency) : NULL;
	if (err)
		return err;
	n = lay_slices(copy, false);
	return n ? space_gather(space, copy->slices, n, NULL) : NULL;
}

/* ---- afterwards: what may be believed --------------------------------------------- */

static void mark_copied(struct pymalloc_copy *copy, bool frozen)
{
	for (uint32_t i = 0; i < copy->n_sorted; i++) {
		struct image_arena *arena = &copy->image.arenas[copy->sorted[i]];
		if (!arena->gathered)
			continue;
		arena->copied = true;
		arena->unchecked = frozen; /* judged later: the target must not wait for it */
		arena->unsettled = false;
	}
}

/* A carved pool was written to. Where none is, nor in swap, the arena went since the residency was taken, and another came to its
 * place in the same state: what is carved of that one was just written, and is asked for without. */
static bool is_another(const struct pymalloc_copy *copy, struct image_arena *arena)
{
	const struct pymalloc_image *image = &copy->image;
	struct space_slice pools = slice_of(image, arena, 0, arena->carved);
	if (!memchr(pools.got, SLICE_ABSENT, arena->carved))
		return false;
	for (uint32_t i = 0; i < arena->n_resident && i < arena->carved; i++) {
		uint64_t present, swapped;
		if (pools.got[i] != SLICE_ABSENT)
			continue;
		residency_count(&copy->residency, raddr_plus(pools.start, i * pools.stride),
				pools.size, &present, &swapped);
		if (swapped)
			continue;
		arena->n_resident = 0;
		return true;
	}
	return false;
}

/* The last pool of an arena was freed, and its memory given back, but not yet said so (obmalloc.c, 2.7 to 3.15: the arena
 * goes to unused_arena_objects, its memory to the kernel, address becomes 0, and last the count one less). */
static bool is_going(const struct pymalloc_image *image, const struct image_arena *arena)
{
	const struct pymalloc_arena_object *o = &arena->seen;
	if (!arena->copied || !arena->carved || o->nfreepools != o->ntotalpools)
		return false;
	const uint8_t *got = image->got + pymalloc_image_place(image, arena, 0);
	return !memchr(got, SLICE_READ, arena->carved) && !memchr(got, SLICE_ABSENT, arena->carved);
}

/* Most stops end system calls, so of a heap that shrinks many find one of its arenas so: what the interpreter does next is done
 * in the copy, which then is of the moment after. */
static void let_go(struct pymalloc_copy *copy)
{
	struct pymalloc_image *image = &copy->image;
	for (uint32_t i = 0; i < copy->n_sorted; i++) {
		uint32_t index = copy->sorted[i];
		struct image_arena *arena = &image->arenas[index];
		if (!is_going(image, arena))
			continue;
		size_t object = index * image->shape.arena_size;
		(void)bytes_put(image->table + object, image->shape.arena_size,
				image->shape.arena.address, 8, 0);
		image->words.word[WORD_ARENAS_CURRENT] -= image->words.got[WORD_ARENAS_CURRENT];
		release_slot(copy, arena);
	}
}

static void judge(struct pymalloc_copy *copy, const struct pymalloc_words *before)
{
	struct pymalloc_image *image = &copy->image;
	image->moved |= !pymalloc_words_equal(before, &image->words);
	for (uint32_t i = 0; i < image->n_table; i++) {
		struct image_arena *arena = &image->arenas[i];
		if (!arena->in_use || !arena->gathered)
			continue;
		struct pymalloc_arena_object now = pymalloc_image_object(image, i);
		bool changed = is_another(copy, arena) || !same_object(&now, &arena->seen);
		image->moved |= changed;
		arena->unsettled = changed || !pymalloc_image_agrees(image, i);
	}
}

/* Once borne out it stays: it is compiled in. What was assumed is asked again, but not under a
 * stop: another pool size would mean other buffers. */
static struct error *learn_geometry(struct pymalloc_copy *copy, struct space *space, bool frozen)
{
	struct pymalloc_image *image = &copy->image;
	struct pymalloc_geometry g = image->geometry;
	if (g.known && (!g.assumed || frozen))
		return NULL;
	struct error *err = pymalloc_geometry_derive(space, &image->shape, &image->words,
						     image->table, image->n_table, &g);
	if (err)
		return err;
	if (g.pools_per_arena != image->geometry.pools_per_arena) {
		release_from(copy, 0);
		pymalloc_room_drop_slots(copy);
	}
	image->geometry = g;
	return NULL;
}

static struct error *prepare(struct pymalloc_copy *copy, struct space *space,
			     const struct round *round)
{
	struct pymalloc_image *image = &copy->image;
	struct error *err = read_table(copy, space, round->frozen);
	if (err)
		return err;
	err = learn_geometry(copy, space, round->frozen);
	if (err)
		return err;
	if (!image->geometry.known)
		image->n_table = 0;
	take_stock(copy, space);
	if (!round->frozen && copy->n_sorted > 1)
		qsort_r(copy->sorted, copy->n_sorted, sizeof(*copy->sorted), compare_addresses,
			image->arenas);
	return make_slot_room(copy, round->frozen, mark_due(copy, round));
}

struct error *pymalloc_round_run(struct pymalloc_copy *copy, struct space *space,
				 const struct round *round)
{
	struct pymalloc_image *image = &copy->image;
	struct error *err = prepare(copy, space, round);
	if (err)
		return err;
	give_slots(copy);
	if (round->residency && !round->frozen) {
		err = take_residency(copy, space);
		if (err)
			return err;
		for (uint32_t i = 0; i < image->n_table; i++)
			image->arenas[i].n_resident = image->arenas[i].carved;
	}
	err = gather(copy, space);
	if (err)
		return err;
	mark_copied(copy, round->frozen);
	if (round->frozen) {
		let_go(copy);
		return NULL;
	}
	struct pymalloc_words before = image->words;
	err = read_table(copy, space, false);
	if (err)
		return err;
	take_stock(copy, space);
	judge(copy, &before);
	return NULL;
}
