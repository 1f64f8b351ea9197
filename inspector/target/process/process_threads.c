/*
 * process_threads: where a running thread's own memory is, without stopping it.
 *
 *	struct pthread   │ tcb │ … │ list head ▶ robust_list_head │ … │
 *	                 ▲ thread pointer      ▲ get_robust_list(2) tells this one
 *
 * glibc registers each thread's list head with the kernel, at one distance behind its thread
 * pointer (x86-64, 2.26 to 2.43); the thread control block names itself, which proves it.
 */
#include "base/cleanup.h"
#include "inspector/target/process/process.h"
#include "inspector/target/process/procfs.h"
#include "inspector/target/threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROBUST_LIST_DISTANCE 0x2e0
#define SELF_OFFSET          16 /* tcbhead_t.self */

static void close_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

static int compare_tids(const void *a, const void *b)
{
	pid_t left = ((const struct thread *)a)->tid, right = ((const struct thread *)b)->tid;
	return (left > right) - (left < right);
}

static bool word_is(struct space *space, raddr at, uint64_t wanted)
{
	uint64_t word = 0;
	struct error *err = space_read(space, at, &word, sizeof(word));
	error_free(err);
	return !err && word == wanted;
}

static raddr thread_pointer(struct space *space, pid_t tid)
{
	void *head = NULL;
	size_t size = 0;
	if (syscall(SYS_get_robust_list, tid, &head, &size) != 0 ||
	    size != sizeof(struct robust_list_head) || (uintptr_t)head <= ROBUST_LIST_DISTANCE)
		return RADDR_NULL;
	raddr at = raddr_at((uint64_t)(uintptr_t)head - ROBUST_LIST_DISTANCE);
	bool named = word_is(space, at, at.value) &&
		     word_is(space, raddr_plus(at, SELF_OFFSET), at.value);
	return named ? at : RADDR_NULL;
}

/* Of one that waits in a system call: its number, six arguments, stack pointer, program counter (proc(5)). */
static raddr stack_pointer(int dir)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	unsigned long long at = 0;
	struct error *err = procfs_read(dir, "syscall", 4 * KIB, &text, &size);
	bool waits = !err && sscanf(text, "%*s %*s %*s %*s %*s %*s %*s 0x%llx", &at) == 1;
	if (!err && !waits)
		waits = sscanf(text, "-1 0x%llx", &at) == 1; /* stopped outside of one */
	error_free(err);
	return waits ? raddr_at(at) : RADDR_NULL;
}

static void read_thread(struct space *space, int dir, struct thread *ret)
{
	_cleanup_(free_pointer) char *name = NULL;
	size_t size = 0;
	struct error *err = procfs_read(dir, "comm", sizeof(ret->name), &name, &size);
	if (!err)
		memcpy(ret->name, name, size_min(strcspn(name, "\n"), sizeof(ret->name) - 1));
	error_free(err);
	ret->stack = stack_pointer(dir);
	ret->pointer = thread_pointer(space, ret->tid);
}

static struct error *add_thread(struct space *space, int task, const char *name,
				struct threads *ret)
{
	pid_t tid = (pid_t)strtol(name, NULL, 10);
	_cleanup_(close_fd) int dir = openat(task, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tid <= 0 || dir < 0) /* not a thread, or gone meanwhile */
		return NULL;
	struct thread *thread = vec_push(&ret->list);
	if (!thread)
		return error_out_of_memory();
	*thread = (struct thread){.tid = tid};
	read_thread(space, dir, thread);
	return NULL;
}

struct error *process_threads(const struct process *process, struct space *space,
			      struct threads *ret)
{
	int fd = openat(process_dir(process), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_directory) DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		close_fd(&fd);
		return procfs_error(errno, "threads");
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		struct error *err = add_thread(space, dirfd(directory), entry->d_name, ret);
		if (err)
			return err;
	}
	if (ret->list.count > 1)
		qsort(ret->list.items, ret->list.count, sizeof(ret->list.items[0]), compare_tids);
	return NULL;
}
