/*
 * crew: a few workers who go over one ground: each block in use is met by one of them.
 *
 *	runs     [ 32 runs ][ 32 runs ]…     portions, taken by whoever is free
 *	chunks   [ 1024 ][ 1024 ]…
 *
 *	worker   its own: types that it met, windows that it read, numbers of labels
 *	ground   in common: the copy, the plot, two bytes a block; under a lock: types and labels
 *
 * So that no worker waits for another but where something is met for the first time.
 */
#ifndef INSPECTOR_CENSUS_CREW_H
#define INSPECTOR_CENSUS_CREW_H

#include "inspector/census/ground.h"
#include "inspector/target/reading/readers.h"

#include <pthread.h>
#include <stdatomic.h>

#define CREW_MAX 16 /* workers */

/* Which numbers stand for a type of a worker's own table; 0: not asked for yet. */
struct worker_type {
	uint32_t global; /* index in the ground's table + 1 */
	uint16_t object, dead;
};

/* A label as this worker has it, and what follows from it. Numbers of labels: 0 is not asked for yet. */
struct worker_label {
	bool known;
	struct label said;                 /* a copy */
	uint32_t type;                     /* said.type in the worker's table; TYPE_NONE */
	raddr type_at, of_at;              /* said.type and said.of; null: TYPE_NONE */
	uint16_t parts[PART_OTHER + 1][2]; /* of its parts, by leaf */
	uint16_t dict_from, dict_to; /* a dict's label, and what it becomes as its attributes */
};

/* What a piece of work is called, and which part of all of it, of 1000. */
struct crew_step {
	const char *name; /* static */
	unsigned from, to;
};

struct crew;

struct worker {
	struct crew *crew;
	struct ground *ground; /* the crew's */
	size_t number;
	struct burst *burst;
	struct type_table *types;
	struct type_table own; /* of all but who works alone */
	VEC(struct worker_type) by_type;
	struct worker_label *by_label; /* LABELS_MAX of them */
	void *context;                 /* of a pass's own, for this worker */
	bool failed;                   /* memory was out */
};

struct crew {
	struct ground *ground;
	const struct ground_request *request; /* what the ground is made for; NULL: not known */
	struct readers *readers;              /* NULL: one works alone */
	pthread_mutex_t lock;
	size_t n;
	struct worker workers[CREW_MAX];
	/* What is under way */
	void (*portion)(struct worker *worker, size_t i);
	void (*visit)(struct worker *worker, const struct plot_place *place);
	size_t n_portions;
	atomic_size_t next;
	atomic_bool ended;
	/* Told how far it is; NULL: nobody asks. */
	bool (*progress)(void *context, const char *step, unsigned done);
	void *progress_context;
	struct crew_step step;
	void *context; /* of a pass, for all workers */
};

/*
 * A crew of as many as there are processors, or of one where memory is read in windows. ERROR_RESOURCE. Threads: free
 * it before anything forks.
 */
struct error *crew_new(struct ground *ground, struct crew **ret) MUST_CHECK;
void crew_free(struct crew *crew); /* takes NULL */

static inline void crew_freep(struct crew **crew)
{
	crew_free(*crew);
}

/*
 * Has each of n portions done by one worker, in any order. False: the person ended it, or memory was out (then
 * crew_failed()).
 */
bool crew_share(struct crew *crew, const struct crew_step *step, size_t n,
		void (*portion)(struct worker *worker, size_t i));

/* The same for each block in use. */
bool crew_sweep(struct crew *crew, const struct crew_step *step,
		void (*visit)(struct worker *worker, const struct plot_place *place));
bool crew_failed(const struct crew *crew);

/* The number of a label that is said of objects of a worker's type, alive or dead. */
uint16_t worker_object_label(struct worker *worker, uint32_t type, bool dead);

/* What a number says; good as long as the crew. */
struct worker_label *worker_label(struct worker *worker, uint16_t label);

/* labels_number() of the ground's, under the lock. */
uint16_t worker_number(struct worker *worker, const struct label *label);

/* The label of a block, which another worker may be changing. */
static inline uint16_t crew_read(const struct ground *ground, uint32_t block)
{
	return __atomic_load_n(&ground->labels.of_block[block], __ATOMIC_RELAXED);
}

static inline void crew_write(struct ground *ground, uint32_t block, uint16_t label)
{
	__atomic_store_n(&ground->labels.of_block[block], label, __ATOMIC_RELAXED);
}

/* Writes it if *before is what is there; else false, and *before is. */
static inline bool crew_replace(struct ground *ground, uint32_t block, uint16_t *before,
				uint16_t label)
{
	return __atomic_compare_exchange_n(&ground->labels.of_block[block], before, label, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

#endif
