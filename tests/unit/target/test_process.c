/*
 * process: which processes can be opened, what is said of those that cannot, and when one
 * is no more what it was.
 */
#include "base/cleanup.h"
#include "inspector/target/process/permission.h"
#include "inspector/target/process/process.h"
#include "inspector/target/reading/live.h"
#include "inspector/target/stop/freeze.h"
#include "victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* ---- victims and lookers -------------------------------------------------------------------- */

static void become_nobody(void)
{
	if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user clears it */
}

static void nobody_run(struct victim *self, void *argument)
{
	become_nobody();
	(void)prctl(PR_SET_DUMPABLE, *(int *)argument);
	victim_tell(self, 1);
	victim_sleep();
}

static void capable_run(struct victim *self, void *argument)
{
	(void)argument;
	(void)prctl(PR_SET_KEEPCAPS, 1);
	become_nobody();
	(void)prctl(PR_SET_DUMPABLE, 1);
	victim_tell(self, 1);
	victim_sleep();
}

/* A process that changes itself by `prepare` and then tries to look at `pid`. */
struct looker {
	pid_t pid;
	void (*prepare)(void);
	bool freeze; /* try to stop it, else to open it */
	const char *rule;
};

static struct error *looker_try(const struct looker *looker)
{
	struct process *process = NULL;
	struct freeze *freeze = NULL;
	struct freeze_request request = {.pid = looker->pid, .limit_us = 1000000};
	struct error *err = looker->freeze ? freeze_start(&request, &freeze, NULL)
					   : process_open(looker->pid, &process);
	process_close(process);
	if (freeze)
		(void)freeze_thaw(freeze);
	return err;
}

static void looker_run(struct victim *self, void *argument)
{
	const struct looker *looker = argument;
	looker->prepare();
	struct error *err = looker_try(looker);
	bool same = err && err->rule && looker->rule && strcmp(err->rule, looker->rule) == 0;
	if (err && (!same || !err->remedy))
		fprintf(stderr, "%s: %s\n", err->rule ? err->rule : "no rule", err->cause);
	victim_tell(self, err ? (uint64_t)err->kind * 2 + (same && err->remedy) : 0);
	error_free(err);
	victim_sleep();
}

/* Fails the test unless the looker meets that rule; NULL: unless it may look. */
static void check_looker(pid_t pid, void (*prepare)(void), bool freeze, const char *rule)
{
	struct looker looker = {pid, prepare, freeze, rule};
	struct victim victim = victim_start(looker_run, &looker);
	uint64_t expected = rule ? ERROR_PERMISSION * 2 + 1 : 0;
	assert_int_equal(victim_hear(&victim), expected);
	victim_end(&victim);
}

/* ---- what is not there ------------------------------------------------------------------------ */

static void what_is_no_process_is_gone(void **state)
{
	(void)state;
	struct process *process = NULL;
	static const pid_t pids[] = {0, -1, 0x7fffffff, 4194304};
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		check_error(process_open(pids[i], &process), ERROR_GONE, NULL);
	struct victim victim = victim_ready(victim_plain, NULL);
	pid_t pid = victim.pid;
	victim_end(&victim);
	check_error(process_open(pid, &process), ERROR_GONE, NULL);
	assert_null(process);
}

static void a_zombie_is_gone(void **state)
{
	(void)state;
	struct process *process = NULL;
	struct victim victim = victim_ready(victim_plain, NULL);
	assert_int_equal(kill(victim.pid, SIGKILL), 0);
	victim_await_state(victim.pid, 'Z');
	struct error *err = process_open(victim.pid, &process);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, "parent"));
	check_error(err, ERROR_GONE, NULL);
	victim_end(&victim);
}

static void a_kernel_thread_is_gone(void **state)
{
	(void)state;
	struct process *process = NULL;
	char comm[32] = "";
	_cleanup_(close_fd) int fd = open("/proc/2/comm", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, comm, sizeof(comm) - 1) <= 0 || strcmp(comm, "kthreadd\n") != 0) {
		print_message("skipped: no kernel threads in this pid namespace\n");
		skip();
	}
	struct error *err = process_open(2, &process);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, "kernel thread"));
	check_error(err, ERROR_GONE, NULL);
}

/* ---- what may not be looked at ------------------------------------------------------------------ */

static void do_nothing(void)
{
}

static void other_users_are_refused(void **state)
{
	(void)state;
	need_root();
	struct victim victim = victim_ready(victim_plain, NULL);
	check_looker(victim.pid, become_nobody, false, "other_user");
	check_looker(victim.pid, become_nobody, true, "other_user");
	check_looker(victim.pid, do_nothing, false, NULL);
	victim_end(&victim);
}

