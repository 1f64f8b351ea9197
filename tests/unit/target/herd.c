/* herd: a thread either sleeps for ever or counts on the board. */
#include "herd.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/procfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct board *board;

int board_make(void **state)
{
	(void)state;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return board == MAP_FAILED;
}

void *idle_main(void *argument)
{
	(void)argument;
	victim_sleep();
}

__attribute__((noinline)) void *tick_main(void *argument)
{
	for (;;) {
		board->ticks++;
		if (board->quiet)
			clock_sleep(1000000);
	}
	return argument;
}

void thread_start(void *(*run)(void *))
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

static void threads_run(struct victim *self, void *argument)
{
	for (size_t i = 1; i < *(size_t *)argument; i++)
		thread_start(idle_main);
	victim_tell(self, 1);
	(void)tick_main(NULL);
}

struct victim threads_start(size_t n, bool quiet)
{
	board->quiet = quiet;
	uint64_t before = board->ticks;
	struct victim victim = victim_start(threads_run, &n);
	assert_int_equal(victim_hear(&victim), 1);
	/* It may still be inside the call by which it told us. */
	for (int i = 0; i < 5000 && board->ticks == before; i++)
		clock_sleep(1000000);
	assert_true(board->ticks > before);
	return victim;
}

size_t count_in_state(pid_t pid, char wanted)
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

void check_still(void)
{
	uint64_t before = board->ticks;
	clock_sleep(2000000);
	assert_int_equal(board->ticks, before);
}

void check_runs(pid_t pid)
{
	uint64_t before = board->ticks;
	for (int i = 0; i < 5000 && board->ticks == before; i++)
		clock_sleep(1000000);
	assert_true(board->ticks > before);
	assert_int_equal(victim_status(pid, "TracerPid"), 0);
	assert_int_equal(count_in_state(pid, 't'), 0);
}

struct freeze *stop(pid_t pid, uint64_t limit_us)
{
	struct freeze *freeze = NULL;
	struct freeze_request request = {.pid = pid, .limit_us = limit_us};
	check_error(freeze_start(&request, &freeze, NULL), 0, NULL);
	return freeze;
}
