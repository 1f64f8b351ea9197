/*
 * look_scene: every stop goes through here, so that all of one look together keep its limit.
 */
#include "inspector/look/look_scene.h"

#include "inspector/target/clock.h"
#include "inspector/target/process/process.h"

void scene_account(struct scene *scene, const struct freeze_result *result, enum pause_mode mode)
{
	struct snapshot_pause *pause = &scene->snapshot->pause;
	pause->mode = result->expired ? PAUSE_PARTIAL : mode;
	pause->stops++;
	pause->total_us += result->us;
	pause->longest_us = size_max(pause->longest_us, result->us);
	scene->look->stopped = false;
	scene->pause_left_us = size_subtract(scene->pause_left_us, result->us);
}

struct error *scene_stop(struct scene *scene, struct freeze **ret)
{
	const struct process *process = origin_process(&scene->subject->origin);
	const struct freeze_request request = {
		.pid = process_pid(process),
		.proc = process_dir(process),
		.limit_us = scene->pause_left_us,
		.code = scene->subject->code,
		.n_code = scene->subject->n_code,
	};
	struct freeze_result failed = {0};
	scene->stop_asked = clock_ns();
	struct error *err = freeze_start(&request, ret, &failed);
	if (err && failed.us)
		scene_account(scene, &failed, PAUSE_PARTIAL); /* some threads stood for that long */
	scene->look->stopped = !err;
	return err;
}

uint64_t scene_left_us(const struct scene *scene)
{
	return size_subtract(scene->pause_left_us, (clock_ns() - scene->stop_asked) / 1000);
}

struct error *scene_not_stopped(struct scene *scene, struct error *err)
{
	bool fatal = err->kind != ERROR_INCONSISTENT &&
		     (err->kind != ERROR_PERMISSION || scene->request->asked_exact);
	if (fatal)
		return err;
	bool in_time = err->kind == ERROR_INCONSISTENT;
	if (in_time)
		scene->snapshot->pause.mode = PAUSE_PARTIAL;
	doubts_add(&scene->snapshot->doubts, DOUBT_NOT_STOPPED,
		   in_time ? DOUBT_INCONSISTENT : DOUBT_NOTE, 1, "read without stopping it: %s",
		   err->cause);
	error_free(err);
	return NULL;
}

void scene_doubt_expired(struct scene *scene)
{
	doubts_add(&scene->snapshot->doubts, DOUBT_STOP_EXPIRED, DOUBT_INCONSISTENT, 1,
		   "the stop reached its limit of %g ms before everything was copied",
		   (double)scene->pause_limit_us / 1000);
}
