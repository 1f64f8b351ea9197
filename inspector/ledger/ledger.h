/*
 * ledger: every resident byte by cause.
 *
 * The leaves sum to what our own scan saw resident, to the byte; what the kernel counts stands beside it.
 */
#ifndef INSPECTOR_LEDGER_LEDGER_H
#define INSPECTOR_LEDGER_LEDGER_H

#include "base/vec.h"
#include "inspector/ledger/leaf.h"
#include "inspector/maybe.h"
#include "inspector/target/residency/residency.h"

/* Of a leaf: one file, library, thread, mapping. */
struct ledger_detail {
	char *name; /* foreign text, owned */
	uint64_t size;
	struct residency_tally tally;
};

struct ledger_line {
	uint64_t size; /* bytes of address space */
	struct residency_tally tally;
	struct maybe lazy_free;            /* MADV_FREEd bytes among the resident ones */
	VEC(struct ledger_detail) details; /* largest first; they need not be all of it */
};

struct ledger {
	bool filled;        /* false: it was not asked for */
	bool has_residency; /* false (a core): sizes are all that is known; tallies are 0 */
	uint64_t rss;       /* sum of the leaves' tally.present */
	struct maybe rss_kernel, peak_rss, pss, swap, lazy_free;
	uint64_t swapped;     /* sum of the leaves' tally.swapped */
	uint64_t unexplained; /* anon.unknown and what was told by elimination */
	struct ledger_line lines[LEAF_COUNT];
};

void ledger_fini(struct ledger *ledger);

#endif
