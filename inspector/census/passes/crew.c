/*
 * crew: portions of a plot, handed out one after the other.
 */
#include "inspector/census/passes/crew.h"

#include "base/cleanup.h"

#include <sched.h>

#define RUNS_PER_PORTION   32
#define CHUNKS_PER_PORTION 1024

/* ---- who is in it --------------------------------------------------------------------- */

static size_t processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < 1 ? 1 : n > CREW_MAX ? CREW_MAX : (size_t)n;
}

static struct error *start_worker(struct crew *crew, size_t i)
{
	struct worker *worker = &crew->workers[i];
	struct ground *ground = crew->ground;
	worker->crew = crew;
	worker->ground = ground;
	worker->number = i;
	worker->burst = ground->burst;
	worker->types = &ground->types;
	worker->by_label = calloc(LABELS_MAX, sizeof(*worker->by_label));
	if (!worker->by_label)
		return error_out_of_memory();
	if (crew->n == 1)
		return NULL;
	worker->burst = NULL;
	struct error *err = burst_share(ground->burst, &worker->burst);
	err = err ?: type_table_init(&worker->own, worker->burst, &ground->shapes, ground->space);
	worker->types = &worker->own;
	return err;
}

struct error *crew_new(struct ground *ground, struct crew **ret)
{
	_cleanup_(crew_freep) struct crew *crew = calloc(1, sizeof(*crew));
	if (!crew)
		return error_out_of_memory();
	(void)pthread_mutex_init(&crew->lock, NULL);
	crew->ground = ground;
	crew->n = burst_whole(ground->burst) ? processors() : 1;
	if (crew->n > 1) {
		struct error *err = readers_new(crew->n - 1, &crew->readers);
		error_free(err); /* then alone */
		crew->n = readers_count(crew->readers) + 1;
	}
	for (size_t i = 0; i < crew->n; i++) {
		struct error *err = start_worker(crew, i);
		if (err)
			return err;
	}
	*ret = take(crew);
	return NULL;
}

void crew_free(struct crew *crew)
{
	if (!crew)
		return;
	readers_free(crew->readers);
	for (size_t i = 0; i < crew->n; i++) {
		struct worker *worker = &crew->workers[i];
		vec_fini(&worker->by_type);
		free(worker->by_label);
		type_table_fini(&worker->own);
		if (worker->burst != crew->ground->burst)
			burst_free(worker->burst);
	}
	(void)pthread_mutex_destroy(&crew->lock);
	free(crew);
}

/* ---- a sweep -------------------------------------------------------------------------- */

static void sweep_run(struct worker *worker, size_t i)
{
	const struct plot *plot = &worker->ground->plot;
	const struct plot_run *run = &plot->runs.items[i];
	struct plot_place place = {.size = run->block_size, .arena = run->arena};
	for (uint32_t b = 0; b < run->n_blocks; b++) {
		if (!plot_is_used(plot, run->first + b))
			continue;
		place.start = run->start + (uint64_t)b * run->block_size;
		place.block = run->first + b;
		worker->crew->visit(worker, &place);
	}
}

static void sweep_chunks(struct worker *worker, size_t from)
{
	const struct plot *plot = &worker->ground->plot;
	size_t to = from + CHUNKS_PER_PORTION;
	struct plot_place place = {.arena = PLOT_NONE};
	for (size_t i = from; i < to && i < plot->chunks.count; i++) {
		place.start = plot->chunks.items[i].start;
		place.size = plot->chunks.items[i].size;
		place.block = plot->n_run_blocks + (uint32_t)i;
		worker->crew->visit(worker, &place);
	}
}

static size_t portions_of(size_t n, size_t portion)
{
	return n / portion + (n % portion != 0);
}

static size_t run_portions(const struct plot *plot)
{
	return portions_of(plot->runs.count, RUNS_PER_PORTION);
}

static void sweep_portion(struct worker *worker, size_t portion)
{
	const struct plot *plot = &worker->ground->plot;
	if (portion >= run_portions(plot)) {
		sweep_chunks(worker, (portion - run_portions(plot)) * CHUNKS_PER_PORTION);
		return;
	}
	size_t from = portion * RUNS_PER_PORTION, to = from + RUNS_PER_PORTION;
	for (size_t i = from; i < to && i < plot->runs.count; i++)
		sweep_run(worker, i);
}

bool crew_sweep(struct crew *crew, const struct crew_step *step,
		void (*visit)(struct worker *worker, const struct plot_place *place))
{
	const struct plot *plot = &crew->ground->plot;
	size_t n = run_portions(plot) + portions_of(plot->chunks.count, CHUNKS_PER_PORTION);
	crew->visit = visit;
	return crew_share(crew, step, n, sweep_portion);
}

/* ---- sharing -------------------------------------------------------------------------- */

