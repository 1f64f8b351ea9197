/*
 * look: how a copy is taken without harm.
 *
 *	live	copy, check, copy again what changed meanwhile; nobody is stopped
 *	settle	what still disagrees is copied under a short stop, and only that
 *	exact	a live pass sizes and warms the buffers, then one stop covers it all;
 *		a stop that landed inside malloc is let go and tried again
 */
#include "inspector/look/look.h"

#include "base/cleanup.h"
#include "inspector/look/budget.h"
#include "inspector/look/look_malloc.h"
#include "inspector/look/look_scene.h"
#include "inspector/target/process/process.h"

#include <time.h>

#define TRIES        4
#define VERSION_3_10 0x030a0000u
#define VERSION_3_14 0x030e0000u

/* Carved pools that one repeated look may copy: about 5 % of a core at one look a second. */
#define POOLS_PER_TURN 80000

/* ---- copying --------------------------------------------------------------------- */

static struct error *read_runtime(const struct scene *scene, struct runtime *ret,
				  struct doubts *doubts)
{
	return runtime_read(&scene->subject->space, scene->layout,
			    scene->subject->module.image.bias, scene->subject->build.version_hex,
			    ret, doubts);
}

static struct error *provide_copies(const struct scene *scene)
{
	struct look *look = scene->look;
	while (look->copies.count < look->runtime.interpreters.count) {
		struct pymalloc_copy **copy = vec_push(&look->copies);
		if (!copy)
			return error_out_of_memory();
		*copy = pymalloc_copy_new();
		if (!*copy)
			return error_out_of_memory();
		if (scene->mode == LOOK_EXACT)
			pymalloc_copy_expect_stop(*copy);
	}
	return NULL;
}

/* What the other copies leave of the budget. */
static uint64_t share_of(const struct scene *scene, size_t i)
{
	uint64_t others = 0;
	for (size_t other = 0; other < scene->look->copies.count; other++) {
		if (other != i)
			others = size_add(others,
					  pymalloc_copy_bytes(scene->look->copies.items[other]));
	}
	return size_max(size_subtract(scene->max_memory, others), 1); /* 0 would be: no limit */
}

static struct error *copy_one(const struct scene *scene, size_t i, bool frozen)
{
	const struct runtime_interpreter *interp = &scene->look->runtime.interpreters.items[i];
	struct pymalloc_copy *copy = scene->look->copies.items[i];
	uint64_t pools = pymalloc_copy_pools(copy);
	if (scene->request->repeating && pools)
		return pymalloc_copy_refresh(copy, &scene->subject->space, scene->layout,
					     &interp->roots, share_of(scene, i),
					     (unsigned)(1 + pools / POOLS_PER_TURN));
	return pymalloc_copy_take(copy, &scene->subject->space, scene->layout, &interp->roots,
				  share_of(scene, i), frozen);
}

static struct error *copy_mimalloc(const struct scene *scene, bool frozen)
{
	const struct subject *s = scene->subject;
	const struct mimalloc_request request = {
		.layout = scene->layout,
		.runtime = &scene->look->runtime,
		.bias = s->module.image.bias,
		.flavour = {s->build.free_threaded, s->build.debug_build, s->build.version_hex},
		.max_memory = scene->max_memory,
		.in_detail = scene->request->parts & LOOK_LEDGER,
	};
	if (!scene->look->mimalloc)
		return NULL;
	return mimalloc_copy_take(scene->look->mimalloc, &scene->subject->space, &request, frozen);
}

static struct error *copy_all(const struct scene *scene, bool frozen)
{
	for (size_t i = 0; i < scene->look->runtime.interpreters.count; i++) {
		if (!scene->look->runtime.interpreters.items[i].has_heap)
			continue;
		struct error *err = copy_one(scene, i, frozen);
		if (err)
			return err;
	}
	return copy_mimalloc(scene, frozen);
}

