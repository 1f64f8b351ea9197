/*
 * frame_extents: a thread state and the kernel's thread are the same where struct pthread is.
 */
#include "inspector/ledger/frame_extents.h"

#include <stdio.h>

/* By the thread pointer: a thread id is another one in another PID namespace. */
static const struct thread *thread_of(const struct threads *threads, raddr pointer)
{
	for (size_t i = 0; i < threads->list.count && !raddr_is_null(pointer); i++)
		if (raddr_equal(threads->list.items[i].pointer, pointer))
			return &threads->list.items[i];
	return NULL;
}

struct error *frame_extents(const struct frames *frames, const struct threads *threads,
			    struct extents *extents)
{
	for (size_t i = 0; i < frames->threads.count; i++) {
		const struct frames_thread *from = &frames->threads.items[i];
		const struct thread *thread = thread_of(threads, from->pointer);
		char name[48] = "other threads";
		if (thread)
			(void)snprintf(name, sizeof(name), "%s (%d)", thread->name, thread->tid);
		for (size_t k = 0; k < from->count; k++) {
			const struct frames_chunk *chunk = &frames->chunks.items[from->first + k];
			struct error *err = extents_add(extents, chunk->start, chunk->size,
							LEAF_PYTHON_FRAMES, name);
			if (err)
				return err;
		}
	}
	return NULL;
}
