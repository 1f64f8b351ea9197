/*
 * mimalloc: the allocator of free-threaded CPython (3.13 on), and of PYTHONMALLOC=mimalloc, as facts.
 *
 *	segment (32 MiB, aligned)
 *	┌──────┬────────┬────────┬──────────────┬ ─ ─ ┐
 *	│header│ page   │ page   │ page         │     │   slices of 64 KiB; a page is a run of them, of blocks of one size
 *	└──────┴────────┴────────┴──────────────┴ ─ ─ ┘   pages belong to a heap; a thread has four heaps
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_H
#define INSPECTOR_MIMALLOC_MIMALLOC_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/maybe.h"

#include <sys/types.h>

enum mimalloc_kind {
	MIMALLOC_MEM,
	MIMALLOC_OBJECT,
	MIMALLOC_GC,
	MIMALLOC_GC_PRE,
	MIMALLOC_ABANDONED
};

const char *mimalloc_kind_name(enum mimalloc_kind kind); /* "gc_pre" */

struct mimalloc_page {
	raddr start;         /* of its first block */
	uint64_t block_size; /* bytes */
	uint32_t capacity;   /* blocks that were made so far */
	uint32_t reserved;   /* blocks that it has room for */
	uint32_t used;       /* blocks in use */
	uint32_t heap;       /* index in mimalloc.heaps */
	uint64_t size;       /* bytes of its slices */
	bool delayed;        /* empty, and kept until all threads have passed (QSBR) */
	bool agrees;         /* used and free blocks make its capacity */
};

struct mimalloc_heap {
	pid_t thread; /* 0: of none, or not known */
	enum mimalloc_kind kind;
	uint64_t n_pages;
	uint64_t used_blocks, used_bytes,
		free_bytes; /* free: of blocks that were made and are not used */
};

struct mimalloc_segment {
	raddr start;
	uint64_t size;
	uint64_t resident, swapped;   /* bytes; only with mimalloc.has_residency */
	uint32_t first_page, n_pages; /* in mimalloc.pages */
};

struct mimalloc {
	bool used;
	bool has_residency;
	uint64_t used_blocks, used_bytes, free_bytes;
	uint64_t delayed_bytes; /* of pages that wait for QSBR */
	VEC(struct mimalloc_heap) heaps;
	VEC(struct mimalloc_segment) segments; /* ascending */
	VEC(struct mimalloc_page) pages;       /* ascending */
};

void mimalloc_fini(struct mimalloc *m);

#endif
