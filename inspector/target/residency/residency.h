/*
 * residency: which pages of some ranges are in RAM, which are swapped out.
 *
 * Taken before anything is read, because reading changes it: a read of a page
 * that was never touched maps the zero page, one of a swapped page brings it back.
 */
#ifndef INSPECTOR_TARGET_RESIDENCY_H
#define INSPECTOR_TARGET_RESIDENCY_H

#include "base/raddr.h"
#include "base/vec.h"

/* What else is known of present pages, where it was asked for (space_residency_in_detail). */
enum residency_trait {
	RESIDENCY_FILE = 1, /* of a file, or shared memory */
	RESIDENCY_HUGE = 2, /* part of a huge page */
	RESIDENCY_SHARED =
		4, /* anonymous, and not written since a fork: another process has it, too */
	RESIDENCY_UNSURE =
		8, /* with SHARED: it may be the page of zeros instead, which is nobody's */
};

struct residency_range {
	raddr start;
	uint64_t size;
	bool swapped;   /* else present */
	uint8_t traits; /* an or of enum residency_trait; 0 where nobody asked */
};

/* Bytes; file, huge and shared are parts of present. */
struct residency_tally {
	uint64_t present, swapped;
	uint64_t file, huge, shared;
};

struct residency {
	VEC(struct residency_range) ranges; /* ascending, disjoint, neighbours of one sort merged */
};

#define RESIDENCY_EMPTY   \
	{                 \
		VEC_EMPTY \
	}

/* Adds a range; ranges come in ascending order. False: out of memory. */
bool residency_add(struct residency *r, raddr start, uint64_t size, bool swapped);

/* The same with traits; neighbours of other traits stay apart. */
bool residency_add_traits(struct residency *r, raddr start, uint64_t size, bool swapped,
			  unsigned traits);

/* Whether all of [at, at + size) is present. */
bool residency_present(const struct residency *r, raddr at, uint64_t size);

/* The same for one who asks upwards: *near, 0 at first, remembers where the last answer was. */
bool residency_present_near(const struct residency *r, raddr at, uint64_t size, size_t *near);

/* The first range that ends above `at`, looked for from index `near` on; the count if none. */
size_t residency_find(const struct residency *r, raddr at, size_t near);

/* Bytes of [start, start + size) that are present, and that are swapped out. */
void residency_count(const struct residency *r, raddr start, uint64_t size, uint64_t *ret_present,
		     uint64_t *ret_swapped);

/* The same, added to *to, with traits, for one who asks upwards: *near as above. To the byte: of a page of
 * which half lies inside, half is counted. */
void residency_tally(const struct residency *r, raddr start, uint64_t size, size_t *near,
		     struct residency_tally *to);

/* Adds one's sums to those of another. */
void residency_tally_add(struct residency_tally *to, const struct residency_tally *one);

/* Forgets all ranges, keeping the room. */
void residency_clear(struct residency *r);
void residency_fini(struct residency *r);

#endif
