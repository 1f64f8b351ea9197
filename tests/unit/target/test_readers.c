/* readers: every thread gets the job, on a processor of its own. */
#include "inspector/target/reading/readers.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define READERS 3

struct job {
	_Atomic unsigned done[READERS + 1];
	cpu_set_t where[READERS + 1]; /* each may run */
};

static void work(void *context, size_t reader)
{
	struct job *job = context;
	(void)sched_getaffinity(0, sizeof(job->where[reader]), &job->where[reader]);
	job->done[reader]++;
}

static void check_done(const struct job *job, size_t n, unsigned times)
{
	for (size_t i = 0; i <= n; i++)
		assert_int_equal(job->done[i], times);
}

static struct readers *start(size_t n)
{
	struct readers *readers = NULL;
	assert_null(readers_new(n, &readers));
	assert_int_equal(readers_count(readers), n);
	return readers;
}

static void each_thread_does_each_job_once(void **state)
{
	(void)state;
	struct readers *readers = start(READERS);
	struct job job = {0};
	for (unsigned round = 1; round <= 100; round++) {
		readers_run(readers, work, &job);
		check_done(&job, READERS, round);
	}
	readers_free(readers);
}

static void a_reader_shares_no_processor(void **state)
{
	(void)state;
	cpu_set_t all;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		skip();
	struct readers *readers = start(1);
	struct job job = {0};
	readers_run(readers, work, &job);
	assert_int_equal(CPU_COUNT(&job.where[1]), 1);
	readers_free(readers);
	assert_true(CPU_EQUAL(&job.where[0], &all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_does_each_job_once),
		cmocka_unit_test(a_reader_shares_no_processor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
