/*
 * pin_room: what the steps of pins_make() share.
 */
#ifndef INSPECTOR_VERDICT_PIN_ROOM_H
#define INSPECTOR_VERDICT_PIN_ROOM_H

#include "inspector/verdict/pins/pin_owners.h"
#include "inspector/verdict/pins/pin_tally.h"
#include "inspector/verdict/pins/pin_units.h"
#include "inspector/verdict/pins/pins_make.h"

struct pin_room {
	const struct pins_request *request;
	struct pin_units units;
	struct pin_owners owners;
	struct pin_tally tally;
	uint64_t *owner_bytes, *owner_objects; /* by owner, in sparse units */
	uint32_t *ranking;                     /* owners with bytes there, most bytes first */
	uint32_t n_ranking;
};

/* Types, roots and the leading ones of these: pin_rows.c. ERROR_RESOURCE. */
struct error *pin_rows_types(struct pin_room *room, struct pins *ret) MUST_CHECK;
struct error *pin_rows_roots(struct pin_room *room, struct pins *ret) MUST_CHECK;

/* Chunks below the tops of malloc's arenas: pin_tops.c. ERROR_RESOURCE. */
struct error *pin_tops_tell(const struct pins_request *request, struct pins *ret) MUST_CHECK;

#endif
