/*
 * pin_units: what an allocator gives back as a whole, and how full it is.
 */
#ifndef INSPECTOR_VERDICT_PIN_UNITS_H
#define INSPECTOR_VERDICT_PIN_UNITS_H

#include "inspector/census/plot.h"

/* An arena of pymalloc's, or a page of mimalloc's. */
struct pin_unit {
	uint32_t first_run, n_runs; /* in plot.runs */
	uint64_t used_blocks, used_bytes;
	uint64_t size, resident; /* bytes */
	bool sparse;             /* used, and less than a quarter of it */
};

struct pin_units {
	VEC(struct pin_unit) list; /* ascending; those without a used block are left out */
	bool mimalloc;             /* most are its pages */
};

/* ERROR_RESOURCE. */
struct error *pin_units_find(const struct plot *plot, double sparse_below,
			     struct pin_units *ret) MUST_CHECK;
void pin_units_fini(struct pin_units *units);

/* Calls `tell` for every used block of a unit, ascending; false from it ends that. */
void pin_unit_each(const struct plot *plot, const struct pin_unit *unit,
		   bool (*tell)(void *context, uint32_t block, uint32_t size), void *context);

#endif