static void counters_clear(struct look_counters *counters)
{
	for (size_t i = 0; i < counters->free_lists.count; i++)
		vec_fini(&counters->free_lists.items[i].free_lists);
	counters->free_lists.count = 0;
	doubts_clear(&counters->doubts);
}

/*
 * A lack where they are told; and of holders in 3.10 to 3.13, where old words behind the ends of lists are taken for references
 * when the ends are not known (leftovers.c). Whatever else is told does not depend on them: which objects are dead these say themselves.
 */
static void doubt_lengths(const struct scene *scene, uint64_t n_unknown)
{
	const struct python_build *build = &scene->subject->build;
	struct doubts *doubts = &scene->look->counters.doubts;
	bool ends = scene->request->parts & LOOK_HOLDERS && build->version_hex >= VERSION_3_10 &&
		    build->version_hex < VERSION_3_14;
	bool lacks = scene->request->parts & LOOK_LENGTHS || ends;
	if (!n_unknown)
		return;
	/* Without the GIL they belong to threads, and a collection empties them. */
	if (build->free_threaded)
		doubts_add(
			doubts, DOUBT_COUNTER_UNKNOWN, DOUBT_NOTE, n_unknown,
			"free lists of objects are each thread's own in this build, and not counted");
	else
		doubts_add(doubts, DOUBT_COUNTER_UNKNOWN, lacks ? DOUBT_PARTIAL : DOUBT_NOTE,
			   n_unknown, "lengths of free lists of objects could not be found");
}

/* The figures beside the arenas: free lists of each interpreter, counters of the runtime. */
static struct error *copy_counters(const struct scene *scene)
{
	struct look *look = scene->look;
	const struct subject *s = scene->subject;
	uint64_t n_unknown = 0;
	counters_clear(&look->counters);
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		struct snapshot_interpreter *lists = vec_push(&look->counters.free_lists);
		if (!lists)
			return error_out_of_memory();
		struct error *err =
			runtime_free_lists(&scene->subject->space, scene->layout,
					   s->module.image.bias, s->build.version_hex,
					   &look->runtime.interpreters.items[i], lists, &n_unknown);
		if (err)
			return err;
	}
	doubt_lengths(scene, n_unknown);
	struct error *err = runtime_counters_read(&scene->subject->space, scene->layout,
						  s->module.image.bias, s->build.version_hex,
						  &look->counters.counters, &look->counters.doubts);
	if (err || !look->runtime.interpreters.count)
		return err;
	return runtime_gc_enabled(&scene->subject->space, scene->layout, s->module.image.bias,
				  &look->runtime.interpreters.items[0], &look->counters.gc_enabled);
}

/* Where each thread's frames lie. A file that is saved must tell the ledger's reader, too. */
static struct error *copy_frames(const struct scene *scene)
{
	struct look *look = scene->look;
	doubts_clear(&look->frame_doubts);
	if (!(scene->request->parts & (LOOK_LEDGER | LOOK_FRAMES | LOOK_HOLDERS)))
		return NULL;
	return frames_read(&scene->subject->space, scene->layout, &look->runtime, &look->frames,
			   &look->frame_doubts);
}

static struct error *copy_live(const struct scene *scene)
{
	struct error *err = copy_all(scene, false);
	err = err ?: copy_counters(scene);
	return err ?: copy_frames(scene);
}

/* A live pass: interpreters, buffers, copies. */
static struct error *begin(struct scene *scene)
{
	struct look *look = scene->look;
	runtime_fini(&look->runtime);
	doubts_clear(&look->runtime_doubts);
	struct error *err = read_runtime(scene, &look->runtime, &look->runtime_doubts);
	err = err ?: provide_copies(scene);
	err = err ?: copy_live(scene);
	return err ?: look_malloc_begin(scene);
}

/* The same anew, because what was copied is too old: so are the regions, then. */
static struct error *start_over(struct scene *scene)
{
	struct error *err = origin_refresh(&scene->subject->origin, &scene->subject->space);
	return err ?: begin(scene);
}