static void what_is_not_dumpable_is_refused(void **state)
{
	(void)state;
	int dumpable = 0;
	struct victim victim = victim_ready(nobody_run, &dumpable);
	check_looker(victim.pid, become_nobody, false, "not_dumpable");
	check_looker(victim.pid, become_nobody, true, "not_dumpable");
	victim_end(&victim);
	dumpable = 1;
	victim = victim_ready(nobody_run, &dumpable);
	check_looker(victim.pid, become_nobody, false, NULL);
	victim_end(&victim);
}

static void more_capabilities_than_ours_are_named(void **state)
{
	(void)state;
	need_root();
	struct victim victim = victim_ready(capable_run, NULL);
	check_looker(victim.pid, become_nobody, false, "missing_capabilities");
	victim_end(&victim);
	_cleanup_(free_pointer) char *names =
		permission_capability_names(1u << 12 | UINT64_C(1) << 40 | UINT64_C(1) << 63);
	assert_string_equal(names, "cap_net_admin, cap_checkpoint_restore, cap_63");
}

static void enter_namespace(void)
{
	if (unshare(CLONE_NEWUSER) != 0)
		_exit(1);
}

static bool can_enter_namespace(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) != 0);
	int status = 1;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void a_namespace_is_named(void **state)
{
	(void)state;
	need_root();
	if (!can_enter_namespace()) {
		print_message("skipped: user namespaces are not allowed here\n");
		skip();
	}
	struct victim victim = victim_ready(victim_plain, NULL);
	check_looker(victim.pid, enter_namespace, false, "user_namespace");
	victim_end(&victim);
}

/* As an old container profile: both ways in refuse, /proc does not. */
static void enter_sandbox(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog filter = {ARRAY_SIZE(code), code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
		_exit(1);
}

static void sandboxed_run(struct victim *self, void *argument)
{
	static const char secret[] = "read through /proc/PID/mem";
	char buffer[sizeof(secret)] = "";
	struct process *process = NULL;
	struct space space = SPACE_EMPTY;
	enter_sandbox();
	struct error *err = process_open(*(pid_t *)argument, &process);
	if (!err)
		err = process_space(process, &space);
	if (!err) /* the victim is a fork: the same address */
		err = space_read(&space, raddr_at((uintptr_t)process), buffer, 1);
	bool by_mem = strcmp(live_mechanism(&space), "/proc/PID/mem") == 0;
	victim_tell(self, by_mem && (!err || err->kind == ERROR_FAULT) ? 1 : 2);
	error_free(err);
	space_fini(&space);
	process_close(process);
	victim_sleep();
}

static void a_sandbox_still_reads(void **state)
{
	(void)state;
	struct victim victim = victim_ready(victim_plain, NULL);
	struct victim looker = victim_ready(sandboxed_run, &victim.pid);
	victim_end(&looker);
	check_looker(victim.pid, enter_sandbox, true, "seccomp");
	victim_end(&victim);
}

static void holder_run(struct victim *self, void *argument)
{
	victim_tell(self, ptrace(PTRACE_SEIZE, *(pid_t *)argument, 0, 0) ? 2 : 1);
	victim_sleep();
}

static void what_is_traced_can_be_read(void **state)
{
	(void)state;
	struct process *process = NULL;
	struct space space = SPACE_EMPTY;
	static uint64_t word = 0x1234567;
	uint64_t got = 0;
	word++;
	struct victim victim = victim_ready(victim_plain, NULL);
	struct victim holder = victim_ready(holder_run, &victim.pid);
	check_error(process_open(victim.pid, &process), 0, NULL);
	assert_int_equal(process_tracer(process), holder.pid);
	check_error(process_space(process, &space), 0, NULL);
	check_error(space_read(&space, raddr_at((uintptr_t)&word), &got, sizeof(got)), 0, NULL);
	assert_int_equal(got, word);
	victim_end(&holder);
	assert_int_equal(process_tracer(process), 0);
	space_fini(&space);
	process_close(process);
	victim_end(&victim);
}

static void yama_is_named(void **state)
{
	(void)state;
	char scope[8] = "";
	_cleanup_(close_fd) int fd =
		open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, scope, sizeof(scope) - 1) <= 0 || scope[0] != '1') {
		print_message("skipped: needs Yama with ptrace_scope 1\n");
		skip();
	}
	int dumpable = 1;
	struct victim victim = victim_ready(nobody_run, &dumpable);
	check_looker(victim.pid, become_nobody, false, "yama_ptrace_scope");
	victim_end(&victim);
}

/* ---- staying the same ----------------------------------------------------------------------------- */

static void changing_run(struct victim *self, void *argument)
{
	(void)argument;
	victim_tell(self, 1);
	victim_await(self);
	(void)execl("/bin/sleep", "sleep", "1000", NULL);
	_exit(1);
}

