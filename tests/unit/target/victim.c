/* victim: a fork, two pipes, and a death signal. */
#include "victim.h"

#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/procfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct victim victim_start(victim_fn *run, void *argument)
{
	int down[2], up[2];
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(down[1]);
		(void)close(up[0]);
		struct victim self = {getpid(), up[1], down[0]};
		run(&self, argument);
		_exit(0);
	}
	(void)close(down[0]);
	(void)close(up[1]);
	return (struct victim){pid, down[1], up[0]};
}

struct victim victim_ready(victim_fn *run, void *argument)
{
	struct victim victim = victim_start(run, argument);
	assert_int_equal(victim_hear(&victim), 1);
	return victim;
}

uint64_t victim_hear(struct victim *v)
{
	uint64_t number = 0;
	struct pollfd wait = {.fd = v->from, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_int_equal(read(v->from, &number, sizeof(number)), sizeof(number));
	return number;
}

void victim_nudge(struct victim *v)
{
	assert_int_equal(write(v->to, "", 1), 1);
}

void victim_end(struct victim *v)
{
	(void)kill(v->pid, SIGKILL);
	assert_int_equal(waitpid(v->pid, NULL, 0), v->pid);
	(void)close(v->to);
	(void)close(v->from);
}

void victim_tell(struct victim *self, uint64_t number)
{
	if (write(self->to, &number, sizeof(number)) != sizeof(number))
		_exit(1);
}

void victim_await(struct victim *self)
{
	char c;
	ssize_t got;
	do
		got = read(self->from, &c, 1);
	while (got < 0);
	if (got == 0)
		_exit(0);
}

void victim_plain(struct victim *self, void *argument)
{
	(void)argument;
	victim_tell(self, 1);
	victim_sleep();
}

_Noreturn void victim_sleep(void)
{
	for (;;)
		(void)pause();
}

static char *proc_text(pid_t pid, const char *name)
{
	char path[64], *text;
	size_t size;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	struct error *err = procfs_read(AT_FDCWD, path, 1 << 20, &text, &size);
	assert_null(err);
	return text;
}

uint64_t victim_status(pid_t pid, const char *key)
{
	_cleanup_(free_pointer) char *text = proc_text(pid, "status");
	uint64_t value = 0;
	assert_true(procfs_number(text, key, 10, &value));
	return value;
}

static char state_of(pid_t pid)
{
	_cleanup_(free_pointer) char *text = proc_text(pid, "stat");
	struct procfs_stat stat = {0};
	assert_true(procfs_parse_stat(text, &stat));
	return stat.state;
}

void victim_await_state(pid_t pid, char state)
{
	for (int i = 0; i < 5000 && state_of(pid) != state; i++)
		clock_sleep(1000000);
	assert_int_equal(state_of(pid), state);
}

void check_error(struct error *err, int kind, const char *rule)
{
	int got = err ? (int)err->kind : 0;
	bool same_rule = !rule || (err && err->rule && strcmp(err->rule, rule) == 0);
	if (got != kind || !same_rule)
		print_error("error %d (%s): %s\n", got, err && err->rule ? err->rule : "",
			    err ? err->cause : "none");
	if (err && kind == ERROR_PERMISSION && rule)
		assert_non_null(err->remedy);
	error_free(err);
	assert_int_equal(got, kind);
	assert_true(same_rule);
}

void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: needs root\n");
	skip();
}

bool kernel_shares_zeros(void)
{
	const uint64_t mapped_once = UINT64_C(1)
				     << 56; /* Documentation/admin-guide/mm/pagemap.rst */
	uint64_t entry = 0;
	uint8_t *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	assert_true(page != MAP_FAILED && fd >= 0);
	(void)*(volatile uint8_t *)page;
	assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / 4096 * 8)),
			 sizeof(entry));
	(void)close(fd);
	(void)munmap(page, 4096);
	return !(entry & mapped_once);
}

size_t count_descriptors(void)
{
	size_t n = 0;
	DIR *directory = opendir("/proc/self/fd");
	assert_non_null(directory);
	while (readdir(directory))
		n++;
	(void)closedir(directory);
	return n;
}
