/*
 * malloc_truth: what glibc's malloc says of itself, asked in the process and right before it rests.
 *
 * A shared object for support/programs/allocating.py, which calls it through ctypes:
 *
 *	truth_rest	writes mallinfo2() as one line and rests in pause(2); for each SIGUSR1 it forks a child that
 *			rests, too, and for a SIGUSR1 of its own calls malloc_trim(0)
 *	truth_churn	allocates and frees at full speed; never returns: for threads of their own
 *
 * Nothing here allocates between mallinfo2() and the rest.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void ask(int number)
{
	(void)number;
	asked = 1;
}

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void wait_until_asked(void)
{
	while (!asked)
		pause();
	asked = 0;
}

/* The child's memory is the parent's: what falls there would have fallen here. */
static void trim_in_child(void)
{
	char line[64];
	if (fork() != 0)
		return;
	asked = 0;
	(void)snprintf(line, sizeof(line), "child %d\n", getpid());
	say(line);
	wait_until_asked();
	malloc_trim(0);
	say("trimmed\n");
	for (;;)
		pause();
}

void truth_rest(void)
{
	char line[512];
	struct sigaction action = {.sa_handler = ask};
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGCHLD, SIG_IGN);
	struct mallinfo2 i = mallinfo2();
	(void)snprintf(line, sizeof(line),
		       "truth arena=%zu ordblks=%zu smblks=%zu hblks=%zu hblkhd=%zu fsmblks=%zu "
		       "uordblks=%zu fordblks=%zu keepcost=%zu\n",
		       i.arena, i.ordblks, i.smblks, i.hblks, i.hblkhd, i.fsmblks, i.uordblks,
		       i.fordblks, i.keepcost);
	say(line);
	for (;;) {
		wait_until_asked();
		trim_in_child();
	}
}

/* Maps a page right above the program break, so that it cannot grow any more. */
int truth_block_break(void)
{
	char *end = sbrk(0);
	char *page = mmap(end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			  -1, 0);
	return page == end;
}

void truth_churn(unsigned seed)
{
	enum { N = 512 };
	static __thread void *blocks[N];
	for (;;) {
		seed = seed * 1103515245 + 12345;
		unsigned i = seed >> 16 & (N - 1);
		free(blocks[i]);
		blocks[i] = malloc(24 + (seed >> 8) % 3000);
	}
}
