/*
 * look_malloc: arenas of malloc agree with themselves or they do not; each is settled alone.
 */
#include "inspector/look/look_malloc.h"

#include "base/cleanup.h"
#include "inspector/heap/pymalloc_saved.h"

struct avoided {
	VEC(struct malloc_span) spans;
};

static void avoided_fini(struct avoided *avoided)
{
	vec_fini(&avoided->spans);
}

/* What the copies take is not there for this one. */
static uint64_t room_left(const struct scene *scene)
{
	uint64_t taken = 0;
	for (size_t i = 0; i < scene->look->copies.count; i++)
		taken = size_add(taken, pymalloc_copy_bytes(scene->look->copies.items[i]));
	return size_subtract(scene->max_memory, taken);
}

static struct error *avoid(struct avoided *avoided, raddr start, uint64_t size)
{
	struct malloc_span *span = vec_push(&avoided->spans);
	if (!span)
		return error_out_of_memory();
	*span = (struct malloc_span){start, size};
	return NULL;
}

static struct error *avoid_arenas(const struct scene *scene, struct avoided *ret)
{
	const struct look *look = scene->look;
	struct pymalloc_saved_arenas arenas = {VEC_EMPTY};
	struct error *err = NULL;
	for (size_t i = 0; i < look->runtime.interpreters.count && !err; i++)
		if (look->runtime.interpreters.items[i].has_heap)
			err = pymalloc_saved_add(look->copies.items[i], &arenas);
	for (size_t i = 0; i < arenas.list.count && !err; i++)
		err = avoid(ret, arenas.list.items[i].start, arenas.list.items[i].size);
	pymalloc_saved_fini(&arenas);
	return err;
}

static struct error *avoid_segments(const struct scene *scene, struct avoided *ret)
{
	_cleanup_(claims_fini) struct claims claims = CLAIMS_EMPTY;
	if (!scene->look->mimalloc)
		return NULL;
	struct error *err = mimalloc_claims(scene->look->mimalloc, &claims);
	for (size_t i = 0; i < claims.list.count && !err; i++)
		err = avoid(ret, claims.list.items[i].start, claims.list.items[i].size);
	return err;
}

static int compare_spans(const void *a, const void *b)
{
	return raddr_compare(((const struct malloc_span *)a)->start,
			     ((const struct malloc_span *)b)->start);
}

static bool tells_account(const struct scene *scene)
{
	return scene->request->parts & (LOOK_MALLOC | LOOK_LEDGER);
}

/* For a census chunks are told one by one later, in a copy: no figures, so nothing to settle. */
static bool is_kept(const struct scene *scene)
{
	return scene->request->parts & (LOOK_CENSUS | LOOK_HOLDERS);
}

struct error *look_malloc_begin(struct scene *scene)
{
	_cleanup_(avoided_fini) struct avoided avoided = {VEC_EMPTY};
	malloc_look_free(take(scene->look->malloc));
	if (!tells_account(scene) && !is_kept(scene))
		return NULL;
	struct error *err = avoid_arenas(scene, &avoided);
	err = err ?: avoid_segments(scene, &avoided);
	if (err)
		return err;
	if (avoided.spans.count > 1)
		qsort(avoided.spans.items, avoided.spans.count, sizeof(avoided.spans.items[0]),
		      compare_spans);
	const struct malloc_look_request request = {
		.origin = &scene->subject->origin,
		.space = &scene->subject->space,
		.in_detail = scene->request->parts & LOOK_LEDGER,
		.once = !tells_account(scene),
		.residency = scene->look->residency,
		.max_memory = room_left(scene),
		.avoid = avoided.spans.items,
		.n_avoid = avoided.spans.count,
	};
	return malloc_look_new(&request, &scene->look->malloc);
}

struct error *look_malloc_prepare(struct scene *scene)
{
	struct look *look = scene->look;
	look->malloc_ready = false;
	if (!look->malloc || !tells_account(scene))
		return NULL;
	return malloc_look_prepare(look->malloc, true, scene->pause_left_us, &look->malloc_ready);
}

struct error *look_malloc_copy(struct scene *scene, bool *ret_all)
{
	bool all = true;
	if (!scene->look->malloc_ready)
		return NULL;
	struct error *err = malloc_look_copy(scene->look->malloc, &all);
	*ret_all &= all;
	scene->look->malloc_ready = all;
	return err;
}

struct error *look_malloc_thawed(struct scene *scene)
{
	return scene->look->malloc_ready ? malloc_look_walk_copy(scene->look->malloc) : NULL;
}

bool look_malloc_agrees(const struct scene *scene)
{
	const struct look *look = scene->look;
	return !look->malloc_ready || malloc_look_unsettled(look->malloc) == 0;
}

/* One stop; *ret false: no further one is of use. */
static struct error *settle_one(struct scene *scene, bool *ret)
{
	struct malloc_look *malloc = scene->look->malloc;
	struct freeze *freeze = NULL;
	bool all;
	uint64_t before = scene->pause_left_us;
	struct error *err = malloc_look_prepare(malloc, false, scene->pause_left_us / 2, ret);
	if (err || !*ret)
		return err;
	*ret = false;
	err = scene_stop(scene, &freeze);
	if (err) {
		err = scene_not_stopped(scene, err);
		*ret = !err && scene->pause_left_us > scene->pause_limit_us / 4 &&
		       scene->pause_left_us < before; /* threads that wait for a processor: again */
		return err;
	}
	err = malloc_look_copy(malloc, &all);
	struct freeze_result result = freeze_thaw(freeze);
	scene_account(scene, &result, PAUSE_SETTLED);
	if (result.expired)
		scene_doubt_expired(scene);
	*ret = !result.expired;
	return err ?: all && !result.expired ? malloc_look_walk_copy(malloc) : NULL;
}

struct error *look_malloc_settle(struct scene *scene, bool may_stop)
{
	struct malloc_look *malloc = scene->look->malloc;
	struct error *err = malloc ? malloc_look_walk(malloc) : NULL;
	may_stop &= tells_account(scene);
	while (malloc && !err && may_stop && scene->pause_left_us && malloc_look_unsettled(malloc))
		err = settle_one(scene, &may_stop);
	return err;
}

struct error *look_malloc_finish(struct scene *scene)
{
	struct look *look = scene->look;
	if (!look->malloc)
		return NULL;
	look->claims.list.count = 0;
	struct error *err = NULL;
	if (tells_account(scene))
		err = malloc_look_finish(look->malloc, &scene->snapshot->malloc, &look->claims,
					 &scene->snapshot->doubts);
	if (!is_kept(scene))
		malloc_look_free(take(look->malloc));
	return err;
}
