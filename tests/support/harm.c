/*
 * harm: what a process can notice of somebody who looks at it, measured inside it.
 *
 * A shared object for support/programs/harmed.py, which calls it through ctypes
 * and so without the interpreter's lock:
 *
 *	the clock	computes, maps, touches and unmaps memory without rest, and keeps the
 *			longest time between two rounds: a stop and a held mmap lock both show
 *	the counter	counts a real-time signal as the kernel delivers it
 *	the waiter	counts how often epoll_wait came back with EINTR
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

static _Atomic int64_t longest_ns;
static _Atomic int64_t n_signals;
static _Atomic int64_t n_interrupted;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void one_round(void)
{
	enum { SIZE = 64 * 1024, PAGE = 4096 };
	volatile uint64_t sum = 0;
	for (int i = 0; i < 2000; i++)
		sum += (uint64_t)i * sum + 1;
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return;
	for (int at = 0; at < SIZE; at += PAGE)
		memory[at] = 1;
	munmap(memory, SIZE);
}

/* Never returns: for a thread of its own. */
void harm_clock(void)
{
	int64_t last = now_ns();
	for (;;) {
		one_round();
		int64_t now = now_ns();
		if (now - last > atomic_load(&longest_ns))
			atomic_store(&longest_ns, now - last);
		last = now;
	}
}

/* The longest gap in nanoseconds since the last call. */
int64_t harm_longest_gap(void)
{
	return atomic_exchange(&longest_ns, 0);
}

static void count(int number)
{
	(void)number;
	atomic_fetch_add(&n_signals, 1);
}

void harm_count_signal(int number)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
	sigaction(number, &action, NULL);
}

int64_t harm_signals(void)
{
	return atomic_load(&n_signals);
}

/* Never returns: for a thread of its own, with every signal blocked, so that only a stop can
 * interrupt it. */
void harm_wait(void)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	int poller = epoll_create1(EPOLL_CLOEXEC);
	for (;;) {
		struct epoll_event event;
		if (epoll_wait(poller, &event, 1, 1000) < 0 && errno == EINTR)
			atomic_fetch_add(&n_interrupted, 1);
	}
}

int64_t harm_interrupted(void)
{
	return atomic_load(&n_interrupted);
}