static void another_program_is_noticed(void **state)
{
	(void)state;
	struct process *process = NULL;
	struct space space = SPACE_EMPTY;
	struct residency residency = RESIDENCY_EMPTY;
	uint8_t byte;
	struct victim victim = victim_ready(changing_run, NULL);
	check_error(process_open(victim.pid, &process), 0, NULL);
	check_error(process_space(process, &space), 0, NULL);
	check_error(process_check(process), 0, NULL);
	victim_nudge(&victim);
	for (int i = 0; i < 5000; i++) {
		_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
		check_error(process_facts(process, &facts), 0, NULL);
		if (facts.cmdline.count == 2)
			break;
		(void)usleep(1000);
	}
	assert_true(process_alive(process));
	check_error(process_check(process), ERROR_GONE, NULL);
	check_error(space_read(&space, raddr_at((uintptr_t)process), &byte, 1), ERROR_GONE, NULL);
	check_error(space_residency(&space, raddr_at((uintptr_t)process), 1, &residency),
		    ERROR_GONE, NULL);
	space_fini(&space);
	process_close(process);
	check_error(process_open(victim.pid, &process), 0, NULL);
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	check_error(process_facts(process, &facts), 0, NULL);
	assert_int_equal(facts.cmdline.count, 2);
	assert_string_equal(facts.cmdline.items[1], "1000");
	process_close(process);
	victim_end(&victim);
	residency_fini(&residency);
}

static void hear_nothing(int number)
{
	(void)number;
}

/* A terminal that is resized sends us SIGWINCH at any moment; here it is a timer's, all the time. */
static void our_own_signals_are_not_its_end(void **state)
{
	(void)state;
	struct process *process = NULL;
	struct victim victim = victim_ready(victim_plain, NULL);
	check_error(process_open(victim.pid, &process), 0, NULL);
	struct sigaction before, hearing = {.sa_handler = hear_nothing};
	assert_int_equal(sigaction(SIGALRM, &hearing, &before), 0);
	struct itimerval often = {{0, 20}, {0, 20}}, never = {0};
	(void)setitimer(ITIMER_REAL, &often, NULL);
	unsigned n_dead = 0;
	for (unsigned i = 0; i < 30000; i++)
		n_dead += !process_alive(process);
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)sigaction(SIGALRM, &before, NULL);
	assert_int_equal(n_dead, 0);
	victim_end(&victim);
	assert_false(process_alive(process));
	process_close(process);
}

static void its_facts_are_true(void **state)
{
	(void)state;
	struct process *process = NULL;
	struct victim victim = victim_ready(victim_plain, NULL);
	check_error(process_open(victim.pid, &process), 0, NULL);
	victim_await_state(victim.pid, 'S');
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	check_error(process_facts(process, &facts), 0, NULL);
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(facts.uid, getuid());
	assert_int_equal(facts.state, 'S');
	assert_string_equal(facts.comm, "test-process");
	assert_non_null(strstr(facts.exe, "test-process"));
	assert_non_null(strstr(facts.cmdline.items[0], "test-process"));
	assert_int_equal(facts.n_threads, 1);
	assert_int_equal(facts.rss, victim_status(victim.pid, "VmRSS") * 1024);
	assert_true(facts.peak_rss >= facts.rss && facts.page_tables > 0);
	assert_true(facts.started_at.tv_sec <= now.tv_sec + 1 &&
		    facts.started_at.tv_sec >= now.tv_sec - 20);
	process_close(process);
	victim_end(&victim);
}

static void the_machine_is_listed(void **state)
{
	(void)state;
	struct victim victim = victim_ready(victim_plain, NULL);
	pid_t *pids = NULL;
	size_t n = 0;
	bool seen = false;
	check_error(process_pids(&pids, &n), 0, NULL);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || pids[i - 1] < pids[i]);
		seen |= pids[i] == victim.pid;
	}
	assert_true(seen);
	free(pids);
	uint64_t total, available;
	process_machine_memory(&total, &available);
	assert_true(total >= available && available > 0);
	victim_end(&victim);
}

static void nothing_stays_open(void **state)
{
	(void)state;
	size_t before = count_descriptors();
	struct process *process = NULL;
	struct victim victim = victim_ready(victim_plain, NULL);
	for (unsigned i = 0; i < 20; i++) {
		check_error(process_open(victim.pid, &process), 0, NULL);
		process_close(process);
	}
	victim_end(&victim);
	assert_int_equal(count_descriptors(), before);
	process_close(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_process_is_gone),
		cmocka_unit_test(a_zombie_is_gone),
		cmocka_unit_test(a_kernel_thread_is_gone),
		cmocka_unit_test(other_users_are_refused),
		cmocka_unit_test(what_is_not_dumpable_is_refused),
		cmocka_unit_test(more_capabilities_than_ours_are_named),
		cmocka_unit_test(a_namespace_is_named),
		cmocka_unit_test(a_sandbox_still_reads),
		cmocka_unit_test(what_is_traced_can_be_read),
		cmocka_unit_test(yama_is_named),
		cmocka_unit_test(another_program_is_noticed),
		cmocka_unit_test(our_own_signals_are_not_its_end),
		cmocka_unit_test(its_facts_are_true),
		cmocka_unit_test(the_machine_is_listed),
		cmocka_unit_test(nothing_stays_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
