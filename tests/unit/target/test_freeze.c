/*
 * freeze: the victim stands still between start and thaw, and afterwards is as it was:
 * running or stopped, every signal delivered, traced by nobody.
 */
#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/clock.h"
#include "inspector/target/freeze.h"
#include "inspector/target/procfs.h"
#include "victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_US 5000000

/* Shared with every victim. */
static struct board {
	_Atomic uint64_t ticks; /* only a running thread adds to it */
	_Atomic uint64_t signals, values;
	_Atomic uint64_t births;
	_Atomic bool quiet; /* threads that tick rest */
} * board;

static int board_make(void **state)
{
	(void)state;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return board == MAP_FAILED;
}

/* ---- victims ------------------------------------------------------------------------------ */

static void *idle_main(void *argument)
{
	(void)argument;
	victim_sleep();
}

__attribute__((noinline)) static void *tick_main(void *argument)
{
	for (;;) {
		board->ticks++;
		if (board->quiet)
			clock_sleep(1000000);
	}
	return argument;
}

static void thread_start(void *(*run)(void *))
{
	pthread_t thread;
	pthread_attr_t attributes;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, 128 * KIB);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, run, NULL) == 0)
		board->births++;
	(void)pthread_attr_destroy(&attributes);
}

/* argument: how many threads in all, of which one ticks. */
static void threads_run(struct victim *self, void *argument)
{
	for (size_t i = 1; i < *(size_t *)argument; i++)
		thread_start(idle_main);
	victim_tell(self, 1);
	(void)tick_main(NULL);
}

static void *short_main(void *argument)
{
	for (unsigned i = 0; i < 20000; i++)
		board->ticks++;
	return argument;
}

static void fertile_run(struct victim *self, void *argument)
{
	(void)argument;
	victim_tell(self, 1);
	for (;;) {
		thread_start(short_main);
		board->ticks++;
		if (board->births % 8 == 0)
			clock_sleep(1000000);
	}
}

static struct victim threads_start(size_t n, bool quiet)
{
	board->quiet = quiet;
	struct victim victim = victim_start(threads_run, &n);
	assert_int_equal(victim_hear(&victim), 1);
	return victim;
}

/* ---- looking on --------------------------------------------------------------------------- */

/* How many threads of the process are in the state. */
static size_t count_in_state(pid_t pid, char wanted)
{
	char path[64];
	size_t n = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		int dir =
			openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct procfs_stat stat;
		if (entry->d_name[0] == '.' || dir < 0) {
			close_fd(&dir);
			continue;
		}
		struct error *err = procfs_stat(dir, &stat);
		n += !err && stat.state == wanted;
		error_free(err);
		(void)close(dir);
	}
	(void)closedir(directory);
	return n;
}

static void check_still(void)
{
	uint64_t before = board->ticks;
	clock_sleep(2000000);
	assert_int_equal(board->ticks, before);
}

static void check_runs(pid_t pid)
{
	uint64_t before = board->ticks;
	for (int i = 0; i < 5000 && board->ticks == before; i++)
		clock_sleep(1000000);
	assert_true(board->ticks > before);
	assert_int_equal(victim_status(pid, "TracerPid"), 0);
	assert_int_equal(count_in_state(pid, 't'), 0);
}

static struct freeze *start(pid_t pid, uint64_t limit_us)
{
	struct freeze *freeze = NULL;
	struct freeze_request request = {.pid = pid, .limit_us = limit_us};
	check_error(freeze_start(&request, &freeze), 0, NULL);
	return freeze;
}

/* ---- tests -------------------------------------------------------------------------------- */

static void all_threads_stand_still(size_t n)
{
	struct victim victim = threads_start(n, false);
	struct freeze *freeze = start(victim.pid, LONG_US);
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
		least = size_min(least, freeze_thaw(start(victim.pid, LONG_US)).us);
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
	for (unsigned i = 0; i < 40; i++) {
		struct freeze *freeze = start(victim.pid, LONG_US);
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
		(void)freeze_thaw(start(victim.pid, LONG_US));
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
		struct freeze *freeze = start(victim.pid, LONG_US);
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
	struct freeze *freeze = start(victim.pid, LONG_US);
	assert_int_equal(kill(victim.pid, SIGSTOP), 0);
	(void)freeze_thaw(freeze);
	victim_await_state(victim.pid, 'T');
	freeze = start(victim.pid, LONG_US);
	assert_int_equal(kill(victim.pid, SIGCONT), 0);
	check_still();
	(void)freeze_thaw(freeze);
	check_runs(victim.pid);
	victim_end(&victim);
}

/* ---- the limit ------------------------------------------------------------------------------ */

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
		check_error(freeze_start(&request, &freeze), ERROR_INCONSISTENT, "not_stopping");
		assert_true(clock_ns() - since < 2 * UINT64_C(1000000000));
		check_runs(victim.pid);
	}
	victim_end(&victim);
}

