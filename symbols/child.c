/*
 * child: fork, a pipe, poll with a deadline, waitpid for that very child.
 *
 * Where the process ignores SIGCHLD (or reaps in a handler), waitpid finds no
 * child: how it ended is then unknown, and the reader of the answer sees by its
 * end message whether all was said.
 */
#include "symbols/child.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#define CHUNK_SIZE 65536
#define REAP_MS    2000

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The parent's handlers (restoring a terminal, say) are not ours to run. Its end of the pipe may be
 * gone before our last write: that is no reason for a signal. */
static void forget_handlers(void)
{
	static const int handled[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGALRM,
				      SIGUSR1, SIGUSR2, SIGCHLD, SIGTSTP, SIGWINCH};
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
		signal(handled[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

static _Noreturn void live(child_work_fn *work, void *context, pid_t parent, const int *keep,
			   size_t n_keep, int out)
{
	int kept[8] = {out};
	size_t n = 1;
	for (size_t i = 0; i < n_keep && n < ARRAY_SIZE(kept); i++)
		kept[n++] = keep[i];
	forget_handlers();
	if (!sandbox_enter(parent, kept, n))
		_exit(1);
	work(context, out);
	_exit(0);
}

/* Waits until there is something to read; false: the deadline has passed. */
static bool wait_for(int in, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd p = {.fd = in, .events = POLLIN};
		int n = left <= 0 ? 0 : poll(&p, 1, (int)left);
		if (n > 0)
			return true;
		if (n == 0 && left <= 0)
			return false;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static struct error *gather(int in, size_t size_max, int64_t deadline, struct child_answer *answer)
{
	size_t room = 0;
	for (;;) {
		if (answer->size == size_max) {
			answer->end = CHILD_FLOOD;
			return NULL;
		}
		if (!wait_for(in, deadline)) {
			answer->end = CHILD_HUNG;
			return NULL;
		}
		if (room - answer->size < CHUNK_SIZE) {
			char *grown = realloc(answer->data, room + 2 * CHUNK_SIZE);
			if (!grown)
				return error_out_of_memory();
			answer->data = grown;
			room += 2 * CHUNK_SIZE;
		}
		size_t want = room - answer->size;
		want = want < size_max - answer->size ? want : size_max - answer->size;
		ssize_t n = read(in, answer->data + answer->size, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		answer->size += (size_t)n;
	}
}

/* Waits for its end. A killed child may be stuck in a read that a hostile file system never answers:
 * then it is left to init. */
static pid_t wait_end(pid_t pid, bool killed, int *ret_status)
{
	int64_t deadline = now_ms() + REAP_MS;
	for (;;) {
		pid_t reaped = waitpid(pid, ret_status, killed ? WNOHANG : 0);
		if (reaped < 0 && errno == EINTR)
			continue;
		if (reaped != 0 || now_ms() > deadline)
			return reaped;
		struct timespec pause = {.tv_nsec = 1000000};
		nanosleep(&pause, NULL);
	}
}

static void reap(pid_t pid, bool killed, struct child_answer *answer)
{
	int status = 0;
	if (wait_end(pid, killed, &status) != pid || answer->end != CHILD_DONE)
		return;
	if (WIFSIGNALED(status))
		answer->signal = WTERMSIG(status);
	if (status != 0)
		answer->end = CHILD_CRASHED;
}

struct error *child_run(child_work_fn *work, void *context, const int *keep, size_t n_keep,
			size_t size_max, int deadline_ms, struct child_answer *ret)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return error_errno(ERROR_RESOURCE, errno, "making a pipe");
	_cleanup_(close_fd) int in = ends[0];
	_cleanup_(close_fd) int out = ends[1];
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		return error_errno(ERROR_RESOURCE, errno, "starting a process");
	if (pid == 0)
		live(work, context, parent, keep, n_keep, out);
	close(take_fd(&out));
	_cleanup_(child_answer_fini) struct child_answer answer = {.end = CHILD_DONE};
	struct error *err = gather(in, size_max, now_ms() + deadline_ms, &answer);
	bool killed = err || answer.end != CHILD_DONE;
	if (killed)
		kill(pid, SIGKILL);
	reap(pid, killed, &answer);
	if (err)
		return err;
	*ret = answer;
	answer.data = NULL;
	return NULL;
}

void child_answer_fini(struct child_answer *answer)
{
	free(answer->data);
	answer->data = NULL;
	answer->size = 0;
}
