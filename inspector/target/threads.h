/*
 * threads: of one process, and where each has its own memory.
 */
#ifndef INSPECTOR_TARGET_THREADS_H
#define INSPECTOR_TARGET_THREADS_H

#include "base/raddr.h"
#include "base/vec.h"

#include <sys/types.h>

struct thread {
	pid_t tid;
	char name[16]; /* comm, NUL-terminated; foreign text. "": not known */
	raddr pointer; /* the thread pointer (fs base, x86-64); null: not known */
	raddr stack;   /* the stack pointer, or null: it runs, or is not known */
};

struct threads {
	VEC(struct thread) list; /* ascending tid */
};

#define THREADS_EMPTY ((struct threads){0})

/* Adds all of `from`; false: out of memory. */
bool threads_copy(const struct threads *from, struct threads *to);

void threads_fini(struct threads *threads);

#endif
