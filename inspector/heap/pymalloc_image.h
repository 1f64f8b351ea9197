/*
 * pymalloc_image: one allocator as it was copied: its variables, arenas[] as of the
 * last reading, and for each arena in use a slot with the headers of its pools.
 *
 *	table    [obj 0][obj 1][obj 2] …              arenas[], raw
 *	arenas   [slot 1][ – ][slot 0] …              same index: what was copied, and how it went
 *	headers  ┌ slot 0: pool 0, 1, 2 … ┬ slot 1 …  raw, carved pools only
 *	got      └ slot 0: a byte a pool  ┴ slot 1 …  enum slice_got
 *
 * The copier fills it, the checks and the walk take it as const.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_IMAGE_H
#define INSPECTOR_HEAP_PYMALLOC_IMAGE_H

#include "inspector/heap/pymalloc_geometry.h"

#define PYMALLOC_SLOT_NONE UINT32_MAX

struct image_arena {
	struct pymalloc_arena_object seen; /* under which its pools were copied */
	uint32_t carved;                   /* pools below pool_address */
	uint32_t slot;
	uint32_t n_resident; /* the first so many pools are covered by the residency */
	bool in_use;         /* address set in the last table */
	bool invalid;        /* no object of this geometry */
	bool gathered;       /* in the round under way */
	bool copied;         /* its slot holds its pools */
	bool unsettled;      /* it changed while it was copied, or its pools disagree with it */
	bool unchecked;      /* copied under a stop: whether pools and counters agree comes later */
};

struct pymalloc_image {
	struct pymalloc_shape shape;
	struct pymalloc_geometry geometry;
	struct pymalloc_words words;
	uint8_t *table;
	uint32_t n_table; /* objects */
	struct image_arena *arenas;
	uint8_t *headers, *got;
	uint32_t n_slots;
	raddr used_at; /* of usedpools, in the target */
	bool words_unreadable, table_unreadable;
	bool frozen; /* all of it is of one moment */
	bool moved;  /* the heap was seen to change while it was copied */
};

static inline struct pymalloc_arena_object pymalloc_image_object(const struct pymalloc_image *image,
								 uint32_t index)
{
	return pymalloc_shape_arena(&image->shape, image->table + index * image->shape.arena_size);
}

/* The place of a pool in headers and got, counted in pools. */
static inline size_t pymalloc_image_place(const struct pymalloc_image *image,
					  const struct image_arena *arena, uint32_t pool)
{
	return (size_t)arena->slot * image->geometry.pools_per_arena + pool;
}

static inline struct pymalloc_header pymalloc_image_header(const struct pymalloc_image *image,
							   size_t place)
{
	return pymalloc_shape_header(&image->shape,
				     image->headers + place * image->shape.header_size);
}

static inline enum slice_got pymalloc_image_got(const struct pymalloc_image *image, size_t place)
{
	return (enum slice_got)image->got[place];
}

/* Index in arenas[] of the object at `at`; false: none is there. */
bool pymalloc_image_index(const struct pymalloc_image *image, raddr at, uint32_t *ret);

/* Whether a header of a pool in use can have been written by an interpreter. */
bool pymalloc_image_plausible(const struct pymalloc_image *image,
			      const struct pymalloc_header *header, uint32_t arena_index);

/* Whether a copied arena's pools agree with its counters and its list of empty pools. */
bool pymalloc_image_agrees(const struct pymalloc_image *image, uint32_t index);

/* The same, or what the copier already found. */
bool pymalloc_image_settled(const struct pymalloc_image *image, uint32_t index);

/* The copied arenas in order of address, to find a pool by its address. */
struct image_order {
	struct {
		uint64_t start;
		uint32_t index;
	} * items;
	size_t count;
	uint32_t n_overlapping; /* left out: they claim the memory of another */
};

/* Fills *ret with the arenas in use, ascending; out of memory is ERROR_RESOURCE. */
struct error *pymalloc_image_sort(const struct pymalloc_image *image,
				  struct image_order *ret) MUST_CHECK;
void pymalloc_image_order_fini(struct image_order *order);

/* The copied pool that starts at `at`: its arena's index and its number there; false: none. */
bool pymalloc_image_find(const struct pymalloc_image *image, const struct image_order *order,
			 raddr at, uint32_t *ret_arena, uint32_t *ret_pool);

#endif
