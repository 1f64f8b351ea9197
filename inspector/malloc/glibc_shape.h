/*
 * glibc_shape: where glibc's malloc keeps what, by generation.
 *
 * malloc/malloc.c and malloc/arena.c of glibc 2.26 to 2.43, x86-64. No symbols are needed: the
 * generation is told by what fits (glibc_place.c), the version by the library's own banner.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_SHAPE_H
#define INSPECTOR_MALLOC_GLIBC_SHAPE_H

#include "base/raddr.h"

#include <stddef.h>

#define GLIBC_ALIGNMENT  16
#define GLIBC_CHUNK_MIN  32
#define GLIBC_FENCE      16 /* bytes of a chunk that only marks an end */
#define GLIBC_SIZE_BITS  UINT64_C(7)
#define GLIBC_IN_USE     UINT64_C(1) /* PREV_INUSE: the chunk before is in use */
#define GLIBC_MAPPED     UINT64_C(2) /* IS_MMAPPED */
#define GLIBC_THREAD     UINT64_C(4) /* NON_MAIN_ARENA */
#define GLIBC_PAGE       UINT64_C(4096)
#define GLIBC_N_BINS     127
#define GLIBC_N_FASTBINS 10
#define GLIBC_FAST_MAX   0xb0 /* size of a chunk in a fast bin; 0x80 unless mallopt() says more */
#define GLIBC_STATE_MAX  2208
#define GLIBC_HEAP_SIZE  (UINT64_C(64) << 20) /* reserved for a heap, and its alignment */
#define GLIBC_RUN_MIN    GLIBC_PAGE /* of the main arena, where brk is blocked: top_pad may be 0 */

/* struct malloc_state: all that matters lies at fixed distances from bins[]. */
struct glibc_state_shape {
	unsigned from, until; /* 2.N */
	bool has_fastbins;
	uint16_t bins; /* offset of bins[254] */
};

#define GLIBC_STATE_FLAGS      4
#define GLIBC_STATE_NONCONTIG  2 /* a bit of the flags */
#define GLIBC_FASTBINS_AT(s)   ((s)->bins - 96u)
#define GLIBC_TOP_AT(s)        ((s)->bins - 16u)
#define GLIBC_NEXT_AT(s)       ((s)->bins + 2048u)
#define GLIBC_ATTACHED_AT(s)   ((s)->bins + 2064u)
#define GLIBC_SYSTEM_AT(s)     ((s)->bins + 2072u)
#define GLIBC_SYSTEM_MAX_AT(s) ((s)->bins + 2080u)
#define GLIBC_STATE_SIZE(s)    ((s)->bins + 2088u)

/* struct malloc_par, the variable mp_; the first five words are everywhere the same. */
struct glibc_par_shape {
	unsigned from, until;
	uint16_t thp_pagesize, hp_pagesize;                           /* 0: it has none */
	uint16_t n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold; /* ints */
	uint16_t mmapped_mem, max_mmapped_mem;
	uint16_t sbrk_base;
	uint16_t tcache_max_bytes; /* 0: its meaning is not known */
	uint16_t size;
};

#define GLIBC_PAR_TRIM_THRESHOLD 0
#define GLIBC_PAR_TOP_PAD        8
#define GLIBC_PAR_MMAP_THRESHOLD 16
#define GLIBC_PAR_ARENA_TEST     24
#define GLIBC_PAR_ARENA_MAX      32
#define GLIBC_PAR_MAX            160

/* struct tcache_perthread_struct: counts, then the heads of the lists. */
struct glibc_tcache_shape {
	unsigned from, until;
	uint16_t n_bins, count_width;
	uint16_t chunk;   /* size of the chunk it lies in; an exact fit may be 16 more */
	bool counts_left; /* the counts are free places, not entries */
};

/* The table's i-th; NULL behind the last. */
const struct glibc_state_shape *glibc_state_shape(size_t i);
const struct glibc_par_shape *glibc_par_shape(size_t i);
const struct glibc_tcache_shape *glibc_tcache_shape(size_t i);

/* Whether a shape of [from, until] is that of 2.minor; minor 0, not known: any is. */
static inline bool glibc_shape_fits(unsigned from, unsigned until, unsigned minor)
{
	return minor == 0 || (minor >= from && minor <= until);
}

#endif
