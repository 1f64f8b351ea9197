/* privilege: what is left after the drop, and that a stop still goes first without the right to. */
#include "inspector/target/privilege.h"
#include "inspector/target/reading/haste.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child, since there is no way back. Its status is the step that was wrong. */
static int run(int (*steps)(void))
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(steps());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool holds(const char *names)
{
	char *held = privilege_held();
	bool same = held && strcmp(held, names) == 0;
	free(held);
	return same;
}

static int without_needs(void)
{
	privilege_drop(0);
	if (!holds(""))
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	privilege_drop(PRIVILEGE_WRITE | PRIVILEGE_HURRY);
	return holds("") ? 0 : 3; /* what is gone does not come back */
}

/* As one without any right, whoever runs the tests. */
static int as_nobody(void)
{
	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		return 4;
	return without_needs();
}

static int as_root(void)
{
	privilege_drop(PRIVILEGE_TRACE | PRIVILEGE_WRITE | PRIVILEGE_HURRY);
	if (!holds("cap_dac_override, cap_sys_ptrace") &&
	    !holds("cap_dac_override, cap_sys_ptrace, cap_sys_nice"))
		return 1;
	privilege_drop(PRIVILEGE_TRACE | PRIVILEGE_HURRY);
	if (!holds("cap_sys_ptrace") && !holds("cap_sys_ptrace, cap_sys_nice"))
		return 2;
	if (prctl(PR_CAPBSET_READ, 19, 0, 0, 0) != 1 || prctl(PR_CAPBSET_READ, 21, 0, 0, 0) != 0)
		return 3;
	(void)haste_begin();
	if (getpriority(PRIO_PROCESS, 0) != -20)
		return 4;
	haste_at_once();
	return sched_getscheduler(0) == SCHED_FIFO ? 0 : 5;
}

static int who_never_stops(void)
{
	privilege_drop(PRIVILEGE_TRACE);
	if (!holds("cap_sys_ptrace"))
		return 1;
	privilege_drop(0);
	return holds("") ? 0 : 2;
}

static void nobody_has_nothing_to_lose(void **state)
{
	(void)state;
	assert_int_equal(run(as_nobody), 0);
}

static void root_keeps_one_and_may_still_hurry(void **state)
{
	(void)state;
	char *held = privilege_held();
	bool all = held && strstr(held, "cap_sys_ptrace") && strstr(held, "cap_sys_nice") &&
		   strstr(held, "cap_setpcap") && strstr(held, "cap_dac_override");
	free(held);
	if (!all) {
		skip();
		return;
	}
	assert_int_equal(run(as_root), 0);
	assert_int_equal(run(who_never_stops), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_has_nothing_to_lose),
		cmocka_unit_test(root_keeps_one_and_may_still_hurry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
