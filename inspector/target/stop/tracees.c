/*
 * tracees: seize, interrupt, wait, detach; each over all threads, so that the first does
 * not stand still while the last is still being asked.
 *
 *	thread	 SEIZED ── interrupt ──┬─ trap ────────────────┐
 *				       ├─ signal on its way ───┼─ STOPPED ── detach(signal)
 *				       ├─ group-stop ──────────┘   (stays stopped)
 *				       └─ exit ── GONE
 *
 * Nothing here waits inside the kernel: a thread in uninterruptible sleep would keep
 * us there past any deadline. Waiting is looking, at growing intervals.
 */
#include "inspector/target/stop/tracees.h"

#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/permission.h"
#include "inspector/target/process/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>

#define SPIN_NS      300000 /* without progress, before the first sleep */
#define SLEEP_NS     50000  /* the first */
#define SLEEP_NS_MAX 500000

struct error *tracees_open(pid_t pid, int known, struct tracees *ret)
{
	char path[32] = ".";
	if (known <= 0)
		(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	_cleanup_(close_fd) int proc = openat(known, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return procfs_error(errno, "directory");
	_cleanup_(close_fd) int task = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (task < 0)
		return procfs_error(errno, "task");
	*ret = (struct tracees){.pid = pid, .proc = take_fd(&proc), .task = take_fd(&task)};
	return NULL;
}

void tracees_close(struct tracees *tracees)
{
	close_fd(&tracees->proc);
	close_fd(&tracees->task);
	vec_fini(&tracees->list);
	*tracees = (struct tracees){.proc = -1, .task = -1};
}

/* ---- seize -------------------------------------------------------------------------------- */

static int compare_tids(const void *a, const void *b)
{
	pid_t left = ((const struct tracee *)a)->tid, right = ((const struct tracee *)b)->tid;
	return (left > right) - (left < right);
}

static bool is_known(const struct tracees *tracees, size_t n_sorted, pid_t tid)
{
	struct tracee key = {.tid = tid};
	const struct tracee *items = tracees->list.items;
	return n_sorted > 0 && bsearch(&key, items, n_sorted, sizeof(key), compare_tids);
}

/* R, S, D …; X for one that is gone, ? where that cannot be told. */
static char state_of(const struct tracees *tracees, pid_t tid)
{
	char name[32];
	struct procfs_stat stat = {.state = '?'};
	(void)snprintf(name, sizeof(name), "%d", tid);
	_cleanup_(close_fd) int dir =
		openat(tracees->task, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 'X';
	struct error *err = procfs_stat(dir, &stat);
	bool gone = error_catch(&err, ERROR_GONE);
	error_free(err);
	return gone ? 'X' : stat.state;
}

/* A thread that has ended but is still listed may not be traced: no reason to complain. */
static bool has_ended(const struct tracees *tracees, pid_t tid)
{
	char state = state_of(tracees, tid);
	return state == 'Z' || state == 'X';
}

static struct error *seize_one(struct tracees *tracees, pid_t tid)
{
	if (!vec_reserve(&tracees->list, tracees->list.count + 1))
		return error_out_of_memory();
	if (ptrace(PTRACE_SEIZE, tid, 0, 0) == 0) {
		struct tracee *tracee = vec_push(&tracees->list);
		tracee->tid = tid;
		return NULL;
	}
	int number = errno;
	if (number == ESRCH || has_ended(tracees, tid))
		return NULL;
	if (number == EPERM || number == EACCES || number == ENOSYS)
		return permission_refused(tracees->pid, tracees->proc, PERMISSION_TRACE);
	return error_errno(ERROR_PERMISSION, number, "attaching to thread %d", tid);
}

static void close_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

struct error *tracees_seize(struct tracees *tracees)
{
	int fd = openat(tracees->task, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_directory) DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		close_fd(&fd);
		return procfs_error(errno, "threads");
	}
	size_t n_sorted = tracees->list.count;
	for (struct dirent *entry; (entry = readdir(directory));) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (tid <= 0 || is_known(tracees, n_sorted, tid))
			continue;
		struct error *err = seize_one(tracees, tid);
		if (err)
			return err;
	}
	if (tracees->list.count == 0)
		return error_new(ERROR_GONE, "process %d has ended", tracees->pid);
	qsort(tracees->list.items, tracees->list.count, sizeof(tracees->list.items[0]),
	      compare_tids);
	return NULL;
}

void tracees_tell_apart(struct tracees *tracees)
{
	for (size_t i = 0; i < tracees->list.count; i++) {
		struct tracee *tracee = &tracees->list.items[i];
		tracee->computes = state_of(tracees, tracee->tid) == 'R';
	}
}

/* ---- interrupt and wait ------------------------------------------------------------------ */

void tracees_interrupt(struct tracees *tracees, enum tracees_part part)
{
	for (size_t i = 0; i < tracees->list.count; i++) {
		struct tracee *tracee = &tracees->list.items[i];
		bool due = part == TRACEES_ALL || !tracee->computes;
		if (tracee->state != TRACEE_SEIZED || tracee->interrupted || !due)
			continue;
		(void)ptrace(PTRACE_INTERRUPT, tracee->tid, 0, 0);
		tracee->interrupted = true;
	}
}

/* What a stop means: a trap of ours or a group-stop (both carry an event), or a signal that was
 * taken off the queue and must be handed on. */
static void note_stop(struct tracee *tracee, int status)
{
	if (!WIFSTOPPED(status)) {
		tracee->state = TRACEE_GONE;
		return;
	}
	tracee->state = TRACEE_STOPPED;
	tracee->signal = status >> 16 ? 0 : WSTOPSIG(status);
}

/* Looks once at each that was asked and is not known to stand still; returns how many are left. */
static size_t look(struct tracees *tracees, bool *ret_progress)
{
	size_t left = 0;
	*ret_progress = false;
	for (size_t i = 0; i < tracees->list.count; i++) {
		struct tracee *tracee = &tracees->list.items[i];
		if (tracee->state != TRACEE_SEIZED || !tracee->interrupted)
			continue;
		int status;
		/* Only this thread's tracees: other children belong to other threads of ours. */
		pid_t got = waitpid(tracee->tid, &status, __WALL | __WNOTHREAD | WNOHANG);
		if (got == tracee->tid)
			note_stop(tracee, status);
		else if (got < 0 && errno == ECHILD)
			tracee->state = TRACEE_GONE;
		else
			left++;
		*ret_progress |= tracee->state != TRACEE_SEIZED;
	}
	return left;
}

bool tracees_wait(struct tracees *tracees, uint64_t deadline)
{
	uint64_t sleep = SLEEP_NS, last_progress = clock_ns();
	bool progress;
	while (look(tracees, &progress) > 0) {
		uint64_t now = clock_ns();
		if (now >= deadline)
			return false;
		if (progress) {
			last_progress = now;
			sleep = SLEEP_NS;
		}
		/* They may need our processor to stop on, so it is offered; but waking from a sleep
		 * of ours takes longer than most of them take to stop. */
		if (now - last_progress < SPIN_NS) {
			(void)sched_yield();
			continue;
		}
		clock_sleep(sleep);
		sleep = size_min(sleep * 2, SLEEP_NS_MAX);
	}
	return true;
}

size_t tracees_stopped(const struct tracees *tracees)
{
	size_t n = 0;
	for (size_t i = 0; i < tracees->list.count; i++)
		n += tracees->list.items[i].state == TRACEE_STOPPED;
	return n;
}

/* The directory's link count is 2 and one for each thread: a system call instead of a listing. What
 * stands still cannot end, so equal numbers are equal sets. */
bool tracees_complete(const struct tracees *tracees)
{
	struct stat stat;
	return fstat(tracees->task, &stat) == 0 && stat.st_nlink == tracees_stopped(tracees) + 2;
}

/* ---- look and let go --------------------------------------------------------------------- */

static bool is_inside(struct tracee *tracee, const struct freeze_range *code, size_t n)
{
	struct user_regs_struct registers;
	if (ptrace(PTRACE_GETREGS, tracee->tid, 0, &registers) != 0)
		return false;
	tracee->computes = (int64_t)registers.orig_rax < 0; /* in no system call */
	for (size_t i = 0; i < n; i++)
		if (raddr_in(raddr_at(registers.rip), code[i].start, code[i].size))
			return true;
	return false;
}

bool tracees_inside(struct tracees *tracees, const struct freeze_range *code, size_t n)
{
	bool inside = false;
	for (size_t i = 0; i < tracees->list.count; i++) {
		struct tracee *tracee = &tracees->list.items[i];
		if (tracee->state == TRACEE_STOPPED)
			inside |= is_inside(tracee, code, n);
	}
	return inside;
}

static void detach_one(struct tracee *tracee)
{
	tracee->state = TRACEE_GONE;
	if (ptrace(PTRACE_DETACH, tracee->tid, 0, (unsigned long)tracee->signal) == 0)
		return;
	/* Killed while it stood: its end was reported to us, and must be taken note of. */
	int status;
	(void)waitpid(tracee->tid, &status, __WALL | __WNOTHREAD | WNOHANG);
}

static void detach_part(struct tracees *tracees, bool computing)
{
	for (size_t i = 0; i < tracees->list.count; i++) {
		struct tracee *tracee = &tracees->list.items[i];
		if (tracee->state == TRACEE_STOPPED && tracee->computes == computing)
			detach_one(tracee);
	}
}

void tracees_detach(struct tracees *tracees)
{
	detach_part(tracees, true);
	detach_part(tracees, false);
}
