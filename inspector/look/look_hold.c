/*
 * look_hold: the stop is an account of its own in the same snapshot, within the same limit.
 */
#include "inspector/look/look_hold.h"

#define BYTES_A_US 1500 /* copied by a slow processor; half the time is for threads to stop */

static struct error *begin(void *context)
{
	struct look_hold *hold = context;
	if (!hold->scene.pause_left_us) {
		scene_doubt_expired(&hold->scene);
		return NULL;
	}
	struct error *err = scene_stop(&hold->scene, &hold->freeze);
	return err ? scene_not_stopped(&hold->scene, err) : NULL;
}

static bool end(void *context)
{
	struct look_hold *hold = context;
	if (!hold->freeze)
		return false;
	struct freeze_result result = freeze_thaw(hold->freeze);
	hold->freeze = NULL;
	scene_account(&hold->scene, &result, PAUSE_STOPPED);
	if (result.expired)
		scene_doubt_expired(&hold->scene);
	return !result.expired;
}

const struct burst_hold *look_hold(struct look *look, const struct inspector_request *request,
				   struct subject *subject, struct snapshot *snapshot,
				   struct look_hold *ret)
{
	*ret = (struct look_hold){
		.scene = {.look = look,
			  .request = request,
			  .subject = subject,
			  .layout = &subject->build.layout,
			  .snapshot = snapshot,
			  .pause_limit_us = look->pause_limit_us,
			  .pause_left_us = look->pause_left_us},
		.hold = {.begin = begin, .end = end, .context = ret},
	};
	ret->hold.at_once = look->mode == LOOK_EXACT;
	ret->hold.most = look->pause_left_us * BYTES_A_US;
	return look->mode != LOOK_NO_PAUSE ? &ret->hold : NULL;
}
