/*
 * save_heap: malloc's heaps once more, as of one moment.
 *
 * Pages are saved while the process runs, window by window. In one that allocates all the time the chunks of one window
 * would not lead to those of the next, nor malloc's variables to any: everything behind the first such break would be
 * nobody's, tables of dicts and types among it.
 */
#ifndef INSPECTOR_SAVE_SAVE_HEAP_H
#define INSPECTOR_SAVE_SAVE_HEAP_H

#include "inspector/malloc/glibc_arena.h"
#include "inspector/save/redact.h"
#include "inspector/save/save_log.h"
#include "inspector/target/process/procfs.h"

/* A heap, or pages with malloc's variables. */
struct save_range {
	raddr start;
	uint64_t size;
	uint64_t at; /* where its bytes begin */
	size_t head; /* so many at its start change with nearly every request; 0: it is no heap */
};

struct save_heap {
	const struct origin *origin; /* borrowed */
	struct space *space;         /* borrowed */
	struct procfs_stat before;   /* any page was saved */
	struct glibc_place place;
	VEC(struct save_range) ranges; /* ascending, disjoint */
	VEC(uint8_t) bytes;            /* of all ranges, one behind the other */
	uint64_t size;                 /* the same, in bytes */
	struct residency residency;    /* what of them was read */
	VEC(struct space_slice) slices;
	VEC(uint8_t) got;
};

#define SAVE_HEAP_EMPTY \
	((struct save_heap){.place = GLIBC_PLACE_EMPTY, .residency = RESIDENCY_EMPTY})

/* Before any page is saved. The caller's to save_heap_fini(), also on failure. ERROR_GONE. */
struct error *save_heap_watch(const struct origin *origin, struct space *space,
			      struct save_heap *ret) MUST_CHECK;
void save_heap_fini(struct save_heap *heap);

/* Whether the process has been at work since then. ERROR_GONE. */
struct error *save_heap_moved(const struct save_heap *heap, bool *ret) MUST_CHECK;

/*
 * Reads all heaps and malloc's variables at a stroke, again while they change meanwhile; the space has the regions of
 * that moment then. *ret false: they have more than max_size bytes, are not glibc's, or pages of theirs
 * went before they were read: then nothing was. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *save_heap_read(struct save_heap *heap, uint64_t max_size, bool *ret) MUST_CHECK;

/* What is resident by `all`, but of what was read as it was then: pages that came or went since are of another moment than
 * the heap. The caller's to residency_fini(). False: out of memory. */
bool save_heap_residency(const struct save_heap *heap, const struct residency *all,
			 struct residency *ret);

/* Adds what was read to the log, under what else is there. redactor: made since it was read, it blanks the heaps; NULL:
 * nothing is blanked. ERROR_RESOURCE. */
struct error *save_heap_log(struct save_heap *heap, struct redactor *redactor,
			    struct save_log *log) MUST_CHECK;

#endif
