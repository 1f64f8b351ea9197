/*
 * pymalloc: CPython's allocator for requests up to 512 bytes, as facts.
 *
 *	arena (256 KiB, 1 MiB)          one mapping; given back only when all its pools are free
 *	┌──┬────────┬────────┬────────┬─ ─ ─┬────────┬──┐
 *	│  │ pool   │ pool   │ pool   │     │ virgin │  │   first pool: address rounded up
 *	└──┴────────┴────────┴────────┴─ ─ ─┴────────┴──┘   virgin: never carved, above pool_address
 *	   ┌──────┬─────┬─────┬─────┬─ ─ ─┬────┐
 *	   │header│block│block│block│     │    │            pool (4 or 16 KiB): blocks of one size class
 *	   └──────┴─────┴─────┴─────┴─ ─ ─┴────┘            last: quantization loss
 *
 * Struct sources: Objects/obmalloc.c (2.7 to 3.11), Include/internal/pycore_obmalloc.h (3.12 to 3.15).
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_H
#define INSPECTOR_HEAP_PYMALLOC_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/maybe.h"

#define PYMALLOC_CLASSES_MAX 64

enum pool_state {
	POOL_UNREAD,  /* swapped, vanished or damaged: nothing is known but that it is carved */
	POOL_VIRGIN,  /* never carved */
	POOL_EMPTY,   /* carved, no block used: on its arena's freepools */
	POOL_PARTIAL, /* some blocks used */
	POOL_FULL,    /* all blocks used */
};

struct pymalloc_pool {
	uint16_t used;     /* blocks; */
	uint16_t capacity; /* blocks; 0 for virgin, empty and unread pools */
	uint8_t class;     /* size class index; block size is (class + 1) * alignment */
	uint8_t state;     /* enum pool_state */
};

struct pymalloc_arena {
	raddr address;     /* of the arena's memory, as mapped */
	raddr first_pool;  /* address rounded up to the pool size */
	uint32_t index;    /* in arenas[]: pool headers carry it */
	uint32_t n_pools;  /* ntotalpools */
	uint32_t n_free;   /* nfreepools: empty and virgin pools */
	uint32_t n_carved; /* pools below pool_address: the first n_carved of its n_pools */
	uint32_t pools_at; /* its n_pools pools start at this index of pymalloc.pools */
	uint64_t used_blocks;
	uint64_t used_bytes; /* sum of used blocks' sizes */
	uint64_t resident;   /* bytes in RAM; only with pymalloc.has_residency */
	uint64_t swapped;
	bool settled; /* its pools and its counters agree */
};

struct pymalloc_class {
	uint64_t size;  /* bytes of a block */
	uint64_t pools; /* partial and full ones */
	uint64_t used_blocks;
	uint64_t free_blocks; /* in those pools: freed and virgin blocks */
};

struct pymalloc {
	bool used;          /* there is at least one arena; false: geometry and all else is 0 */
	uint64_t alignment; /* of blocks: 8 or 16 */
	uint64_t threshold; /* largest request served: 512 */
	uint64_t n_classes;
	uint64_t pool_size;
	uint64_t arena_size;
	uint64_t pool_overhead; /* bytes of a pool before its first block: 48 */

	/* The allocator's own counters */
	struct maybe arenas_allocated_total;
	struct maybe arenas_highwater;
	struct maybe arenas_current; /* narenas_currently_allocated, to compare with arenas.count */
	struct maybe raw_allocated_blocks;
	bool has_arena_map;
	uint64_t arena_map_root_size, arena_map_mid_size,
		arena_map_bot_size;                  /* bytes of one node */
	struct maybe arena_map_mids, arena_map_bots; /* nodes */

	/* Bytes; the six add up to arenas.count * arena_size */
	uint64_t allocated_bytes; /* in used blocks */
	uint64_t available_bytes; /* free blocks of pools in use */
	uint64_t unused_pools;    /* number: empty and virgin */
	uint64_t unused_pools_bytes;
	uint64_t pool_headers_bytes;
	uint64_t quantization_bytes;
	uint64_t arena_alignment_bytes;
	uint64_t total_bytes;

	uint64_t used_blocks; /* sum over classes */
	bool has_residency;
	struct pymalloc_class classes[PYMALLOC_CLASSES_MAX];
	VEC(struct pymalloc_arena) arenas; /* ascending address */
	VEC(struct pymalloc_pool) pools;
};

void pymalloc_fini(struct pymalloc *p);

/* Address of the arena's pool `i`, 0 to n_pools - 1. */
static inline raddr pymalloc_pool_address(const struct pymalloc *p, const struct pymalloc_arena *a,
					  uint32_t i)
{
	return raddr_plus(a->first_pool, (uint64_t)i * p->pool_size);
}

/* Share of the arena's block space in use, 0 to 1. */
double pymalloc_arena_occupancy(const struct pymalloc *p, const struct pymalloc_arena *a);

/* The arena that holds an address, or NULL. */
const struct pymalloc_arena *pymalloc_find_arena(const struct pymalloc *p, raddr address);

/* What each block of one pool is; read by itself, for the drill-down. */
enum block_state { BLOCK_VIRGIN, BLOCK_FREE, BLOCK_USED };

struct pymalloc_blocks {
	raddr pool;
	uint64_t block_size;
	uint32_t n_blocks;
	uint32_t n_used, n_free, n_virgin;
	bool agrees;     /* the free chain and the header's count agree */
	uint8_t *states; /* n_blocks of enum block_state, owned */
};

void pymalloc_blocks_fini(struct pymalloc_blocks *b);

#endif
