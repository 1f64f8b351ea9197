/*
 * claims: collected in any order, then sorted, so that the ledger walks them and the mappings side by
 * side.
 */
#include "inspector/ledger/claims.h"

#include "base/size.h"

struct claim *claims_add(struct claims *claims, raddr start, uint64_t size)
{
	struct claim *claim = vec_push(&claims->list);
	if (claim)
		*claim = (struct claim){.start = start, .size = size};
	return claim;
}

static struct claim_share *share_of(struct claim *claim, enum leaf leaf)
{
	for (size_t i = 0; i < claim->n_shares; i++)
		if (claim->shares[i].leaf == leaf)
			return &claim->shares[i];
	if (claim->n_shares == CLAIM_SHARES_MAX)
		return &claim->shares[CLAIM_SHARES_MAX - 1];
	claim->shares[claim->n_shares] = (struct claim_share){.leaf = leaf};
	return &claim->shares[claim->n_shares++];
}

void claim_charge(struct claim *claim, enum leaf leaf, uint64_t size,
		  const struct residency_tally *tally)
{
	struct claim_share *share = share_of(claim, leaf);
	share->size += size;
	residency_tally_add(&share->tally, tally);
}

static int compare_claims(const void *a, const void *b)
{
	return raddr_compare(((const struct claim *)a)->start, ((const struct claim *)b)->start);
}

/* glibc's qsort is stable while it has memory for it; who claims the same start twice is told by order. */
size_t claims_sort(struct claims *claims)
{
	size_t kept = 0, n = claims->list.count;
	if (n > 1)
		qsort(claims->list.items, n, sizeof(claims->list.items[0]), compare_claims);
	for (size_t i = 0; i < n; i++) {
		struct claim *last = kept ? &claims->list.items[kept - 1] : NULL;
		const struct claim *claim = &claims->list.items[i];
		if (last && raddr_in(claim->start, last->start, last->size))
			continue;
		claims->list.items[kept++] = *claim;
	}
	claims->list.count = kept;
	return n - kept;
}

void claims_fini(struct claims *claims)
{
	vec_fini(&claims->list);
}
