/*
 * entries: what was charged, piece by piece, before it is summed up.
 */
#ifndef INSPECTOR_LEDGER_ENTRIES_H
#define INSPECTOR_LEDGER_ENTRIES_H

#include "base/error.h"
#include "inspector/ledger/ledger.h"

struct entry {
	enum leaf leaf;
	const char *name; /* borrowed, foreign; NULL: told by its address; "": not told apart */
	raddr start;
	uint64_t size;
	struct residency_tally tally;
	bool eliminated; /* told by elimination */
};

struct entries {
	VEC(struct entry) list;
};

/* Adds one; without bytes nothing. ERROR_RESOURCE. */
struct error *entries_add(struct entries *entries, const struct entry *entry) MUST_CHECK;

/* Sums them up: lines and their details, largest first, ten of what is unknown. Reorders the entries. ERROR_RESOURCE. */
struct error *entries_sum(struct entries *entries, struct ledger *to) MUST_CHECK;

void entries_fini(struct entries *entries);

#endif
