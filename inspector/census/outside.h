/*
 * outside: objects that lie in no block of the plot: in static data, inside a chunk of malloc's (2.7's blocks of
 * ints), in memory of an allocator that is not walked.
 *
 *	[ object in a block ] ──▷ word ──▷ PyLong_Type, None, a static str …
 *
 * They are found because something in a block refers to them, or another of them does.
 */
#ifndef INSPECTOR_CENSUS_OUTSIDE_H
#define INSPECTOR_CENSUS_OUTSIDE_H

#include "base/vec.h"

#include <stddef.h>
#include <stdint.h>

struct outside_object {
	uint64_t at;    /* as id() has it */
	uint64_t size;  /* bytes from there that it says it has */
	uint16_t label; /* in the ground's labels */
};

struct outside {
	VEC(struct outside_object) list; /* ascending, once all are found */
	uint64_t n_untold;               /* words that were not asked about: there were too many */
};

/* The object at an address; SIZE_MAX: none. */
size_t outside_find(const struct outside *outside, uint64_t at);

/* The object whose bytes hold an address; SIZE_MAX: none. */
size_t outside_around(const struct outside *outside, uint64_t address);

void outside_fini(struct outside *outside);

#endif
