/*
 * readers: one job at a time. A round number tells a waking thread that there is a
 * new one; the last to finish wakes the caller.
 */
#include "inspector/target/reading/readers.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct reader {
	struct readers *readers;
	size_t number;
	pthread_t thread;
};

struct readers {
	pthread_mutex_t lock;
	pthread_cond_t begin, end;
	uint64_t round;
	size_t n_busy;
	bool quit;
	reader_fn *work;
	void *context;
	size_t n;
	struct reader list[];
};

static void *reader_main(void *argument)
{
	struct reader *self = argument;
	struct readers *readers = self->readers;
	uint64_t round = 0;
	(void)pthread_mutex_lock(&readers->lock);
	for (;;) {
		while (!readers->quit && readers->round == round)
			(void)pthread_cond_wait(&readers->begin, &readers->lock);
		if (readers->quit)
			break;
		round = readers->round;
		(void)pthread_mutex_unlock(&readers->lock);
		readers->work(readers->context, self->number);
		(void)pthread_mutex_lock(&readers->lock);
		if (--readers->n_busy == 0)
			(void)pthread_cond_signal(&readers->end);
	}
	(void)pthread_mutex_unlock(&readers->lock);
	return NULL;
}

/* Threads inherit the mask: a signal must find the program's own thread, not one of these. */
static int start_all(struct readers *readers, size_t n)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = 0;
	for (size_t i = 0; i < n && !failure; i++) {
		struct reader *reader = &readers->list[i];
		*reader = (struct reader){.readers = readers, .number = i + 1};
		failure = pthread_create(&reader->thread, NULL, reader_main, reader);
		readers->n += !failure;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

struct error *readers_new(size_t n, struct readers **ret)
{
	struct readers *readers = calloc(1, sizeof(*readers) + n * sizeof(readers->list[0]));
	if (!readers)
		return error_out_of_memory();
	(void)pthread_mutex_init(&readers->lock, NULL);
	(void)pthread_cond_init(&readers->begin, NULL);
	(void)pthread_cond_init(&readers->end, NULL);
	int failure = start_all(readers, n);
	if (n > 0 && readers->n == 0) {
		readers_free(readers);
		return error_errno(ERROR_RESOURCE, failure, "starting a reader thread");
	}
	*ret = readers;
	return NULL;
}

void readers_free(struct readers *readers)
{
	if (!readers)
		return;
	(void)pthread_mutex_lock(&readers->lock);
	readers->quit = true;
	(void)pthread_cond_broadcast(&readers->begin);
	(void)pthread_mutex_unlock(&readers->lock);
	for (size_t i = 0; i < readers->n; i++)
		(void)pthread_join(readers->list[i].thread, NULL);
	(void)pthread_cond_destroy(&readers->begin);
	(void)pthread_cond_destroy(&readers->end);
	(void)pthread_mutex_destroy(&readers->lock);
	free(readers);
}

size_t readers_count(const struct readers *readers)
{
	return readers ? readers->n : 0;
}

/*
 * One processor each, none of them the caller's. The kernel would get there too, but a thread that
 * waits behind another one is moved at its next tick, milliseconds later: too late for a short job.
 */
static void spread(struct readers *readers)
{
	cpu_set_t all;
	int current = sched_getcpu();
	size_t here = (size_t)current, next = 0;
	if (current < 0 || sched_getaffinity(0, sizeof(all), &all) != 0)
		return;
	for (size_t i = 0; i < readers->n; i++) {
		cpu_set_t one;
		while (next < CPU_SETSIZE && (next == here || !CPU_ISSET(next, &all)))
			next++;
		if (next == CPU_SETSIZE)
			return;
		CPU_ZERO(&one);
		CPU_SET(next++, &one);
		(void)pthread_setaffinity_np(readers->list[i].thread, sizeof(one), &one);
	}
}

void readers_run(struct readers *readers, reader_fn *work, void *context)
{
	(void)pthread_mutex_lock(&readers->lock);
	readers->work = work;
	readers->context = context;
	readers->n_busy = readers->n;
	spread(readers);
	readers->round++;
	(void)pthread_cond_broadcast(&readers->begin);
	(void)pthread_mutex_unlock(&readers->lock);
	work(context, 0);
	(void)pthread_mutex_lock(&readers->lock);
	while (readers->n_busy > 0)
		(void)pthread_cond_wait(&readers->end, &readers->lock);
	(void)pthread_mutex_unlock(&readers->lock);
}
