/*
 * look_scene: what every step of one look needs, and how the target is stopped and let go.
 */
#ifndef INSPECTOR_LOOK_SCENE_H
#define INSPECTOR_LOOK_SCENE_H

#include "inspector/look/look.h"

struct scene {
	struct look *look;
	const struct inspector_request *request;
	struct subject *subject;
	const struct layout *layout;
	struct snapshot *snapshot;
	uint64_t max_memory;
	enum look_mode mode;
	uint64_t pause_limit_us, pause_left_us;
	uint64_t stop_asked; /* clock_ns when the last stop was asked for */
};

/* Stops the target for as long as there is left. As freeze_start. */
struct error *scene_stop(struct scene *scene, struct freeze **ret) MUST_CHECK;

/* What is left now, under a stop. */
uint64_t scene_left_us(const struct scene *scene);

/* Adds a stop that ended to the snapshot's account, and takes it off what is left. */
void scene_account(struct scene *scene, const struct freeze_result *result, enum pause_mode mode);

/*
 * A target that cannot be stopped is read without: a doubt. With --exact that is no answer.
 * A thread that does not stop in time is no permission problem, so it is a doubt either way.
 */
struct error *scene_not_stopped(struct scene *scene, struct error *err) MUST_CHECK;

/* A stop reached its limit: a doubt. */
void scene_doubt_expired(struct scene *scene);

#endif
