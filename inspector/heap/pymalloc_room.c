/*
 * pymalloc_room: memory that was never touched costs a page fault a page; under a
 * stop that would be most of the pause. So what grows is written at once.
 */
#include "inspector/heap/pymalloc_room.h"

#include "base/cleanup.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE      UINT64_C(4096)
#define HUGE_PAGE (2 * MIB)
#define SLACK_MAX (8 * MIB)

/* Of a buffer of many MiB: some hundred page faults instead of ten thousand. Only a hint. All of its pages, so that it stays one
 * mapping: of two, mremap(2) would move neither, and realloc(3) would need room for both. */
static void hint_huge(uint8_t *bytes, size_t size)
{
	uintptr_t start = (uintptr_t)bytes / PAGE * PAGE;
	if (size >= HUGE_PAGE)
		(void)madvise((void *)start, size_align_up((uintptr_t)bytes + size, PAGE) - start,
			      MADV_HUGEPAGE);
}

/* Grows one buffer from `had` to `want` elements; the new ones are zero. */
static bool grow(void *buffer, size_t had, size_t want, size_t size)
{
	void **items = buffer;
	void *moved = reallocarray(*items, want, size);
	if (!moved)
		return false;
	hint_huge(moved, want * size);
	memset((uint8_t *)moved + had * size, 0, (want - had) * size);
	*items = moved;
	return true;
}

uint64_t pymalloc_room_bytes(const struct pymalloc_copy *copy, uint64_t objects, uint64_t slots)
{
	const struct pymalloc_image *image = &copy->image;
	uint64_t a_pool = image->shape.header_size + 1 + sizeof(struct pymalloc_pool);
	uint64_t an_object = image->shape.arena_size + sizeof(struct image_arena) +
			     2 * sizeof(struct space_slice) + sizeof(uint32_t);
	uint64_t pools = size_multiply(slots, image->geometry.pools_per_arena);
	return size_add(size_multiply(pools, a_pool), size_multiply(objects, an_object));
}

static bool grow_table(struct pymalloc_copy *copy, uint32_t objects)
{
	struct pymalloc_image *image = &copy->image;
	uint32_t had = copy->table_room;
	if (objects <= had)
		return true;
	if (!grow(&image->table, had, objects, image->shape.arena_size) ||
	    !grow(&image->arenas, had, objects, sizeof(*image->arenas)) ||
	    !grow(&copy->sorted, had, objects, sizeof(*copy->sorted)) ||
	    !grow(&copy->slices, 2 * (size_t)had, 2 * (size_t)objects, sizeof(*copy->slices)))
		return false;
	for (uint32_t i = had; i < objects; i++)
		image->arenas[i].slot = PYMALLOC_SLOT_NONE;
	copy->table_room = objects;
	return true;
}

static bool grow_slots(struct pymalloc_copy *copy, uint32_t slots)
{
	struct pymalloc_image *image = &copy->image;
	size_t per_slot = image->geometry.pools_per_arena;
	uint32_t had = copy->slot_room;
	if (slots <= had)
		return true;
	if (!grow(&image->headers, had * per_slot, slots * per_slot, image->shape.header_size) ||
	    !grow(&image->got, had * per_slot, slots * per_slot, 1) ||
	    !grow(&copy->free_slots, had, slots, sizeof(*copy->free_slots)))
		return false;
	for (uint32_t i = slots; i > had; i--)
		copy->free_slots[copy->n_free_slots++] = i - 1;
	copy->slot_room = image->n_slots = slots;
	return true;
}

struct error *pymalloc_room_reserve(struct pymalloc_copy *copy, uint64_t objects, uint64_t slots)
{
	uint64_t needed = pymalloc_room_bytes(copy, objects, slots);
	if ((copy->max_memory && needed > copy->max_memory) || objects > UINT32_MAX / 2 ||
	    slots > UINT32_MAX / 2) {
		struct error *err = error_new(ERROR_RESOURCE,
					      "copying this heap's pool headers takes %" PRIu64
					      " KiB of memory, and %" PRIu64 " KiB may be used",
					      needed / KIB + 1, copy->max_memory / KIB);
		return error_remedy(err, "allow more with --max-memory, or run arenascope outside "
					 "of the process's memory cgroup");
	}
	if (!grow_table(copy, (uint32_t)objects) || !grow_slots(copy, (uint32_t)slots))
		return error_out_of_memory();
	return NULL;
}

uint64_t pymalloc_room_objects_ahead(uint64_t objects)
{
	return size_multiply(objects, 2); /* CPython doubles arenas[] */
}

/* Half of what it has, of a large heap an eighth, for none grows by gigabytes in the meantime. */
uint64_t pymalloc_room_slots_ahead(const struct pymalloc_copy *copy, uint64_t slots)
{
	uint64_t slot_size = copy->image.shape.header_size * copy->image.geometry.pools_per_arena;
	uint64_t cap = size_max(SLACK_MAX / slot_size, slots / 8);
	return slots + size_min(slots / 2, cap) + 16;
}

void pymalloc_room_drop_slots(struct pymalloc_copy *copy)
{
	free(take(copy->image.headers));
	free(take(copy->image.got));
	free(take(copy->free_slots));
	copy->slot_room = copy->n_free_slots = copy->image.n_slots = 0;
}

void pymalloc_room_fini(struct pymalloc_copy *copy)
{
	free(copy->image.table);
	free(copy->image.arenas);
	free(copy->image.headers);
	free(copy->image.got);
	free(copy->sorted);
	free(copy->slices);
	free(copy->free_slots);
	residency_fini(&copy->residency);
}
