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

struct residency_range {
	raddr start;
	uint64_t size;
	bool swapped; /* else present */
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

/* Whether all of [at, at + size) is present. */
bool residency_present(const struct residency *r, raddr at, uint64_t size);

/* The same for one who asks upwards: *near, 0 at first, remembers where the last answer was. */
bool residency_present_near(const struct residency *r, raddr at, uint64_t size, size_t *near);

/* The first range that ends above `at`, looked for from index `near` on; the count if none. */
size_t residency_find(const struct residency *r, raddr at, size_t near);

/* Bytes of [start, start + size) that are present, and that are swapped out. */
void residency_count(const struct residency *r, raddr start, uint64_t size, uint64_t *ret_present,
		     uint64_t *ret_swapped);

/* Forgets all ranges, keeping the room. */
void residency_clear(struct residency *r);
void residency_fini(struct residency *r);

#endif
