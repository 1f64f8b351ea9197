/*
 * freeze: the tracer thread's life, and the two questions that it is asked.
 *
 *	state    STARTING ──── FROZEN ──── (asked to thaw, or limit) ──── ENDED
 *	              └──────────────── FAILED
 *
 * The clock runs from the first INTERRUPT, so all that can be done before is done before:
 * the thread, its memory, SEIZE. Whatever goes wrong, the thread ends, and its end is
 * what the kernel takes for letting go.
 */
#include "inspector/target/stop/freeze.h"

#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/reading/haste.h"
#include "inspector/target/stop/tracees.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define SEIZE_ROUNDS 4               /* before the clock runs: threads are born meanwhile */
#define DETACH_NS    10000           /* what letting one thread go takes */
#define THREAD_NS    UINT64_C(15000) /* and with stopping it */
#define THREAD_ROOM  256 /* threads that may be born during the stop, without allocation */
#define THREAD_STACK (256 * KIB)
#define LET_GO_NS    (UINT64_C(100) * 1000 * 1000)

enum freeze_state { FREEZE_STARTING, FREEZE_FROZEN, FREEZE_FAILED, FREEZE_ENDED };

struct freeze {
	struct freeze_request request;
	struct freeze_range *code;
	pthread_t thread;
	pid_t tid; /* the tracer's */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum freeze_state state;
	bool thaw_asked;
	struct error *err;
	int calm;         /* the caller's nice value before */
	uint64_t started; /* clock_ns of the first INTERRUPT */
	struct freeze_result result;
};

/* ---- the tracer thread ------------------------------------------------------------------ */

static void set_state(struct freeze *freeze, enum freeze_state state)
{
	(void)pthread_mutex_lock(&freeze->lock);
	freeze->state = state;
	(void)pthread_cond_broadcast(&freeze->changed);
	(void)pthread_mutex_unlock(&freeze->lock);
}

/* Attaches to all, stopping none yet. */
static struct error *attach_all(struct tracees *tracees)
{
	size_t known;
	for (unsigned round = 0; round < SEIZE_ROUNDS; round++) {
		known = tracees->list.count;
		struct error *err = tracees_seize(tracees);
		if (err)
			return err;
		if (tracees->list.count == known)
			break;
	}
	tracees_tell_apart(tracees);
	return vec_reserve(&tracees->list, tracees->list.count + THREAD_ROOM)
		       ? NULL
		       : error_out_of_memory();
}

static struct error *not_stopping(const struct tracees *tracees)
{
	size_t left = tracees->list.count - tracees_stopped(tracees);
	struct error *err = error_new(ERROR_INCONSISTENT,
				      "%zu of %zu threads did not stop in time (in uninterruptible "
				      "sleep, or waiting for a processor)",
				      left, tracees->list.count);
	return error_rule(error_remedy(err, "try again, or allow a longer stop: --max-pause"),
			  "not_stopping");
}

/* No timer can hold a limit that passes before the last thread is asked to stop. */
static struct error *check_limit(const struct freeze *freeze, const struct tracees *tracees)
{
	if (tracees->list.count * THREAD_NS / 1000 <= freeze->request.limit_us)
		return NULL;
	struct error *err = error_new(ERROR_INCONSISTENT,
				      "its %zu threads cannot be stopped and let go in %g ms",
				      tracees->list.count, (double)freeze->request.limit_us / 1000);
	return error_rule(error_remedy(err, "allow a longer stop: --max-pause"), "not_stopping");
}

/*
 * Stops all, and those that are born while others are being stopped. What computes goes on until all
 * that sleep stand: with hundreds of threads that is half of its stop.
 */
static struct error *stop_all(struct tracees *tracees, uint64_t deadline)
{
	for (;;) {
		tracees_interrupt(tracees, TRACEES_SLEEPING);
		if (!tracees_wait(tracees, deadline))
			return not_stopping(tracees);
		tracees_interrupt(tracees, TRACEES_ALL);
		if (!tracees_wait(tracees, deadline))
			return not_stopping(tracees);
		if (tracees_complete(tracees))
			break;
		size_t known = tracees->list.count;
		struct error *err = tracees_seize(tracees);
		if (err)
			return err;
		if (tracees->list.count == known)
			break; /* the others have ended but are not buried yet */
	}
	if (tracees_stopped(tracees) == 0)
		return error_new(ERROR_GONE, "process %d has ended", tracees->pid);
	return NULL;
}

/* When to begin letting go, so that the last thread runs before the limit. */
static uint64_t thaw_time(const struct freeze *freeze, const struct tracees *tracees)
{
	uint64_t limit = size_multiply(freeze->request.limit_us, 1000);
	uint64_t margin = size_min(tracees->list.count * DETACH_NS, limit / 2);
	return size_add(freeze->started, limit - margin);
}

/* Until asked or until the time is up, whichever is first; says whether it was up. */
static bool wait_for_thaw(struct freeze *freeze, uint64_t until)
{
	struct timespec at = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
	int result = 0;
	(void)pthread_mutex_lock(&freeze->lock);
	while (!freeze->thaw_asked && result != ETIMEDOUT)
		result = pthread_cond_clockwait(&freeze->changed, &freeze->lock, CLOCK_MONOTONIC,
						&at);
	bool expired = !freeze->thaw_asked;
	(void)pthread_mutex_unlock(&freeze->lock);
	return expired;
}