static size_t count_unsettled(const struct look *look)
{
	size_t n = 0;
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		if (look->runtime.interpreters.items[i].has_heap)
			n += pymalloc_copy_unsettled(look->copies.items[i]);
	}
	return n + (look->mimalloc ? mimalloc_copy_unsettled(look->mimalloc) : 0);
}

/* ---- stopping -------------------------------------------------------------------- */

static struct error *prepare_copies(const struct scene *scene)
{
	for (size_t i = 0; i < scene->look->runtime.interpreters.count; i++) {
		if (!scene->look->runtime.interpreters.items[i].has_heap)
			continue;
		struct error *err =
			pymalloc_copy_prepare(scene->look->copies.items[i], share_of(scene, i));
		if (err)
			return err;
	}
	return scene->look->mimalloc
		       ? mimalloc_copy_prepare(scene->look->mimalloc, scene->max_memory)
		       : NULL;
}

/* ---- settle ---------------------------------------------------------------------- */

static struct error *copy_unsettled(const struct scene *scene)
{
	struct look *look = scene->look;
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		if (!look->runtime.interpreters.items[i].has_heap ||
		    pymalloc_copy_unsettled(look->copies.items[i]) == 0)
			continue;
		struct error *err =
			pymalloc_copy_settle(look->copies.items[i], &scene->subject->space, true);
		if (err)
			return err;
	}
	if (look->mimalloc && mimalloc_copy_unsettled(look->mimalloc))
		return copy_mimalloc(scene, true);
	return NULL;
}

static struct error *settle_once(struct scene *scene, struct freeze_result *ret)
{
	struct freeze *freeze = NULL;
	/* An arena that is new by then needs a place, and none can be made under the stop. Where the
	 * budget has none, it is left out and a doubt says so. */
	struct error *err = prepare_copies(scene);
	if (err && !error_catch(&err, ERROR_RESOURCE))
		return err;
	err = scene_stop(scene, &freeze);
	if (err)
		return scene_not_stopped(scene, err);
	err = copy_unsettled(scene);
	*ret = freeze_thaw(freeze);
	scene_account(scene, ret, PAUSE_SETTLED);
	return err;
}

static struct error *settle(struct scene *scene)
{
	bool may_stop = true;
	for (int i = 0; i < TRIES && may_stop && count_unsettled(scene->look); i++) {
		struct freeze_result result = {0}; /* stays so where it cannot be stopped */
		struct error *err = settle_once(scene, &result);
		if (err)
			return err;
		may_stop = result.n_threads > 0 && !result.expired && scene->pause_left_us > 0;
		if (result.expired)
			scene_doubt_expired(scene);
	}
	return NULL;
}

/* ---- exact ----------------------------------------------------------------------- */

static bool same_interpreters(const struct runtime *a, const struct runtime *b)
{
	if (a->interpreters.count != b->interpreters.count)
		return false;
	for (size_t i = 0; i < a->interpreters.count; i++) {
		if (!raddr_equal(a->interpreters.items[i].address,
				 b->interpreters.items[i].address))
			return false;
	}
	return true;
}

/* Everything of one moment; *ret_all false when an interpreter or an arena is new since the live pass. */
static struct error *copy_frozen(struct scene *scene, bool *ret_all)
{
	_cleanup_(runtime_fini) struct runtime now = RUNTIME_EMPTY;
	_cleanup_(doubts_fini) struct doubts known = {0}; /* from the live pass */
	struct error *err = read_runtime(scene, &now, &known);
	if (err)
		return err;
	*ret_all = same_interpreters(&scene->look->runtime, &now);
	err = copy_all(scene, true);
	err = err ?: copy_counters(scene);
	err = err ?: copy_frames(scene);
	for (size_t i = 0; i < scene->look->runtime.interpreters.count; i++) {
		if (scene->look->runtime.interpreters.items[i].has_heap)
			*ret_all &= pymalloc_copy_complete(scene->look->copies.items[i]);
	}
	if (scene->look->mimalloc)
		*ret_all &= mimalloc_copy_complete(scene->look->mimalloc);
	err = err ?: look_malloc_copy(scene, ret_all);
	return err || !scene->look->footprint
		       ? err
		       : footprint_complete(&scene->subject->origin, scene_left_us(scene),
					    scene->look->footprint);
}

