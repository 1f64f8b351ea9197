/*
 * pin_holders: what the sums over all blocks add to the roots of holders.
 */
#ifndef INSPECTOR_VERDICT_PIN_HOLDERS_H
#define INSPECTOR_VERDICT_PIN_HOLDERS_H

#include "inspector/holders/holders.h"
#include "inspector/verdict/pins/pin_returned.h"

/* Fills returned, many, many_count and many_bytes of each root. ERROR_RESOURCE. */
struct error *pin_holders_tell(const struct pin_owners *owners, const struct pin_returned *sums,
			       struct holders *holders) MUST_CHECK;

#endif
