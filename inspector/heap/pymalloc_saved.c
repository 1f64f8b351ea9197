/*
 * pymalloc_saved: the copy's slots, handed out in order of address.
 *
 *	arenas   ┌ arena 7 ────────────┐   ┌ arena 2 ────────────┐
 *	headers  ▒    ▒    ▒    ▒          ▒    ▒    ▒    ▒        carved pools only
 */
#include "inspector/heap/pymalloc_saved.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/heap/pymalloc_room.h"

static int compare_starts(const void *a, const void *b)
{
	const struct pymalloc_saved_arena *left = a, *right = b;
	return raddr_compare(left->start, right->start);
}

static void drop_overlapping(struct pymalloc_saved_arenas *arenas)
{
	size_t kept = 0;
	raddr above = RADDR_NULL;
	for (size_t i = 0; i < arenas->list.count; i++) {
		const struct pymalloc_saved_arena *a = &arenas->list.items[i];
		if (raddr_compare(a->start, above) < 0)
			continue;
		above = raddr_plus(a->start, a->size);
		arenas->list.items[kept++] = *a;
	}
	arenas->list.count = kept;
}

struct error *pymalloc_saved_add(const struct pymalloc_copy *copy, struct pymalloc_saved_arenas *to)
{
	const struct pymalloc_image *image = &copy->image;
	for (uint32_t i = 0; i < image->n_table; i++) {
		const struct image_arena *arena = &image->arenas[i];
		bool copied = arena->copied && arena->slot != PYMALLOC_SLOT_NONE;
		if (!arena->in_use || arena->invalid)
			continue;
		struct pymalloc_saved_arena *place = vec_push(&to->list);
		if (!place)
			return error_out_of_memory();
		*place = (struct pymalloc_saved_arena){
			.copy = copy,
			.start = arena->seen.address,
			.size = image->geometry.arena_size,
			.index = i,
			.n_pools = copied ? arena->carved : 0,
			.stopped = arena->unchecked,
		};
	}
	if (to->list.count > 1)
		qsort(to->list.items, to->list.count, sizeof(to->list.items[0]), compare_starts);
	drop_overlapping(to);
	return NULL;
}

void pymalloc_saved_fini(struct pymalloc_saved_arenas *arenas)
{
	vec_fini(&arenas->list);
}

size_t pymalloc_saved_header_size(const struct pymalloc_saved_arena *arena)
{
	return arena->copy->image.shape.header_size;
}

uint64_t pymalloc_saved_pool_size(const struct pymalloc_saved_arenas *arenas)
{
	return arenas->list.count ? arenas->list.items[0].copy->image.geometry.pool_size : 0;
}

size_t pymalloc_saved_above(const struct pymalloc_saved_arenas *arenas, raddr at)
{
	size_t low = 0, high = arenas->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct pymalloc_saved_arena *a = &arenas->list.items[middle];
		if (at.value >= a->start.value && !raddr_in(at, a->start, a->size))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool pymalloc_saved_header(const struct pymalloc_saved_arena *arena, uint32_t pool,
			   struct pymalloc_saved_range *ret)
{
	const struct pymalloc_image *image = &arena->copy->image;
	size_t place = pymalloc_image_place(image, &image->arenas[arena->index], pool);
	if (pymalloc_image_got(image, place) != SLICE_READ)
		return false;
	raddr first = pymalloc_geometry_first_pool(&image->geometry, arena->start);
	*ret = (struct pymalloc_saved_range){
		.start = raddr_plus(first, pool * image->geometry.pool_size),
		.bytes = image->headers + place * image->shape.header_size,
		.size = image->shape.header_size,
	};
	return true;
}

/* What decides whether pools agree; the links stay those of the last reading, as the words do. */
static void put_seen(const struct pymalloc_image *image, uint32_t index, uint8_t *object)
{
	const struct pymalloc_shape *shape = &image->shape;
	const struct pymalloc_arena_object *seen = &image->arenas[index].seen;
	size_t size = shape->arena_size;
	(void)bytes_put(object, size, shape->arena.address, 8, seen->address.value);
	(void)bytes_put(object, size, shape->arena.pool_address, 8, seen->pool_address.value);
	(void)bytes_put(object, size, shape->arena.freepools, 8, seen->freepools.value);
	(void)bytes_put(object, size, shape->arena.nfreepools, 4, seen->nfreepools);
	(void)bytes_put(object, size, shape->arena.ntotalpools, 4, seen->ntotalpools);
}

struct error *pymalloc_saved_table(const struct pymalloc_copy *copy, raddr *ret_start,
				   uint8_t **ret, size_t *ret_size)
{
	const struct pymalloc_image *image = &copy->image;
	size_t size = image->n_table * image->shape.arena_size;
	*ret = NULL;
	*ret_size = 0;
	*ret_start = raddr_at(image->words.word[WORD_ARENAS]);
	if (size == 0 || image->words_unreadable || image->table_unreadable)
		return NULL;
	uint8_t *table = malloc(size);
	if (!table)
		return error_out_of_memory();
	memcpy(table, image->table, size);
	for (uint32_t i = 0; i < image->n_table; i++) {
		const struct image_arena *arena = &image->arenas[i];
		if (arena->in_use && arena->copied && !arena->invalid)
			put_seen(image, i, table + i * image->shape.arena_size);
	}
	*ret = table;
	*ret_size = size;
	return NULL;
}

enum space_moment pymalloc_saved_moment(const struct pymalloc_copy *copy)
{
	const struct pymalloc_image *image = &copy->image;
	if (image->frozen && copy->complete)
		return SPACE_ONE;
	for (uint32_t i = 0; i < image->n_table; i++)
		if (image->arenas[i].in_use && image->arenas[i].unchecked)
			return SPACE_MANY; /* some under a stop, some before */
	return image->moved || !copy->complete ? SPACE_MANY : SPACE_UNKNOWN;
}