/* What a stop gave. */
struct stopped {
	struct freeze_result result;
	bool all;     /* nothing outgrew the buffers */
	bool stopped; /* false: the target could not be stopped, a doubt says why */
};

static struct error *stop_and_copy(struct scene *scene, bool last_try, struct stopped *ret)
{
	struct freeze *freeze = NULL;
	*ret = (struct stopped){0};
	struct error *err = prepare_copies(scene);
	err = err ?: look_malloc_prepare(scene);
	if (!err && scene->look->footprint)
		err = footprint_prepare(scene->look->footprint);
	if (err)
		return err;
	err = scene_stop(scene, &freeze);
	if (err)
		return scene_not_stopped(scene, err);
	ret->stopped = true;
	/* Half an update would be copied: let it go at once, while there are tries left. */
	if (!freeze_inside(freeze) || last_try)
		err = copy_frozen(scene, &ret->all);
	ret->result = freeze_thaw(freeze);
	scene_account(scene, &ret->result, PAUSE_STOPPED);
	if (!err && scene->look->footprint)
		footprint_completed(scene->look->footprint);
	if (err || !ret->all || ret->result.expired)
		return err;
	return look_malloc_thawed(scene);
}

/* What no stop gave is read live, so that there is an answer; and it is said. */
static struct error *give_up(struct scene *scene, const struct stopped *last)
{
	struct snapshot_pause *pause = &scene->snapshot->pause;
	pause->mode = PAUSE_PARTIAL;
	if (last->result.expired)
		scene_doubt_expired(scene);
	else if (last->result.inside)
		doubts_add(&scene->snapshot->doubts, DOUBT_STOPPED_INSIDE, DOUBT_INCONSISTENT, 1,
			   "%" PRIu64 " stops landed inside the allocator, and no time was left",
			   pause->stops);
	else
		doubts_add(&scene->snapshot->doubts, DOUBT_NOT_STOPPED, DOUBT_INCONSISTENT, 1,
			   "in %" PRIu64 " stops its heap was larger than a moment before, and "
			   "than the room made for it",
			   pause->stops);
	return start_over(scene);
}

static struct error *exact(struct scene *scene)
{
	struct stopped last = {0};
	bool whole = false;
	for (int i = 0; i < TRIES && scene->pause_left_us; i++) {
		struct error *err = stop_and_copy(scene, i == TRIES - 1, &last);
		if (err || !last.stopped)
			return err;
		whole = last.all && !last.result.expired;
		if (last.result.expired ||
		    (whole && !count_unsettled(scene->look) && look_malloc_agrees(scene)))
			break;
		nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
		if (!last.result.inside && !last.all)
			err = start_over(scene);
		if (err)
			return err;
	}
	if (whole && last.result.inside)
		doubts_add(&scene->snapshot->doubts, DOUBT_STOPPED_INSIDE, DOUBT_NOTE, 1,
			   "the last of %" PRIu64 " stops, too, landed inside the allocator",
			   scene->snapshot->pause.stops);
	/* What disagrees under every stop is damaged: the walk tells. */
	return whole ? NULL : give_up(scene, &last);
}

/* ---- the door ---------------------------------------------------------------------- */

/* A file stands still by itself. 2.7 raises where a stop makes epoll_wait return EINTR: it is stopped
 * only when asked for. */
