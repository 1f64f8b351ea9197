/*
 * glibc_ledger: what the bytes of one arena are, told run by run, upwards: sums for the account and
 * shares of a claim for the ledger, from one reckoning.
 *
 *	chunks   [used][free][fast][free][used] … [used][ top            ]
 *	runs            └── one run ────┘                └ what trim cuts off┘
 *
 * What malloc_trim(0) would give back (mtrim(), systrim(): malloc/malloc.c, glibc 2.26 to 2.43): of every run
 * of free chunks, fast ones merged into it, the whole pages that lie 48 bytes or more behind its begin; of the main
 * arena's top chunk, where it ends at the program break, all whole pages but for 33 bytes.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_LEDGER_H
#define INSPECTOR_MALLOC_GLIBC_LEDGER_H

#include "inspector/ledger/claims.h"
#include "inspector/malloc/malloc_account.h"

struct glibc_ledger {
	const struct residency *residency; /* borrowed; NULL: not known */
	size_t near;
	struct malloc_arena *arena; /* whose sums are filled */
	struct claim claim;         /* of the segment under way */
	struct malloc_pin last;     /* the last chunk in use of the segment */
	uint64_t run, run_end;      /* free chunks that follow each other; run 0: none */
	uint64_t free_resident, top_resident, trimmable, stuck;
};

/* One segment begins, with the pages that belong to it. */
void glibc_ledger_begin(struct glibc_ledger *ledger, uint64_t start, uint64_t end);

/* A chunk that lies in no bin: in a thread's cache or not. */
void glibc_ledger_used(struct glibc_ledger *ledger, uint64_t at, uint64_t size, bool cached);

/* A free chunk: in a bin, or in a fast bin. */
void glibc_ledger_free(struct glibc_ledger *ledger, uint64_t at, uint64_t size, bool fast);

/* The top chunk. unit: pages are cut off it in multiples of so many bytes; 0: none are. */
void glibc_ledger_top(struct glibc_ledger *ledger, uint64_t at, uint64_t size, uint64_t unit);

/* Headers, fences, alignment; and what was not walked. */
void glibc_ledger_overhead(struct glibc_ledger *ledger, uint64_t at, uint64_t size);
void glibc_ledger_lost(struct glibc_ledger *ledger, uint64_t at, uint64_t size);

/* Pages at a segment's end that are not the arena's any more: given back, still mapped. */
void glibc_ledger_spare(struct glibc_ledger *ledger, uint64_t at, uint64_t size);

/* The segment ends: what was not told is in use. Adds its claim. False: out of memory. */
bool glibc_ledger_end(struct glibc_ledger *ledger, struct claims *to);

/* Resident sums go to the arena. */
void glibc_ledger_close(struct glibc_ledger *ledger);

#endif
