/* freeze: every way that a stop can end, and company: it never lasts, and harms nobody. */
#include "herd.h"
#include "inspector/target/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *vfork_main(void *argument)
{
	if (vfork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	return argument;
}

static void vfork_run(struct victim *self, void *argument)
{
	(void)argument;
	thread_start(vfork_main);
	victim_tell(self, 1);
	(void)tick_main(NULL);
}

static void uninterruptible_sleep_does_not_hang_us(void **state)
{
	(void)state;
	board->quiet = false;
	struct victim victim = victim_start(vfork_run, NULL);
	assert_int_equal(victim_hear(&victim), 1);
	for (int i = 0; i < 5000 && count_in_state(victim.pid, 'D') == 0; i++)
		clock_sleep(1000000);
	struct freeze_request request = {.pid = victim.pid, .limit_us = 20000};
	struct freeze *freeze = NULL;
	for (unsigned i = 0; i < 5; i++) {
		uint64_t since = clock_ns();
		struct freeze_result failed = {0};
		check_error(freeze_start(&request, &freeze, &failed), ERROR_INCONSISTENT,
			    "not_stopping");
		assert_in_range(failed.us, 5000, 20000 + 5000); /* half of it for stopping, said */
		assert_true(clock_ns() - since < 2 * UINT64_C(1000000000));
		check_runs(victim.pid);
	}
	victim_end(&victim);
}

static void a_slow_reader_does_not_keep_it(void **state)
{
	(void)state;
	struct victim victim = threads_start(20, true);
	struct freeze *freeze = stop(victim.pid, 20000);
	clock_sleep(20000000);
	check_runs(victim.pid);
	assert_false(freeze_holds(freeze));
	clock_sleep(200000000);
	struct freeze_result result = freeze_thaw(freeze);
	assert_true(result.expired);
	assert_true(result.us < 200000);
	check_runs(victim.pid);
	victim_end(&victim);
}

#define N_BUSY 8

static void *busy_main(void *quit)
{
	(void)setpriority(PRIO_PROCESS, 0, -20);
	while (!*(_Atomic bool *)quit)
		continue;
	return NULL;
}

/* Our own readers are as hurried as threads can be without real time: the timer beats them. */
static void busy_readers_do_not_keep_it(void **state)
{
	(void)state;
	struct sched_param least = {.sched_priority = 1}, usual = {0};
	if (sched_setscheduler(0, SCHED_FIFO, &least) != 0)
		skip();
	(void)sched_setscheduler(0, SCHED_OTHER, &usual);
	_Atomic bool quit = false;
	struct victim victim = threads_start(1, true);
	unsigned late = 0;
	for (unsigned round = 0; round < 5; round++) {
		pthread_t busy[N_BUSY];
		struct freeze *freeze = stop(victim.pid, 20000);
		quit = false;
		for (size_t i = 0; i < N_BUSY; i++)
			assert_int_equal(pthread_create(&busy[i], NULL, busy_main, &quit), 0);
		clock_sleep(60000000);
		quit = true;
		for (size_t i = 0; i < N_BUSY; i++)
			(void)pthread_join(busy[i], NULL);
		struct freeze_result result = freeze_thaw(freeze);
		assert_true(result.expired);
		late += result.us > 22000;
	}
	assert_true(late < 2);
	victim_end(&victim);
}

static void too_many_threads_for_the_limit_are_left_alone(void **state)
{
	(void)state;
	struct victim victim = threads_start(300, true);
	struct freeze_request request = {.pid = victim.pid, .limit_us = 4000};
	struct freeze *freeze = NULL;
	for (unsigned i = 0; i < 5; i++)
		check_error(freeze_start(&request, &freeze, NULL), ERROR_INCONSISTENT,
			    "not_stopping");
	check_runs(victim.pid);
	victim_end(&victim);
}

static void tracer_run(struct victim *self, void *argument)
{
	struct freeze *freeze = NULL;
	struct freeze_request request = {.pid = *(pid_t *)argument, .limit_us = 60000000};
	struct error *err = freeze_start(&request, &freeze, NULL);
	victim_tell(self, err ? 2 : 1);
	victim_sleep();
}

static void our_death_lets_it_run(void **state)
{
	(void)state;
	struct victim victim = threads_start(30, true);
	struct victim tracer = victim_start(tracer_run, &victim.pid);
	assert_int_equal(victim_hear(&tracer), 1);
	assert_int_equal(count_in_state(victim.pid, 't'), 30);
	check_still();
	victim_end(&tracer);
	check_runs(victim.pid);
	(void)freeze_thaw(stop(victim.pid, LONG_US));
	victim_end(&victim);
}

static void it_can_be_done_again_and_again(void **state)
{
	(void)state;
	size_t descriptors = count_descriptors();
	struct victim victim = threads_start(20, true);
	pid_t other = fork();
	if (other == 0)
		_exit(42);
	for (unsigned i = 0; i < 250; i++)
		assert_int_equal(freeze_thaw(stop(victim.pid, LONG_US)).n_threads, 20);
	/* Whoever waits for a child of ours still gets it. */
	int status = 0;
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(WEXITSTATUS(status), 42);
	check_runs(victim.pid);
	victim_end(&victim);
	assert_int_equal(waitpid(-1, &status, WNOHANG | __WALL), -1);
	assert_int_equal(count_descriptors(), descriptors);
	assert_int_equal(victim_status(getpid(), "Threads"), 1);
}

static void holder_run(struct victim *self, void *argument)
{
	long failed = ptrace(PTRACE_SEIZE, *(pid_t *)argument, 0, 0);
	victim_tell(self, failed ? 2 : 1);
	victim_sleep();
}

static void another_tracer_is_named(void **state)
{
	(void)state;
	struct victim victim = threads_start(3, true);
	struct victim holder = victim_start(holder_run, &victim.pid);
	assert_int_equal(victim_hear(&holder), 1);
	struct freeze_request request = {.pid = victim.pid, .limit_us = LONG_US};
	struct freeze *freeze = NULL;
	struct error *err = freeze_start(&request, &freeze, NULL);
	char name[16];
	(void)snprintf(name, sizeof(name), "%d", holder.pid);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, name));
	check_error(err, ERROR_PERMISSION, "traced");
	victim_end(&holder);
	check_runs(victim.pid);
	victim_end(&victim);
}

