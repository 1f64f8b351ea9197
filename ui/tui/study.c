/*
 * study: the dashboard polls; nothing but two numbers is shared while the thread runs.
 *
 *	begin ──► thread: inspector_look ──► ready ──► take
 *	             │ progress: done, end?
 */
#include "ui/tui/study.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct study {
	struct inspector *inspector;
	pthread_t thread;
	bool running;            /* the thread is to be joined */
	_Atomic bool ended, end; /* it has come to its end; it is to come to it */
	_Atomic unsigned done;
	struct snapshot *snapshot; /* the thread's until it has ended */
	struct error *err;
	bool has_looked;
};

static bool on_progress(void *context, const char *step, unsigned done)
{
	struct study *study = context;
	(void)step;
	atomic_store(&study->done, done);
	return !atomic_load(&study->end);
}

struct error *study_open(const struct inspector_request *request, struct study **ret)
{
	struct inspector_request own = *request;
	_cleanup_(study_closep) struct study *study = calloc(1, sizeof(*study));
	if (!study)
		return error_out_of_memory();
	own.parts = LOOK_LEDGER | LOOK_MALLOC | LOOK_CENSUS | LOOK_HOLDERS | LOOK_VERDICT;
	own.repeating = true; /* so that smaps is not read: that would hold the target up */
	own.progress = on_progress;
	own.progress_context = study;
	struct error *err = inspector_open(&own, &study->inspector);
	if (err)
		return err;
	*ret = take(study);
	return NULL;
}

static void *run(void *context)
{
	struct study *study = context;
	study->err = inspector_look(study->inspector, &study->snapshot);
	atomic_store(&study->ended, true);
	return NULL;
}

/* Signals are for the thread that shows. */
static int start_thread(struct study *study)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&study->thread, NULL, run, study);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

struct error *study_begin(struct study *study)
{
	if (study->running)
		return NULL;
	atomic_store(&study->ended, false);
	atomic_store(&study->done, 0);
	int failed = start_thread(study);
	if (failed)
		return error_errno(ERROR_RESOURCE, failed, "starting a thread");
	study->running = true;
	return NULL;
}

enum study_state study_state(struct study *study)
{
	if (!study->running)
		return STUDY_IDLE;
	return atomic_load(&study->ended) ? STUDY_READY : STUDY_UNDER_WAY;
}

unsigned study_done(struct study *study)
{
	return atomic_load(&study->done);
}

static void join(struct study *study)
{
	(void)pthread_join(study->thread, NULL);
	study->running = false;
}

struct error *study_take(struct study *study, struct snapshot **ret)
{
	if (study_state(study) != STUDY_READY)
		return error_new(ERROR_BUG, "nothing is ready");
	join(study);
	struct error *err = study->err;
	study->err = NULL;
	if (err)
		return err;
	*ret = study->snapshot;
	study->snapshot = NULL;
	study->has_looked = true;
	return NULL;
}

struct error *study_object(struct study *study, raddr at, struct inspector_object *ret)
{
	if (study->running || !study->has_looked)
		return error_new(ERROR_USAGE, "every block is being looked into; try again when "
					      "that is done");
	return inspector_object(study->inspector, at, ret);
}

void study_close(struct study *study)
{
	if (!study)
		return;
	atomic_store(&study->end, true);
	if (study->running)
		join(study);
	error_free(study->err);
	snapshot_free(study->snapshot);
	inspector_close(study->inspector);
	free(study);
}
