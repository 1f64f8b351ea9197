/*
 * segment_world: a few of mimalloc's segments, written through the shape of a build, for the walk to read.
 *
 *	struct segment_world w;
 *	segment_world_init(&w, &segment_kinds[0], false);
 *	segment_world_add(&w);					segment 0
 *	segment_world_page(&w, 0, &(struct segment_page){.slice = 1, .count = 1, .block_size = 48, …});
 *	segment_world_finish(&w);				free spans, counts of pages
 */
#ifndef TESTS_UNIT_MIMALLOC_SEGMENT_WORLD_H
#define TESTS_UNIT_MIMALLOC_SEGMENT_WORLD_H

#include "inspector/mimalloc/mimalloc_copy.h"
#include "inspector/mimalloc/mimalloc_image.h"
#include "inspector/python/runtime.h"

#define SEGMENTS_MAX 4
#define WORLD_START  UINT64_C(0x20000000000)
#define WORLD_HEAP   UINT64_C(0x555500001000)
#define WORLD_KEY    UINT64_C(0x1122334455667788)

struct segment_page {
	uint32_t slice, count;
	uint64_t block_size;
	uint32_t capacity, reserved;
	uint32_t used;      /* blocks that are not on free and local_free: what the page says */
	uint32_t by_others; /* of those, on thread_free */
	uint32_t delayed;   /* of those, on the heap's list */
	bool abandoned, waits;
	unsigned tag;
};

/* Builds whose memory differs. */
struct segment_kind {
	struct mimalloc_flavour flavour;
	bool edition_2_2; /* of mimalloc, else 2.1.2 */
};

#define SEGMENT_KINDS 7

extern const struct segment_kind segment_kinds[SEGMENT_KINDS];

/* A page of small blocks, one of large ones, one that its thread left behind. */
enum { SEGMENT_SMALL, SEGMENT_MEDIUM, SEGMENT_LEFT_BEHIND, SEGMENT_PAGES };

extern const struct segment_page segment_pages[SEGMENT_PAGES];

struct segment_world {
	struct space space;
	struct layout layout;
	struct runtime runtime;
	struct runtime_interpreter interpreter;
	struct mimalloc_flavour flavour;
	struct mimalloc_shape shape;
	struct region regions[2];
	uint8_t *memory; /* of SEGMENTS_MAX segments */
	uint8_t heap[MIMALLOC_HEAP_MAX];
	uint64_t heap_keys[2];
	uint32_t n_segments, n_pages;
	bool tells_residency; /* of each slice all but its end is present */
};

void segment_world_init(struct segment_world *w, const struct segment_kind *kind,
			bool tells_residency);
void segment_world_add(struct segment_world *w);
void segment_world_page(struct segment_world *w, uint32_t segment, const struct segment_page *page);
void segment_world_finish(struct segment_world *w);
void segment_world_fini(struct segment_world *w);

struct mimalloc_request segment_world_request(const struct segment_world *w);

raddr segment_world_start(uint32_t segment);

/* A field of a segment's header, or of the page that begins at a slice. */
void segment_world_put(struct segment_world *w, uint32_t segment, enum mimalloc_field field,
		       uint64_t value);
void segment_world_put_page(struct segment_world *w, uint32_t segment, uint32_t slice,
			    enum mimalloc_field field, uint64_t value);
/* A word of the target's memory. */
void segment_world_word(struct segment_world *w, raddr at, uint64_t value);

#endif
