/*
 * malloc_account: what the C library's allocator holds, as facts. For glibc's all of it is
 * known; of another only which it is.
 *
 *	arena      main: grows with brk           others: heaps of 64 MiB
 *	┌──────┬────┬──────┬─────┬────┬──────┐
 *	│in use│free│in use│crumb│pin │ top  │     free ≥ a page inside: malloc_trim(0) gives those pages back
 *	└──────┴────┴──────┴─────┴────┴──────┘     pin: the last chunk in use, below top
 *
 * Bytes are of chunks, headers included, unless they are called resident.
 */
#ifndef INSPECTOR_MALLOC_MALLOC_ACCOUNT_H
#define INSPECTOR_MALLOC_MALLOC_ACCOUNT_H

#include "base/raddr.h"
#include "base/size.h"
#include "base/vec.h"
#include "inspector/maybe.h"

enum malloc_implementation {
	MALLOC_UNKNOWN,
	MALLOC_GLIBC,
	MALLOC_JEMALLOC,
	MALLOC_TCMALLOC,
	MALLOC_MIMALLOC,
	MALLOC_MUSL,
};

const char *malloc_implementation_name(enum malloc_implementation i); /* "glibc" */

/* Last chunk in use below top: what keeps the free memory under it from going back by itself. */
struct malloc_pin {
	raddr chunk;    /* null: nothing stands below top */
	uint64_t size;  /* bytes */
	uint64_t below; /* free bytes right below it */
	bool cached;    /* it lies in a thread's tcache */
};

/* Runs of free chunks by size: below 8 KiB, below 16 KiB, … , from 128 MiB on. */
#define MALLOC_FREE_SIZES      16
#define MALLOC_FREE_SIZE_LEAST (8 * KIB)

struct malloc_arena {
	raddr address;
	bool main;
	VEC(char *) threads; /* names of those that use it, owned, foreign */
	uint64_t n_attached; /* as the arena counts them */
	uint64_t n_heaps;    /* mappings it lies in */
	uint64_t n_chunks;
	uint64_t system, max_system; /* system_mem: got from the system and not given back */
	uint64_t in_use;             /* without tcache and fastbins */
	uint64_t tcache, n_tcache;
	uint64_t fastbin, n_fastbin;
	uint64_t free, n_free; /* in bins, without top */
	uint64_t top;
	uint64_t overhead; /* headers of heaps and arena, fences, alignment */
	struct maybe free_resident, top_resident; /* unknown without residency */
	struct maybe trimmable; /* what malloc_trim(0) would give back of it now */
	struct maybe stuck;     /* resident bytes of free chunks that it would not */
	uint64_t free_sizes
		[MALLOC_FREE_SIZES]; /* what trim gives back of runs of so many bytes; all their bytes
	                                           where residency is unknown */
	struct malloc_pin pin;
	bool verified; /* chunks = system bytes, free chunks = bins */
	char *damage;  /* where and why the walk ended early, owned; NULL: it did not */
};

/* As mallinfo2(3) would return it in that process. */
struct malloc_info {
	uint64_t arena, ordblks, smblks, hblks, hblkhd, fsmblks, uordblks, fordblks, keepcost;
};

struct malloc_settings {
	uint64_t mmap_threshold, trim_threshold, top_pad;
	uint64_t arena_max, arena_test; /* 0: not set */
	uint64_t
		arena_limit; /* in force: arena_max, or what the cpus that it sees make of it; 0: not known */
	uint64_t n_mmaps_max;
	struct maybe tcache_max; /* largest request it keeps */
	bool dynamic;            /* thresholds move with what is freed */
	bool moved;              /* and they have moved */
	/* MALLOC_ variables in its environment that this process's malloc does not obey: they came too late, or
	 * are misspelt. Static names: "MALLOC_TRIM_THRESHOLD_". */
	VEC(const char *) ineffective;
};

struct malloc_account {
	bool filled; /* false: it was not asked for */
	enum malloc_implementation implementation;
	char version[16]; /* "2.36"; "": not known */
	char *library; /* path of the object that serves malloc, owned, foreign; NULL: not known */
	VEC(struct malloc_arena) arenas; /* the main one first, then as the ring has them */
	bool has_info;
	struct malloc_info info;
	bool has_settings;
	struct malloc_settings settings;
	struct maybe trimmable;      /* sum over arenas */
	uint64_t n_mmapped, mmapped; /* chunks with a mapping of their own, found; bytes */
	uint64_t n_mmapped_told, mmapped_told; /* as malloc counts them */
};

void malloc_arena_fini(struct malloc_arena *arena);
void malloc_account_fini(struct malloc_account *account);

#endif
