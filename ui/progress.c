/*
 * progress: the child ends when the pipe does, so it cannot outlive its parent,
 * whatever happens to that.
 *
 *	parent ──write end──▷ pipe ──▷ child: poll, a second at a time
 */
#include "ui/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
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

static void live(int end, const char *what)
{
	struct pollfd parent = {.fd = end, .events = POLLIN};
	unsigned seconds = 0;
	while (poll(&parent, 1, 1000) == 0)
		show(what, ++seconds);
	if (seconds)
		wipe();
}

bool progress_start(struct progress *progress, const char *what)
{
	int ends[2];
	*progress = PROGRESS_NONE;
	if (!isatty(STDERR_FILENO) || pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[1]);
		live(ends[0], what);
		return true;
	}
	(void)close(ends[0]);
	if (pid < 0) {
		(void)close(ends[1]);
		return false;
	}
	*progress = (struct progress){ends[1], pid};
	return false;
}

void progress_stop(struct progress *progress)
{
	if (progress->pipe < 0)
		return;
	/* A byte, because a child that was forked meanwhile may hold the other end open. */
	ssize_t written = write(progress->pipe, "", 1);
	(void)written;
	(void)close(progress->pipe);
	while (waitpid(progress->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*progress = PROGRESS_NONE;
}