static void a_slow_reader_does_not_keep_it(void **state)
{
	(void)state;
	struct victim victim = threads_start(20, true);
	struct freeze *freeze = start(victim.pid, 20000);
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

static void tracer_run(struct victim *self, void *argument)
{
	struct freeze *freeze = NULL;
	struct freeze_request request = {.pid = *(pid_t *)argument, .limit_us = 60000000};
	struct error *err = freeze_start(&request, &freeze);
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
	(void)freeze_thaw(start(victim.pid, LONG_US));
	victim_end(&victim);
}

/* ---- many, and in company ------------------------------------------------------------------- */

static void it_can_be_done_again_and_again(void **state)
{
	(void)state;
	size_t descriptors = count_descriptors();
	struct victim victim = threads_start(20, true);
	pid_t other = fork();
	if (other == 0)
		_exit(42);
	for (unsigned i = 0; i < 250; i++)
		assert_int_equal(freeze_thaw(start(victim.pid, LONG_US)).n_threads, 20);
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
	struct error *err = freeze_start(&request, &freeze);
	char name[16];
	(void)snprintf(name, sizeof(name), "%d", holder.pid);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, name));
	check_error(err, ERROR_PERMISSION, "traced");
	victim_end(&holder);
	check_runs(victim.pid);
	victim_end(&victim);
}

/* ---- ends ----------------------------------------------------------------------------------- */

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
	struct freeze *freeze = start(victim.pid, LONG_US);
	check_still();
	assert_int_equal(freeze_thaw(freeze).n_threads, 2);
	check_runs(victim.pid);
	victim_end(&victim);
}

static void death_during_a_stop_is_no_trouble(void **state)
{
	(void)state;
	struct victim victim = threads_start(10, true);
	struct freeze *freeze = start(victim.pid, LONG_US);
	assert_int_equal(kill(victim.pid, SIGKILL), 0);
	clock_sleep(5000000);
	(void)freeze_thaw(freeze);
	victim_await_state(victim.pid, 'Z');
	struct freeze_request request = {.pid = victim.pid, .limit_us = LONG_US};
	check_error(freeze_start(&request, &freeze), ERROR_GONE, NULL);
	pid_t pid = victim.pid;
	victim_end(&victim); /* its parent still gets it */
	request.pid = pid;
	check_error(freeze_start(&request, &freeze), ERROR_GONE, NULL);
}

static void the_place_of_the_stop_is_seen(void **state)
{
	(void)state;
	struct victim victim = threads_start(1, false);
	struct freeze_range code[2] = {{raddr_at((uintptr_t)board), 64},
				       {raddr_at((uintptr_t)tick_main), 512}};
	struct freeze_request request = {victim.pid, LONG_US, code, 2};
	unsigned inside = 0;
	for (unsigned i = 0; i < 50; i++) {
		struct freeze *freeze = NULL;
		check_error(freeze_start(&request, &freeze), 0, NULL);
		bool is_inside = freeze_inside(freeze);
		inside += is_inside;
		assert_int_equal(freeze_thaw(freeze).inside, is_inside);
	}
	assert_true(inside > 0);
	request.n_code = 1;
	struct freeze *freeze = NULL;
	check_error(freeze_start(&request, &freeze), 0, NULL);
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
		cmocka_unit_test(uninterruptible_sleep_does_not_hang_us),
		cmocka_unit_test(a_slow_reader_does_not_keep_it),
		cmocka_unit_test(our_death_lets_it_run),
		cmocka_unit_test(it_can_be_done_again_and_again),
		cmocka_unit_test(another_tracer_is_named),
		cmocka_unit_test(a_dead_main_thread_is_left_out),
		cmocka_unit_test(death_during_a_stop_is_no_trouble),
		cmocka_unit_test(the_place_of_the_stop_is_seen),
	};
	return cmocka_run_group_tests(tests, board_make, NULL);
}
