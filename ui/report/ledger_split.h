/*
 * ledger_split: the leaves of a ledger summed up as they are drawn: the parts of the one bar, and
 * what is kept by what would give it back.
 */
#ifndef UI_LEDGER_SPLIT_H
#define UI_LEDGER_SPLIT_H

#include "inspector/ledger/ledger.h"

/* Parts of the bar, in its order. */
enum ledger_part {
	LEDGER_LIVE,
	LEDGER_HELD,   /* free, kept by Python's own allocator: live objects pin it */
	LEDGER_CACHED, /* free, kept by malloc, or not yet taken back by the kernel */
	LEDGER_OVERHEAD,
	LEDGER_FILES,
	LEDGER_SHARED,
	LEDGER_UNKNOWN,
	LEDGER_PARTS
};

/* Bytes of a leaf: in RAM, or where the ledger has no residency (a core) of address space. */
uint64_t ledger_split_amount(const struct ledger *ledger, enum leaf leaf);

/* All leaves together. */
uint64_t ledger_split_whole(const struct ledger *ledger);

enum ledger_part ledger_split_part(enum leaf leaf);

/* Adds each leaf to its part; they add up to the whole. */
void ledger_split_parts(const struct ledger *ledger, uint64_t ret[LEDGER_PARTS]);

/* "kept by malloc": of a legend. Static. */
const char *ledger_split_name(enum ledger_part part);

/* Sum of a group. */
uint64_t ledger_split_group(const struct ledger *ledger, enum leaf_group group);

/* What is kept and would be given back by that. */
uint64_t ledger_split_kept(const struct ledger *ledger, enum leaf_returns returns);

/* The leaf of the most bytes. */
enum leaf ledger_split_largest(const struct ledger *ledger);

#endif
