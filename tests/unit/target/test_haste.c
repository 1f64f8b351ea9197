/* haste: a thread goes first for a while and comes back to where it was. */
#include "inspector/target/reading/haste.h"

#include "inspector/target/stop/freeze.h"
#include "tests/unit/target/victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child, since going behind others is for good without privileges. Its status is the step
 * that was wrong. */
static int steps(void)
{
	int before = getpriority(PRIO_PROCESS, 0);
	if (haste_begin() != before || getpriority(PRIO_PROCESS, 0) > before)
		return 1;
	haste_end(before);
	if (getpriority(PRIO_PROCESS, 0) != before)
		return 2;
	haste_never();
	int behind = getpriority(PRIO_PROCESS, 0);
	if (before < 10 ? behind <= before : behind != before) /* already behind, as under nice */
		return 3;
	haste_end(haste_begin());
	if (getpriority(PRIO_PROCESS, 0) != behind)
		return 4;
	haste_idle();
	return sched_getscheduler(0) == SCHED_IDLE ? 0 : 5;
}

static void a_thread_comes_back_to_where_it_was(void **state)
{
	(void)state;
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(steps());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void sleeper(struct victim *self, void *argument)
{
	(void)argument;
	victim_tell(self, 1);
	victim_sleep();
}

static void a_stop_leaves_its_caller_as_it_was(void **state)
{
	(void)state;
	struct victim victim = victim_start(sleeper, NULL);
	struct freeze_request request = {.pid = victim.pid, .limit_us = 1000000};
	struct freeze *freeze = NULL;
	assert_int_equal(victim_hear(&victim), 1);
	int before = getpriority(PRIO_PROCESS, 0);
	bool may = setpriority(PRIO_PROCESS, 0, before - 1) == 0;
	(void)setpriority(PRIO_PROCESS, 0, before);
	assert_null(freeze_start(&request, &freeze, NULL));
	int during = getpriority(PRIO_PROCESS, 0);
	(void)freeze_thaw(freeze);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
	assert_true(may ? during < before : during == before);
	request.pid = 0x7ffffff0; /* nobody */
	struct error *err = freeze_start(&request, &freeze, NULL);
	assert_non_null(err);
	error_free(err);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
	victim_end(&victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_comes_back_to_where_it_was),
		cmocka_unit_test(a_stop_leaves_its_caller_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
