/*
 * claims: who says of some addresses that they are his, and what his pages are used for.
 *
 *	claims    [ pymalloc arena ][ glibc heap            ]   [ mimalloc segment ]
 *	shares     live 3, free 61   live 40 top 9 crumbs 15
 *
 * An allocator that knows what it keeps hands in runs of whole pages, each with its own account of
 * them; the ledger (ledger.h) tells the rest of the address space by its mappings.
 */
#ifndef INSPECTOR_LEDGER_CLAIMS_H
#define INSPECTOR_LEDGER_CLAIMS_H

#include "base/error.h"
#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/ledger/leaf.h"
#include "inspector/target/residency/residency.h"

#define CLAIM_SHARES_MAX 8

struct claim_share {
	enum leaf leaf;
	uint64_t size;                /* bytes of address space */
	struct residency_tally tally; /* of those; all 0 where residency is not known */
};

struct claim {
	raddr start;   /* of a page */
	uint64_t size; /* whole pages */
	/* They add up to size, and their tallies to that of the whole range, to the byte. */
	struct claim_share shares[CLAIM_SHARES_MAX];
	size_t n_shares;
	size_t order; /* claims_add() counts */
};

struct claims {
	VEC(struct claim) list; /* in any order until claims_sort() */
};

#define CLAIMS_EMPTY ((struct claims){0})

/* Adds one without shares, for the caller to fill until the next call; NULL: out of memory. */
struct claim *claims_add(struct claims *claims, raddr start, uint64_t size);

/* Adds bytes to a claim's share of a leaf. More than CLAIM_SHARES_MAX leaves are a bug: the last
 * takes the rest. */
void claim_charge(struct claim *claim, enum leaf leaf, uint64_t size,
		  const struct residency_tally *tally);

/* Adds copies of all of `from` behind those of `to`. ERROR_RESOURCE. */
struct error *claims_join(struct claims *to, const struct claims *from) MUST_CHECK;

/* Ascending and disjoint: of two that overlap the one added first stays, the other is dropped; returns
 * how many were. */
size_t claims_sort(struct claims *claims);

void claims_fini(struct claims *claims);

#endif