static enum look_mode mode_for(struct scene *scene)
{
	if (!origin_process(&scene->subject->origin))
		return LOOK_NO_PAUSE;
	uint32_t version = scene->subject->build.version_hex;
	bool old = version && version < 0x03000000;
	if (!old || scene->request->mode == LOOK_NO_PAUSE)
		return scene->request->mode;
	if (!scene->request->asked_exact)
		return LOOK_NO_PAUSE;
	doubts_add(&scene->snapshot->doubts, DOUBT_EINTR_RISK, DOUBT_NOTE, 1,
		   "a stop makes epoll_wait() return EINTR, which Python 2.7 raises as IOError");
	return LOOK_EXACT;
}

static uint64_t pause_limit(const struct inspector_request *request, enum look_mode mode)
{
	if (request->max_pause_us)
		return request->max_pause_us;
	return mode == LOOK_EXACT ? LOOK_EXACT_LIMIT_US : LOOK_SETTLE_LIMIT_US;
}

struct error *look_copy(struct look *look, const struct inspector_request *request,
			struct subject *subject, struct snapshot *ret)
{
	struct scene scene = {.look = look,
			      .request = request,
			      .subject = subject,
			      .layout = &subject->build.layout,
			      .snapshot = ret,
			      .max_memory = budget_of(request)};
	scene.mode = mode_for(&scene);
	scene.pause_limit_us = scene.pause_left_us = pause_limit(request, scene.mode);
	struct error *err =
		runtime_allocator(&subject->space, scene.layout, subject->module.image.bias,
				  subject->build.version_hex, &ret->target, &ret->doubts);
	if (!err && ret->target.allocator == ALLOCATOR_MIMALLOC && !look->mimalloc)
		err = (look->mimalloc = mimalloc_copy_new()) ? NULL : error_out_of_memory();
	err = err ?: begin(&scene);
	if (!err && scene.mode != LOOK_NO_PAUSE)
		err = scene.mode == LOOK_EXACT ? exact(&scene) : settle(&scene);
	err = err ?: look_malloc_settle(&scene, scene.mode == LOOK_SETTLE);
	err = err ?: look_malloc_finish(&scene);
	look->mode = scene.mode;
	look->pause_limit_us = scene.pause_limit_us;
	look->pause_left_us = scene.pause_left_us;
	if (err)
		return err;
	doubts_join(&ret->doubts, &look->runtime_doubts);
	doubts_join(&ret->doubts, &look->counters.doubts);
	doubts_join(&ret->doubts, &look->frame_doubts);
	return NULL;
}

void look_hand_over_free_lists(struct look *look, size_t i, struct snapshot_interpreter *ret)
{
	if (i >= look->counters.free_lists.count)
		return;
	ret->free_lists.items = look->counters.free_lists.items[i].free_lists.items;
	ret->free_lists.count = look->counters.free_lists.items[i].free_lists.count;
	ret->free_lists.room = look->counters.free_lists.items[i].free_lists.room;
	look->counters.free_lists.items[i] = (struct snapshot_interpreter){0};
}

struct error *look_block_counters(struct look *look, struct snapshot *ret)
{
	return runtime_block_counters(&look->counters.counters, ret);
}

void look_drop_copies(struct look *look)
{
	for (size_t i = 0; i < look->copies.count; i++)
		pymalloc_copy_free(look->copies.items[i]);
	look->copies.count = 0;
}

void look_fini(struct look *look)
{
	counters_clear(&look->counters);
	doubts_fini(&look->counters.doubts);
	doubts_fini(&look->runtime_doubts);
	doubts_fini(&look->frame_doubts);
	frames_fini(&look->frames);
	vec_fini(&look->counters.free_lists);
	look_drop_copies(look);
	mimalloc_copy_free(look->mimalloc);
	vec_fini(&look->copies);
	malloc_look_free(look->malloc);
	claims_fini(&look->claims);
	runtime_fini(&look->runtime);
}
