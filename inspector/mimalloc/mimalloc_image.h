/*
 * mimalloc_image: what a copy knows of segments, pages and heaps, before it becomes facts.
 *
 *	segments   ascending address; each has room for 512 pages, one a slice:
 *	pages      [segment 0: ▉ . . ▉ ▉ . … ][segment 1: ▉ ▉ …     a page stands at its first slice
 *	heaps      ascending address: those that the pages name
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_IMAGE_H
#define INSPECTOR_MIMALLOC_MIMALLOC_IMAGE_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/mimalloc/mimalloc_shape.h"
#include "inspector/target/residency/residency.h"

#include <sys/types.h>

struct mimalloc_page_image {
	raddr start; /* of its first block */
	uint64_t block_size;
	uint32_t slice_count; /* 0: no page begins at this slice */
	uint32_t capacity, reserved, used;
	uint32_t n_free;        /* blocks of free and local_free */
	uint32_t n_thread_free; /* freed by other threads: counted as used */
	uint32_t n_delayed;     /* the same, on its heap's list */
	raddr free, local_free, thread_free;
	raddr heap; /* null: abandoned */
	uint64_t keys[2];
	uint8_t tag;
	bool waits;    /* for QSBR */
	bool followed; /* its lists were, and led where they must */
	bool agrees;   /* capacity == used + n_free */
	/* Of its slices; all 0 unless the copy is for a ledger. */
	struct residency_tally live, kept, overhead;
};

struct mimalloc_segment_image {
	raddr start;
	uint64_t size;      /* bytes */
	uint64_t thread_id; /* 0: abandoned */
	raddr abandoned_next;
	uint32_t info_slices, entries; /* slices of its own header; slots of its table in use */
	uint32_t slot;                 /* its pages start at pages[slot * MIMALLOC_SLICES] */
	uint32_t used, n_pages;        /* as it says, and as found (pages in the making, too) */
	uint64_t spans;                /* bytes of slices that are in no page */
	bool huge;
	bool retired;   /* given back to its arena, where it waits to be purged or used again */
	bool agrees;    /* its table of slices is whole */
	uint32_t owner; /* an abandoned one's: index of the interpreter */
	struct residency_tally info, span; /* of its header, of slices that are in no page */
};

struct mimalloc_heap_image {
	raddr at;
	raddr delayed; /* its list of blocks that other threads freed */
	uint64_t thread_id;
	uint64_t page_count; /* as it says */
	uint64_t n_pages;    /* as found */
	uint64_t keys[2];
	uint8_t tag;
	bool read;
	pid_t thread;   /* 0: not known */
	uint32_t owner; /* index of the interpreter */
};

struct mimalloc_thread_image {
	raddr state; /* PyThreadState */
	uint64_t thread_id;
	pid_t tid;
	uint32_t owner;
};

struct mimalloc_image {
	struct mimalloc_shape shape;
	bool has_shape; /* false: no segment was found that any shape fits */
	VEC(struct mimalloc_segment_image) segments;
	struct mimalloc_page_image *pages; /* n_slots * MIMALLOC_SLICES */
	uint32_t n_slots;
	VEC(struct mimalloc_heap_image) heaps;
	VEC(struct mimalloc_thread_image) threads; /* ascending state */
	VEC(raddr) delayed;                        /* blocks, ascending */
	struct residency residency;                /* of all segments */
	bool has_residency;
	uint64_t key;       /* what every cookie of a segment is its address mixed with */
	uint64_t n_foreign; /* segments with another: of another copy of mimalloc */
	uint64_t n_lost;    /* heaps and threads that could not be read */
	bool complete;      /* nothing was left out for want of room */
};

static inline struct mimalloc_page_image *mimalloc_image_pages(
	const struct mimalloc_image *image, const struct mimalloc_segment_image *segment)
{
	return &image->pages[(size_t)segment->slot * MIMALLOC_SLICES];
}

/* The segment that holds an address; NULL. */
struct mimalloc_segment_image *mimalloc_image_segment(const struct mimalloc_image *image, raddr at);

/* The heap at an address; NULL. */
struct mimalloc_heap_image *mimalloc_image_heap(const struct mimalloc_image *image, raddr at);

void mimalloc_image_fini(struct mimalloc_image *image);

/* The blocks of a page that are in use. */
static inline uint32_t mimalloc_image_live(const struct mimalloc_page_image *p)
{
	uint32_t freed = p->n_thread_free + p->n_delayed;
	return p->used > freed ? p->used - freed : 0;
}

/* Bytes of its slices. */
static inline uint64_t mimalloc_image_extent(const struct mimalloc_page_image *p)
{
	return (uint64_t)p->slice_count * MIMALLOC_SLICE;
}

#endif
