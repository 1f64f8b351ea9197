/*
 * pin_returned: what would go back without a root, sparse or not.
 */
#ifndef INSPECTOR_VERDICT_PIN_RETURNED_H
#define INSPECTOR_VERDICT_PIN_RETURNED_H

#include "inspector/target/residency/residency.h"
#include "inspector/verdict/pins/pin_owners.h"
#include "inspector/verdict/pins/pin_units.h"

/*
 * By root, n_roots + 1 of both, which come in zeroed: resident bytes of units whose every block is the root's, and of the whole
 * pages of its chunks where they follow each other; and bytes charged to it. The last ones are of what no root reaches. residency:
 * NULL: all pages are taken to be there.
 */
void pin_returned_sum(const struct pin_owners *owners, const struct pin_units *units,
		      const struct residency *residency, uint64_t *returned, uint64_t *bytes);

#endif
