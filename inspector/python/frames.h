/*
 * frames: the thread states of all interpreters, and the memory in which each keeps its Python frames.
 *
 * From 3.11 on frames are no objects of their own but lie in chunks of a thread's data stack: anonymous memory of
 * powers of two from 16 KiB on, mapped as arenas are. Up to 3.10 frames are objects, and there are no chunks.
 */
#ifndef INSPECTOR_PYTHON_FRAMES_H
#define INSPECTOR_PYTHON_FRAMES_H

#include "inspector/doubt.h"
#include "inspector/python/runtime.h"
#include "inspector/target/space.h"
#include "symbols/layout.h"

/* Of the struct before the first frame: previous, size, top (Include/cpython/pystate.h, 3.11 to 3.15). */
#define FRAMES_CHUNK_HEADER 24

struct frames_chunk {
	raddr start;
	uint64_t size;
	raddr used_end; /* frames lie from behind the header up to here; start: there are none */
	bool cached;    /* kept for the next deep call, and empty */
};

struct frames_thread {
	raddr state;        /* its PyThreadState */
	size_t interpreter; /* index in the runtime's */
	raddr pointer; /* thread_id: where glibc's struct pthread is; as struct thread's; null: not known */
	pid_t tid;           /* native_thread_id, in the target's PID namespace; 0: not known */
	size_t first, count; /* its chunks, the newest first */
};

struct frames {
	VEC(struct frames_thread) threads; /* by interpreter, the youngest thread first */
	VEC(struct frames_chunk) chunks;
};

#define FRAMES_EMPTY ((struct frames){0})

/*
 * Fills *ret anew, keeping its room: so that under a stop nothing is allocated where a live pass came before. A chunk is
 * listed when it lies in private memory that may be written, has a possible size, and, of a thread's newest, when the
 * thread's limit is its end. What ends a list early is a doubt, after three tries. Chunks that no thread state leads to,
 * as those of greenlets that wait, are not found. Where the layout does not tell of thread states there are none.
 * Python/pystate.c: push_chunk(), _PyThreadState_PopFrame(), read in 3.11 to 3.15. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *frames_read(struct space *space, const struct layout *layout,
			  const struct runtime *runtime, struct frames *ret,
			  struct doubts *doubts) MUST_CHECK;

/* What a PyThreadState says of its newest chunk, or whoever has put a stack aside to give it to a thread again. */
struct frames_stack {
	raddr chunk, top, limit; /* datastack_chunk, _top, _limit */
};

/* Whether these can be the three: for words of which it is not known what they are. */
bool frames_stack_possible(const struct frames_stack *stack);

/*
 * Adds the chunks of such a stack to ret->chunks, newest first, and says how many there are: none where anything of it
 * disagrees, as of one whose memory went back. *left: how many chunks may be read; less those that were. ERROR_GONE,
 * ERROR_RESOURCE.
 */
struct error *frames_read_stack(struct space *space, const struct frames_stack *stack,
				uint64_t *left, struct frames *ret, size_t *ret_count) MUST_CHECK;

void frames_fini(struct frames *frames);

#endif