/* Only who is no thread of ours: what listens may print. */
static void tell(struct crew *crew, size_t done)
{
	const struct crew_step *step = &crew->step;
	unsigned share = (unsigned)((uint64_t)(step->to - step->from) * done / crew->n_portions);
	if (crew->progress &&
	    !crew->progress(crew->progress_context, step->name, step->from + share))
		atomic_store(&crew->ended, true);
}

static void work(void *context, size_t reader)
{
	struct crew *crew = context;
	struct worker *worker = &crew->workers[reader];
	while (!atomic_load(&crew->ended) && !worker->failed) {
		size_t i = atomic_fetch_add(&crew->next, 1);
		if (i >= crew->n_portions)
			break;
		if (reader == 0)
			tell(crew, i);
		crew->portion(worker, i);
	}
}

bool crew_share(struct crew *crew, const struct crew_step *step, size_t n,
		void (*portion)(struct worker *worker, size_t i))
{
	crew->step = *step;
	crew->portion = portion;
	crew->n_portions = n;
	atomic_store(&crew->next, 0);
	if (crew->readers)
		readers_run(crew->readers, work, crew);
	else
		work(crew, 0);
	return !atomic_load(&crew->ended) && !crew_failed(crew);
}

bool crew_failed(const struct crew *crew)
{
	for (size_t i = 0; i < crew->n; i++) {
		if (crew->workers[i].failed)
			return true;
	}
	return false;
}

/* ---- what is in common ---------------------------------------------------------------- */

uint16_t worker_number(struct worker *worker, const struct label *label)
{
	(void)pthread_mutex_lock(&worker->crew->lock);
	uint16_t number = labels_number(&worker->ground->labels, label);
	(void)pthread_mutex_unlock(&worker->crew->lock);
	return number;
}

/*
 * A type of one table in another. 2.7: old classes stand for types, but are none by themselves: they are found
 * once the type of their instances was.
 */
static uint32_t translate(const struct type_table *from, uint32_t type, struct type_table *to)
{
	const struct type *of = type_table_get(from, type);
	if (of->kind != TYPE_INSTANCE || of->exact)
		return type_table_find(to, of->at);
	for (size_t i = 0; i < from->types.count; i++) {
		const struct type *one = &from->types.items[i];
		if (one->kind == TYPE_INSTANCE && one->exact)
			(void)type_table_find(to, one->at);
	}
	return type_table_find_class(to, of->at);
}

/* Index + 1 in the ground's table of a type of the worker's. */
static uint32_t global_type(struct worker *worker, uint32_t type)
{
	struct type_table *common = &worker->ground->types;
	if (worker->types == common)
		return type + 1;
	(void)pthread_mutex_lock(&worker->crew->lock);
	uint32_t found = translate(worker->types, type, common);
	(void)pthread_mutex_unlock(&worker->crew->lock);
	return found + 1; /* TYPE_NONE, which only lack of memory gives, is asked for again */
}

/* Room for entry i, and for all before it. */
static bool reach(struct worker *worker, uint32_t i)
{
	size_t before = worker->by_type.count;
	if (i < before)
		return true;
	if (!vec_reserve(&worker->by_type, (size_t)i + 1)) {
		worker->failed = true;
		return false;
	}
	worker->by_type.count = (size_t)i + 1;
	memset(&worker->by_type.items[before], 0,
	       (worker->by_type.count - before) * sizeof(*worker->by_type.items));
	return true;
}

uint16_t worker_object_label(struct worker *worker, uint32_t type, bool dead)
{
	if (!reach(worker, type))
		return LABELS_OTHERS;
	struct worker_type *known = &worker->by_type.items[type];
	uint16_t *number = dead ? &known->dead : &known->object;
	if (*number)
		return *number;
	if (!known->global)
		known->global = global_type(worker, type);
	const struct label label = {
		.kind = dead ? LABEL_FREE_LISTED : LABEL_OBJECT,
		.part = PART_OTHER,
		.type = known->global - 1,
		.of = TYPE_NONE,
		.leaf = type_table_get(worker->types, type)->leaf,
	};
	return *number = worker_number(worker, &label);
}

static raddr type_address(const struct type_table *types, uint32_t type)
{
	return type == TYPE_NONE ? RADDR_NULL : type_table_get(types, type)->at;
}

struct worker_label *worker_label(struct worker *worker, uint16_t label)
{
	struct worker_label *known = &worker->by_label[label];
	const struct type_table *common = &worker->ground->types;
	if (known->known)
		return known;
	(void)pthread_mutex_lock(&worker->crew->lock);
	known->said = worker->ground->labels.list.items[label];
	known->type = known->said.type;
	known->type_at = type_address(common, known->said.type);
	known->of_at = type_address(common, known->said.of);
	if (known->type != TYPE_NONE && worker->types != common)
		known->type = translate(common, known->type, worker->types);
	(void)pthread_mutex_unlock(&worker->crew->lock);
	known->known = true;
	return known;
}
