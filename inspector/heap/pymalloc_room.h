/*
 * pymalloc_room: a copy with its buffers: a few large ones that only grow, written
 * as soon as they are there, so that a copy under a stop neither allocates nor
 * takes page faults.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_ROOM_H
#define INSPECTOR_HEAP_PYMALLOC_ROOM_H

#include "inspector/heap/pymalloc_image.h"

struct pymalloc_copy {
	struct pymalloc_image image;
	struct pymalloc_roots roots;
	uint64_t max_memory;
	uint32_t table_room; /* objects: of image.table, image.arenas, sorted, slices */
	uint32_t slot_room;  /* slots that headers and got have room for */
	uint32_t *free_slots;
	uint32_t n_free_slots;
	uint32_t *sorted; /* indexes of arenas in use, about in order of address */
	uint32_t n_sorted;
	struct space_slice *slices; /* two an arena: covered by the residency, and not */
	struct residency residency;
	bool has_residency, residency_failed;
	bool complete;
	bool expects_stop;
	unsigned turn;
};

/* Room for so many objects of arenas[] and so many slots. ERROR_RESOURCE; what was there is kept. */
struct error *pymalloc_room_reserve(struct pymalloc_copy *copy, uint64_t objects,
				    uint64_t slots) MUST_CHECK;

/* Objects and slots to make room for before a stop, for a heap that has so many. */
uint64_t pymalloc_room_objects_ahead(uint64_t objects);
uint64_t pymalloc_room_slots_ahead(const struct pymalloc_copy *copy, uint64_t slots);

/* The bytes of this copy's buffers, and of the facts a walk will make of it. */
uint64_t pymalloc_room_bytes(const struct pymalloc_copy *copy, uint64_t objects, uint64_t slots);

/* Forgets all slots, of which none may be in use: for another size of arena. */
void pymalloc_room_drop_slots(struct pymalloc_copy *copy);

void pymalloc_room_fini(struct pymalloc_copy *copy);

#endif
