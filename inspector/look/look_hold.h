/*
 * look_hold: a later stop of a look whose copies were taken, for the one large copy of a census.
 */
#ifndef INSPECTOR_LOOK_HOLD_H
#define INSPECTOR_LOOK_HOLD_H

#include "inspector/census/burst.h"
#include "inspector/look/look_scene.h"

struct look_hold {
	struct scene scene;
	struct freeze *freeze; /* while it is held */
	struct burst_hold hold;
};

/*
 * Fills *ret, to stay where it is as long as ret->hold is used. NULL where this look does not stop its target, or it is a file.
 * What of the time for stops is left is the limit; a stop that is not possible is told as look_copy() does.
 */
const struct burst_hold *look_hold(struct look *look, const struct inspector_request *request,
				   struct subject *subject, struct snapshot *snapshot,
				   struct look_hold *ret);

#endif