static struct error *hold(struct freeze *freeze, struct tracees *tracees)
{
	struct error *err = attach_all(tracees);
	err = err ?: check_limit(freeze, tracees);
	if (err)
		return err;
	freeze->started = clock_ns();
	/* A stop that leaves no time to copy is worth nothing: half of it for stopping. */
	uint64_t half = size_multiply(freeze->request.limit_us, 1000) / 2;
	err = stop_all(tracees, size_add(freeze->started, half));
	if (!err) {
		freeze->result.n_threads = tracees_stopped(tracees);
		freeze->result.inside =
			tracees_inside(tracees, freeze->code, freeze->request.n_code);
		/* Only now: those who are to stop may need our processor for it. But once they stand,
		 * the readers, as hurried as this thread, would keep it from its timer. */
		haste_at_once();
		set_state(freeze, FREEZE_FROZEN);
		freeze->result.expired = wait_for_thaw(freeze, thaw_time(freeze, tracees));
	}
	tracees_detach(tracees);
	freeze->result.us = (clock_ns() - freeze->started) / 1000;
	return err;
}

static void *tracer_main(void *argument)
{
	struct freeze *freeze = argument;
	struct tracees tracees;
	/* For this thread alone: a sleep of 20 us that takes 70 is 50 us more of standing still. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	(void)haste_begin();
	freeze->tid = (pid_t)syscall(SYS_gettid);
	freeze->err = tracees_open(freeze->request.pid, freeze->request.proc, &tracees);
	if (!freeze->err) {
		freeze->err = hold(freeze, &tracees);
		tracees_close(&tracees);
	}
	set_state(freeze, freeze->err ? FREEZE_FAILED : FREEZE_ENDED);
	return NULL;
}

/* ---- the caller's side -------------------------------------------------------------------- */

static void freeze_free(struct freeze *freeze)
{
	haste_end(freeze->calm);
	(void)pthread_cond_destroy(&freeze->changed);
	(void)pthread_mutex_destroy(&freeze->lock);
	free(freeze->code);
	free(freeze);
}

static struct freeze *freeze_new(const struct freeze_request *request)
{
	struct freeze *freeze = calloc(1, sizeof(*freeze));
	struct freeze_range *code = calloc(request->n_code + 1, sizeof(*code));
	if (!freeze || !code) {
		free(freeze);
		free(code);
		return NULL;
	}
	freeze->request = *request;
	freeze->request.code = NULL;
	freeze->code = code;
	if (request->n_code > 0)
		memcpy(code, request->code, request->n_code * sizeof(*code));
	(void)pthread_mutex_init(&freeze->lock, NULL);
	(void)pthread_cond_init(&freeze->changed, NULL);
	return freeze;
}

/* With all signals blocked, so that none of the program's is handled here. */
static int start_tracer(struct freeze *freeze)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	int failure = pthread_attr_init(&attributes);
	if (failure)
		return failure;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_setstacksize(&attributes, THREAD_STACK);
	failure = pthread_create(&freeze->thread, &attributes, tracer_main, freeze);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return failure;
}

/* A joined thread may not have let go yet: the kernel does that a moment later, on its way out. */
static void join_tracer(struct freeze *freeze)
{
	(void)pthread_join(freeze->thread, NULL);
	uint64_t deadline = clock_ns() + LET_GO_NS;
	while (syscall(SYS_tgkill, getpid(), freeze->tid, 0) == 0 && clock_ns() < deadline)
		clock_sleep(20000);
}

static enum freeze_state wait_while_starting(struct freeze *freeze)
{
	(void)pthread_mutex_lock(&freeze->lock);
	while (freeze->state == FREEZE_STARTING)
		(void)pthread_cond_wait(&freeze->changed, &freeze->lock);
	enum freeze_state state = freeze->state;
	(void)pthread_mutex_unlock(&freeze->lock);
	return state;
}

struct error *freeze_start(const struct freeze_request *request, struct freeze **ret,
			   struct freeze_result *ret_failed)
{
	struct freeze *freeze = freeze_new(request);
	if (!freeze)
		return error_out_of_memory();
	freeze->calm = haste_begin();
	int failure = start_tracer(freeze);
	if (failure) {
		freeze_free(freeze);
		return error_errno(ERROR_RESOURCE, failure, "starting the tracer thread");
	}
	if (wait_while_starting(freeze) != FREEZE_FAILED) {
		*ret = freeze;
		return NULL;
	}
	join_tracer(freeze);
	struct error *err = take(freeze->err);
	if (ret_failed)
		*ret_failed = freeze->result;
	freeze_free(freeze);
	return err;
}

bool freeze_inside(const struct freeze *freeze)
{
	return freeze->result.inside;
}

bool freeze_holds(struct freeze *freeze)
{
	(void)pthread_mutex_lock(&freeze->lock);
	bool holds = freeze->state == FREEZE_FROZEN;
	(void)pthread_mutex_unlock(&freeze->lock);
	return holds;
}

struct freeze_result freeze_thaw(struct freeze *freeze)
{
	(void)pthread_mutex_lock(&freeze->lock);
	freeze->thaw_asked = true;
	(void)pthread_cond_broadcast(&freeze->changed);
	(void)pthread_mutex_unlock(&freeze->lock);
	join_tracer(freeze);
	struct freeze_result result = freeze->result;
	error_free(freeze->err);
	freeze_free(freeze);
	return result;
}
