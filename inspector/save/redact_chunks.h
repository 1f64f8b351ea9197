/*
 * redact_chunks: malloc's heaps and large blocks, whose chunks are cells.
 */
#ifndef INSPECTOR_SAVE_REDACT_CHUNKS_H
#define INSPECTOR_SAVE_REDACT_CHUNKS_H

#include "inspector/save/redact_window.h"

/* Where the size of the next chunk stands in the heap that is being walked; 0: there is none, or the chain is broken. */
struct redact_chunks {
	uint64_t size_at, last_size;
};

/* One step from `at` through [at, to) of a heap, outside of cells: where the next begins. */
uint64_t redact_chunks_step(struct redact_chunks *chunks, struct redact_window *window,
			    const struct ground_range *heap, uint64_t at, uint64_t to);

/* Begins the cell of a block that malloc mapped by itself, if the page at `at` begins with the header of one: whether it does.
 * `limit`: no block reaches over it; `to`: the window's end. *ret_next: behind the header. */
bool redact_chunks_begin_mapped(struct redact_window *window, uint64_t at, uint64_t limit,
				uint64_t to, uint64_t *ret_next);

#endif
