/*
 * mimalloc_shape: where mimalloc's structures keep what the walk needs.
 *
 * From the build's own debug information; where there is none, one of the recorded
 * shapes, to be believed only as far as whole segments bear it out.
 *
 * Source: Include/internal/mimalloc/mimalloc/types.h, 3.13 to 3.15 (mimalloc 2.1.2; 2.2 in the later
 * ones of 3.14 and 3.15).
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_SHAPE_H
#define INSPECTOR_MIMALLOC_MIMALLOC_SHAPE_H

#include "symbols/layout.h"

#define MIMALLOC_SEGMENT_ALIGNMENT (UINT64_C(32) << 20)
#define MIMALLOC_SLICE             (UINT64_C(64) << 10) /* bytes of memory that a slice stands for */
#define MIMALLOC_SLICES            512                  /* entries of a segment's table at most */
#define MIMALLOC_HEADER_MAX        512                  /* bytes of a segment before that table */
#define MIMALLOC_PAGE_MAX          256                  /* bytes of a page's struct */
#define MIMALLOC_HEAP_MAX          4096                 /* bytes of a heap's */

enum mimalloc_struct { MIMALLOC_OF_SEGMENT, MIMALLOC_OF_PAGE, MIMALLOC_OF_HEAP };

/* name, struct, entry of the layout, whether a build may do without it */
#define MIMALLOC_FIELDS(X)                                                  \
	X(SEGMENT_BYTES, SEGMENT, MI_SEGMENT_BYTES, false)                  \
	X(SEGMENT_ABANDONED_NEXT, SEGMENT, MI_SEGMENT_ABANDONED_NEXT, true) \
	X(SEGMENT_USED, SEGMENT, MI_SEGMENT_USED, false)                    \
	X(SEGMENT_COOKIE, SEGMENT, MI_SEGMENT_COOKIE, false)                \
	X(SEGMENT_SLICES, SEGMENT, MI_SEGMENT_SLICES, false)                \
	X(SEGMENT_INFO_SLICES, SEGMENT, MI_SEGMENT_INFO_SLICES, false)      \
	X(SEGMENT_KIND, SEGMENT, MI_SEGMENT_KIND, false)                    \
	X(SEGMENT_ENTRIES, SEGMENT, MI_SEGMENT_ENTRIES, false)              \
	X(SEGMENT_THREAD_ID, SEGMENT, MI_SEGMENT_THREAD_ID, false)          \
	X(PAGE_SLICE_COUNT, PAGE, MI_PAGE_SLICE_COUNT, false)               \
	X(PAGE_SLICE_OFFSET, PAGE, MI_PAGE_SLICE_OFFSET, false)             \
	X(PAGE_CAPACITY, PAGE, MI_PAGE_CAPACITY, false)                     \
	X(PAGE_RESERVED, PAGE, MI_PAGE_RESERVED, false)                     \
	X(PAGE_FREE, PAGE, MI_PAGE_FREE, false)                             \
	X(PAGE_USED, PAGE, MI_PAGE_USED, false)                             \
	X(PAGE_BLOCK_SIZE, PAGE, MI_PAGE_BLOCK_SIZE, false)                 \
	X(PAGE_START, PAGE, MI_PAGE_START, true)                            \
	X(PAGE_HEAP_TAG, PAGE, MI_PAGE_HEAP_TAG, true)                      \
	X(PAGE_LOCAL_FREE, PAGE, MI_PAGE_LOCAL_FREE, false)                 \
	X(PAGE_KEYS, PAGE, MI_PAGE_KEYS, true)                              \
	X(PAGE_THREAD_FREE, PAGE, MI_PAGE_THREAD_FREE, false)               \
	X(PAGE_HEAP, PAGE, MI_PAGE_HEAP, false)                             \
	X(PAGE_QSBR_GOAL, PAGE, MI_PAGE_QSBR_GOAL, true)                    \
	X(HEAP_DELAYED_FREE, HEAP, MI_HEAP_DELAYED_FREE, false)             \
	X(HEAP_THREAD_ID, HEAP, MI_HEAP_THREAD_ID, false)                   \
	X(HEAP_COOKIE, HEAP, MI_HEAP_COOKIE, false)                         \
	X(HEAP_KEYS, HEAP, MI_HEAP_KEYS, false)                             \
	X(HEAP_PAGE_COUNT, HEAP, MI_HEAP_PAGE_COUNT, false)                 \
	X(HEAP_TAG, HEAP, MI_HEAP_TAG, false)

enum mimalloc_field {
#define MIMALLOC_FIELD_ENUM(name, of, entry, optional) MIMALLOC_##name,
	MIMALLOC_FIELDS(MIMALLOC_FIELD_ENUM)
#undef MIMALLOC_FIELD_ENUM
		MIMALLOC_FIELD_COUNT
};

struct mimalloc_place {
	uint16_t offset; /* bytes from the struct's start */
	uint8_t width;   /* bytes; 0: this build has none */
};

struct mimalloc_shape {
	struct mimalloc_place fields[MIMALLOC_FIELD_COUNT];
	uint32_t header_size; /* bytes of a segment before its table of slices */
	uint32_t page_size;   /* bytes of a page's struct: of an entry of that table */
	uint32_t heap_size;
};

/* What is known of the build where its layout does not say it. */
struct mimalloc_flavour {
	bool free_threaded, debug_build;
	uint32_t version_hex;
};

#define MIMALLOC_SHAPES_MAX 2

/* The shapes that this build may have, the only one if its debug information tells; returns how many. Every
 * field lies inside its struct. */
size_t mimalloc_shapes(const struct layout *layout, const struct mimalloc_flavour *flavour,
		       struct mimalloc_shape ret[MIMALLOC_SHAPES_MAX]);

/* A field of a local copy of its struct; 0 where this build has none. `size`: bytes of the copy. */
uint64_t mimalloc_get(const struct mimalloc_shape *shape, enum mimalloc_field field,
		      const uint8_t *bytes, size_t size);

/* The second word of the two keys that encode free lists begins 8 bytes behind the first. */
void mimalloc_get_keys(const struct mimalloc_shape *shape, enum mimalloc_field field,
		       const uint8_t *bytes, size_t size, uint64_t ret[2]);

static inline bool mimalloc_has(const struct mimalloc_shape *shape, enum mimalloc_field field)
{
	return shape->fields[field].width != 0;
}

/* Bytes of a page before its first block, where it does not say so itself (_mi_segment_page_start_from_slice() in
 * Objects/mimalloc/segment.c, 2.1.2). */
uint64_t mimalloc_start_offset(uint64_t block_size);

/* Which of a thread's heaps the page is of: 0 mem, 1 object, 2 gc, 3 gc_pre. */
unsigned mimalloc_page_tag(const struct mimalloc_shape *shape, const uint8_t *bytes, size_t size);

#endif