static void leaderless_run(struct victim *self, void *argument)
{
	(void)argument;
	thread_start(tick_main);
	thread_start(idle_main);
	victim_tell(self, 1);
	pthread_exit(NULL);
}

static void a_dead_main_thread_is_left_out(void **state)
{
	(void)state;
	board->quiet = true;
	struct victim victim = victim_start(leaderless_run, NULL);
	assert_int_equal(victim_hear(&victim), 1);
	victim_await_state(victim.pid, 'Z');
	struct freeze *freeze = stop(victim.pid, LONG_US);
	check_still();
	assert_int_equal(freeze_thaw(freeze).n_threads, 2);
	check_runs(victim.pid);
	victim_end(&victim);
}

static void death_during_a_stop_is_no_trouble(void **state)
{
	(void)state;
	struct victim victim = threads_start(10, true);
	struct freeze *freeze = stop(victim.pid, LONG_US);
	assert_int_equal(kill(victim.pid, SIGKILL), 0);
	clock_sleep(5000000);
	(void)freeze_thaw(freeze);
	victim_await_state(victim.pid, 'Z');
	struct freeze_request request = {.pid = victim.pid, .limit_us = LONG_US};
	check_error(freeze_start(&request, &freeze, NULL), ERROR_GONE, NULL);
	pid_t pid = victim.pid;
	victim_end(&victim); /* its parent still gets it */
	request.pid = pid;
	check_error(freeze_start(&request, &freeze, NULL), ERROR_GONE, NULL);
}

/* The directory of a process that has ended leads to no other one, whoever has its pid now. */
static void another_bearer_of_the_pid_is_not_stopped(void **state)
{
	(void)state;
	struct victim first = threads_start(1, true), second = threads_start(1, true);
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d", first.pid);
	int proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(proc > 0);
	struct freeze_request request = {.pid = first.pid, .proc = proc, .limit_us = LONG_US};
	struct freeze *freeze = NULL;
	check_error(freeze_start(&request, &freeze, NULL), 0, NULL);
	assert_int_equal(freeze_thaw(freeze).n_threads, 1);
	victim_end(&first);
	request.pid = second.pid;
	check_error(freeze_start(&request, &freeze, NULL), ERROR_GONE, NULL);
	(void)close(proc);
	victim_end(&second);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(uninterruptible_sleep_does_not_hang_us),
		cmocka_unit_test(a_slow_reader_does_not_keep_it),
		cmocka_unit_test(busy_readers_do_not_keep_it),
		cmocka_unit_test(too_many_threads_for_the_limit_are_left_alone),
		cmocka_unit_test(our_death_lets_it_run),
		cmocka_unit_test(it_can_be_done_again_and_again),
		cmocka_unit_test(another_tracer_is_named),
		cmocka_unit_test(a_dead_main_thread_is_left_out),
		cmocka_unit_test(death_during_a_stop_is_no_trouble),
		cmocka_unit_test(another_bearer_of_the_pid_is_not_stopped),
	};
	return cmocka_run_group_tests(tests, board_make, NULL);
}
