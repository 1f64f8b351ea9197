/*
 * claims: collected in any order, then sorted, so that the ledger walks them and the mappings side by
 * side.
 */
#include "inspector/ledger/claims.h"

#include "base/size.h"

/* Honest claims overlap by twos and threes; of more the ones with lower addresses stay. */
#define GROUP_MAX 8

struct claim *claims_add(struct claims *claims, raddr start, uint64_t size)
{
	struct claim *claim = vec_push(&claims->list);
	if (claim)
		*claim = (struct claim){
			.start = start, .size = size, .order = claims->list.count - 1};
	return claim;
}

struct error *claims_join(struct claims *to, const struct claims *from)
{
	for (size_t i = 0; i < from->list.count; i++) {
		const struct claim *one = &from->list.items[i];
		struct claim *copy = claims_add(to, one->start, one->size);
		if (!copy)
			return error_out_of_memory();
		size_t order = copy->order;
		*copy = *one;
		copy->order = order;
	}
	return NULL;
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
	const struct claim *left = a, *right = b;
	int by_start = raddr_compare(left->start, right->start);
	return by_start ?: (left->order > right->order) - (left->order < right->order);
}

static raddr end_of(const struct claim *claim)
{
	return raddr_plus(claim->start, claim->size);
}

/* The end of the group that begins at `first`: claims each of which overlaps one before it. */
static size_t group_end(const struct claims *claims, size_t first)
{
	raddr end = end_of(&claims->list.items[first]);
	size_t i = first + 1;
	for (; i < claims->list.count; i++) {
		const struct claim *claim = &claims->list.items[i];
		if (claim->start.value >= end.value)
			break;
		end = raddr_compare(end, end_of(claim)) < 0 ? end_of(claim) : end;
	}
	return i;
}

static bool overlap(const struct claim *a, const struct claim *b)
{
	return a->start.value < end_of(b).value && b->start.value < end_of(a).value;
}

/* Whether a claim of a group overlaps one that came before and stays itself. */
static bool gives_way(const struct claim *group, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++) {
		if (k == i || group[k].order > group[i].order || !overlap(&group[k], &group[i]))
			continue;
		if (!gives_way(group, n, k))
			return true;
	}
	return false;
}

size_t claims_sort(struct claims *claims)
{
	size_t kept = 0, n = claims->list.count;
	struct claim *items = claims->list.items;
	if (n > 1)
		qsort(items, n, sizeof(*items), compare_claims);
	for (size_t first = 0, end; first < n; first = end) {
		bool stays[GROUP_MAX];
		end = group_end(claims, first);
		for (size_t i = first; i < end && end - first <= GROUP_MAX; i++)
			stays[i - first] = !gives_way(items + first, end - first, i - first);
		for (size_t i = first; i < end; i++) {
			bool stay = end - first <= GROUP_MAX
					    ? stays[i - first]
					    : kept == 0 || items[i].start.value >=
								   end_of(&items[kept - 1]).value;
			if (stay)
				items[kept++] = items[i];
		}
	}
	claims->list.count = kept;
	return n - kept;
}

void claims_fini(struct claims *claims)
{
	vec_fini(&claims->list);
}
