/*
 * freeze: the victim stands still between start and thaw, and afterwards is as it was:
 * running or stopped, every signal delivered.
 */
#include "base/size.h"
#include "herd.h"
#include "inspector/target/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

static void *short_main(void *argument)
{
	for (unsigned i = 0; i < 30; i++) {
		board->ticks++;
		clock_sleep(100000);
	}
	return argument;
}

/* A thread every 100 us or so, each of which shows for some milliseconds that it runs. */
static void fertile_run(struct victim *self, void *argument)
{
	(void)argument;
	victim_tell(self, 1);
	for (;;) {
		thread_start(short_main);
		clock_sleep(20000);
	}
}

static void all_threads_stand_still(size_t n)
{
	struct victim victim = threads_start(n, false);
	struct freeze *freeze = stop(victim.pid, LONG_US);
	assert_int_equal(count_in_state(victim.pid, 't'), n);
	check_still();
	assert_true(freeze_holds(freeze));
	struct freeze_result result = freeze_thaw(freeze);
	assert_int_equal(result.n_threads, n);
	assert_false(result.expired);
	assert_false(result.inside);
	check_runs(victim.pid);
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < 10; i++)
		least = size_min(least, freeze_thaw(stop(victim.pid, LONG_US)).us);
	print_message("%zu threads: %" PRIu64 " us\n", result.n_threads, least);
	victim_end(&victim);
}

static void few_and_many_threads_stand_still(void **state)
{
	(void)state;
	all_threads_stand_still(1);
	all_threads_stand_still(50);
	all_threads_stand_still(200);
}

static void newborn_threads_stand_still(void **state)
{
	(void)state;
	struct victim victim = victim_start(fertile_run, NULL);
	assert_int_equal(victim_hear(&victim), 1);
	uint64_t births = board->births;
	for (unsigned i = 0; i < 100; i++) {
		struct freeze *freeze = stop(victim.pid, LONG_US);
		check_still();
		(void)freeze_thaw(freeze);
	}
	check_runs(victim.pid);
	assert_true(board->births > births);
	victim_end(&victim);
}

static void count_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	board->signals++;
	board->values += (uint64_t)info->si_value.sival_int;
}

static void signals_run(struct victim *self, void *argument)
{
	struct sigaction action = {.sa_sigaction = count_signal, .sa_flags = SA_SIGINFO};
	(void)argument;
	(void)sigaction(SIGRTMIN, &action, NULL);
	(void)sigaction(SIGRTMIN + 1, &action, NULL);
	for (unsigned i = 0; i < 4; i++)
		thread_start(idle_main);
	victim_tell(self, 1);
	victim_sleep();
}

struct sender {
	pid_t pid;
	uint64_t n, values;
	_Atomic bool stop;
};

static void *send_signals(void *argument)
{
	struct sender *sender = argument;
	for (int i = 1; i < 20000 && !sender->stop; i++) {
		union sigval value = {.sival_int = i};
		while (sigqueue(sender->pid, SIGRTMIN + i % 2, value) != 0)
			(void)sched_yield();
		sender->n++;
		sender->values += (uint64_t)i;
		if (i % 16 == 0)
			clock_sleep(100000);
	}
	return NULL;
}

static void every_queued_signal_arrives(void **state)
{
	(void)state;
	board->signals = board->values = 0;
	struct victim victim = victim_start(signals_run, NULL);
	struct sender sender = {.pid = victim.pid};
	pthread_t thread;
	assert_int_equal(victim_hear(&victim), 1);
	assert_int_equal(pthread_create(&thread, NULL, send_signals, &sender), 0);
	for (unsigned i = 0; i < 300; i++)
		(void)freeze_thaw(stop(victim.pid, LONG_US));
	sender.stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 5000 && board->signals < sender.n; i++)
		clock_sleep(1000000);
	assert_true(sender.n > 100);
	assert_int_equal(board->signals, sender.n);
	assert_int_equal(board->values, sender.values);
	print_message("%" PRIu64 " signals\n", sender.n);
	victim_end(&victim);
}

static void a_stopped_process_stays_stopped(void **state)
{
	(void)state;
	struct victim victim = threads_start(5, true);
	assert_int_equal(kill(victim.pid, SIGSTOP), 0);
	victim_await_state(victim.pid, 'T');
	for (unsigned i = 0; i < 20; i++) {
		struct freeze *freeze = stop(victim.pid, LONG_US);
		assert_int_equal(freeze_thaw(freeze).n_threads, 5);
		victim_await_state(victim.pid, 'T');
	}
	check_still();
	assert_int_equal(count_in_state(victim.pid, 'T'), 5);
	assert_int_equal(kill(victim.pid, SIGCONT), 0);
	check_runs(victim.pid);
	victim_end(&victim);
}

static void job_control_during_a_stop_takes_effect_after_it(void **state)
{
	(void)state;
	struct victim victim = threads_start(5, true);
	struct freeze *freeze = stop(victim.pid, LONG_US);
	assert_int_equal(kill(victim.pid, SIGSTOP), 0);
	(void)freeze_thaw(freeze);
	victim_await_state(victim.pid, 'T');
	freeze = stop(victim.pid, LONG_US);
	assert_int_equal(kill(victim.pid, SIGCONT), 0);
	check_still();
	(void)freeze_thaw(freeze);
	check_runs(victim.pid);
	victim_end(&victim);
}

static void the_place_of_the_stop_is_seen(void **state)
{
	(void)state;
	struct victim victim = threads_start(1, false);
	struct freeze_range code[2] = {{raddr_at((uintptr_t)board), 64},
				       {raddr_at((uintptr_t)tick_main), 512}};
	struct freeze_request request = {
		.pid = victim.pid, .limit_us = LONG_US, .code = code, .n_code = 2};
	unsigned inside = 0;
	for (unsigned i = 0; i < 50; i++) {
		struct freeze *freeze = NULL;
		check_error(freeze_start(&request, &freeze, NULL), 0, NULL);
		bool is_inside = freeze_inside(freeze);
		inside += is_inside;
		assert_int_equal(freeze_thaw(freeze).inside, is_inside);
	}
	assert_true(inside > 0);
	request.n_code = 1;
	struct freeze *freeze = NULL;
	check_error(freeze_start(&request, &freeze, NULL), 0, NULL);
	assert_false(freeze_thaw(freeze).inside);
	victim_end(&victim);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_and_many_threads_stand_still),
		cmocka_unit_test(newborn_threads_stand_still),
		cmocka_unit_test(every_queued_signal_arrives),
		cmocka_unit_test(a_stopped_process_stays_stopped),
		cmocka_unit_test(job_control_during_a_stop_takes_effect_after_it),
		cmocka_unit_test(the_place_of_the_stop_is_seen),
	};
	return cmocka_run_group_tests(tests, board_make, NULL);
}
