/*
 * pin_returned: what would go back without a root, sparse or not, once a collection and malloc_trim(3) have followed.
 */
#ifndef INSPECTOR_VERDICT_PIN_RETURNED_H
#define INSPECTOR_VERDICT_PIN_RETURNED_H

#include "inspector/target/residency/residency.h"
#include "inspector/verdict/pins/pin_owners.h"
#include "inspector/verdict/pins/pin_units.h"

struct pin_returned {
	/* By root: resident bytes of units whose every block that gc.collect() leaves is the root's, and of the whole pages of
	 * its chunks where they follow each other. */
	uint64_t *returned;
	uint64_t *bytes;                       /* by root: charged to it */
	uint64_t *owner_bytes, *owner_objects; /* by owner: of all blocks */
};

/* The last one by root is of what no root reaches. residency: NULL: all pages are taken to be there. ERROR_RESOURCE. */
struct error *pin_returned_sum(const struct pin_owners *owners, const struct pin_units *units,
			       const struct residency *residency,
			       struct pin_returned *ret) MUST_CHECK;
void pin_returned_fini(struct pin_returned *returned);

#endif
