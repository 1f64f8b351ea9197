/*
 * glibc_arena: one arena's own variables, and the ranges of memory that it lies in.
 *
 *	main    [ brk ─────────▶ top ]   or, where brk was blocked, [ brk ] and runs of mmap
 *	other   [ heap │ arena │ chunks ] ◀─prev─ [ heap │ chunks ──▶ top ]
 */
#ifndef INSPECTOR_MALLOC_GLIBC_ARENA_H
#define INSPECTOR_MALLOC_GLIBC_ARENA_H

#include "inspector/malloc/glibc_place.h"

/* struct malloc_state, copied. */
struct glibc_state {
	raddr at;
	uint8_t bytes[GLIBC_STATE_MAX];
	uint32_t lock, flags;
	uint64_t top, top_size; /* 0: it cannot be read */
	uint64_t system, system_max, attached;
	bool main, blank; /* blank: nothing was ever allocated from it */
};

/* A range that chunks follow each other in. */
struct glibc_segment {
	uint64_t start; /* what counts as the arena's */
	uint64_t first; /* the first chunk */
	uint64_t end;   /* of the last, or of the end mark behind it */
	uint64_t kept;  /* end of pages behind that, given back but still mapped */
	bool open;      /* it may end before `end`: where its end mark stands */
};

struct glibc_segments {
	VEC(struct glibc_segment) list; /* ascending */
	bool broken;                    /* the chain of heaps could not be followed to its end */
};

/* False: it cannot be read. */
bool glibc_state_read(struct space *space, const struct glibc_place *place, raddr at,
		      struct glibc_state *ret);

/* Whether two copies are of one state. */
bool glibc_state_equal(const struct glibc_place *place, const struct glibc_state *a,
		       const struct glibc_state *b);

/* The address that bin i has as a chunk, and its links. */
uint64_t glibc_state_bin(const struct glibc_place *place, const struct glibc_state *state, size_t i,
			 uint64_t *ret_fd, uint64_t *ret_bk);

/* Fills the list anew. runs: of the main arena, where brk was blocked (glibc_mapped.h); ascending.
 * ERROR_RESOURCE. */
struct error *glibc_segments_find(struct space *space, const struct glibc_place *place,
				  const struct glibc_state *state,
				  const struct glibc_segments *runs,
				  struct glibc_segments *ret) MUST_CHECK;
void glibc_segments_fini(struct glibc_segments *segments);

/* Adds one, keeping the order; false: out of memory. */
bool glibc_segments_add(struct glibc_segments *segments, struct glibc_segment one);

/* The one that holds an address, or NULL. */
const struct glibc_segment *glibc_segments_of(const struct glibc_segments *segments, uint64_t at);

#endif
