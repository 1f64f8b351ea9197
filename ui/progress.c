/*
 * progress: the child dies with its parent, whatever happens to that, and is
 * signalled through its pidfd, so that a reused pid is never hit.
 */
#include "ui/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, unsigned seconds)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "\r\033[Karenascope: %.100s, %u s", what, seconds);
	ssize_t written = write(STDERR_FILENO, line, (size_t)n);
	(void)written;
}

static void wipe(void)
{
	static const char line[] = "\r\033[K";
	ssize_t written = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)written;
}

/* The child's whole life. One that is signalled on the keyboard wipes its line like any other. */
static void live(const char *what, pid_t parent)
{
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (unsigned seconds = 1; getppid() == parent; seconds++) {
		struct timespec second = {.tv_sec = 1};
		if (sigtimedwait(&ends, NULL, &second) > 0) {
			if (seconds > 1)
				wipe();
			break;
		}
		show(what, seconds);
	}
}

struct progress progress_start(const char *what)
{
	struct progress progress = PROGRESS_NONE;
	pid_t parent = getpid();
	if (!isatty(STDERR_FILENO))
		return progress;
	progress.pid = fork();
	if (progress.pid == 0) {
		live(what, parent);
		_exit(0);
	}
	if (progress.pid > 0)
		progress.pidfd = pidfd_open(progress.pid, 0);
	return progress;
}

void progress_stop(struct progress *progress)
{
	if (progress->pidfd < 0)
		return;
	(void)pidfd_send_signal(progress->pidfd, SIGTERM, NULL, 0);
	siginfo_t info;
	while (waitid(P_PIDFD, (id_t)progress->pidfd, &info, WEXITED) != 0 && errno == EINTR)
		;
	(void)close(progress->pidfd);
	*progress = PROGRESS_NONE;
}
