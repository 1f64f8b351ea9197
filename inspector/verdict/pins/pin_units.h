/*
 * pin_units: what an allocator gives back as a whole, and how full it is.
 */
#ifndef INSPECTOR_VERDICT_PIN_UNITS_H
#define INSPECTOR_VERDICT_PIN_UNITS_H

#include "base/size.h"
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
	bool keeps_one; /* of those that become empty pymalloc keeps one, for none is yet */
};

/* ERROR_RESOURCE. */
struct error *pin_units_find(const struct plot *plot, uint32_t version_hex, double sparse_below,
			     struct pin_units *ret) MUST_CHECK;
void pin_units_fini(struct pin_units *units);

/* Of units that go back together what does not: kept so far, and now with one more. 0 at first. */
static inline uint64_t pin_units_kept(const struct pin_units *units, const struct pin_unit *unit,
				      uint64_t kept)
{
	return units->keeps_one ? size_max(kept, unit->resident) : kept;
}

/* Calls `tell` for every used block of a unit, ascending; false from it ends that. */
void pin_unit_each(const struct plot *plot, const struct pin_unit *unit,
		   bool (*tell)(void *context, uint32_t block, uint32_t size), void *context);

#endif
