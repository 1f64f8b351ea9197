/*
 * theories: what people suspect first, each with the figure that clears it.
 *
 * A theory that is a cause is not ruled out; one that the look could not put to the test is not mentioned.
 */
#include "inspector/verdict/judge.h"

#include <string.h>

static void rule_out(struct judge *j, enum theory theory, struct maybe bytes)
{
	struct ruled_out *out = vec_push(&j->verdict->not_causes);
	if (out)
		*out = (struct ruled_out){theory, bytes};
	else
		j->failed = true;
}

/* Free ends of threads' arenas are a cause that malloc_trim(0) does not help. */
static bool has_trim_cause(const struct judge *j)
{
	for (size_t i = 0; i < j->verdict->causes.count; i++) {
		const struct cause *cause = &j->verdict->causes.items[i];
		bool trims = cause->kind >= CAUSE_MALLOC_FREE_TRIMMABLE &&
			     cause->kind <= CAUSE_MALLOC_ENV_INEFFECTIVE &&
			     cause->kind != CAUSE_MALLOC_FREE_STUCK;
		for (size_t k = 0; k < cause->n_evidence; k++)
			trims &= cause->evidence[k].value ||
				 strcmp(cause->evidence[k].name, "trims") != 0;
		if (trims)
			return true;
	}
	return false;
}

static bool has_malloc_cause(const struct judge *j)
{
	return judge_has(j, CAUSE_MALLOC_FREE_TRIMMABLE) ||
	       judge_has(j, CAUSE_MALLOC_ARENA_PER_THREAD) ||
	       judge_has(j, CAUSE_MALLOC_THRESHOLD_RAISED) ||
	       judge_has(j, CAUSE_MALLOC_ENV_INEFFECTIVE);
}

/* What threads' arenas keep free. */
static struct maybe kept_for_threads(const struct malloc_account *account)
{
	struct maybe kept = maybe_known(0);
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		if (a->main)
			continue;
		kept.known &= a->free_resident.known && a->top_resident.known;
		kept.value = size_add(kept.value,
				      size_add(a->free_resident.value, a->top_resident.value));
	}
	return kept;
}

static void clear_malloc(struct judge *j)
{
	const struct malloc_account *account = &j->s->malloc;
	if (!account->filled || account->implementation != MALLOC_GLIBC)
		return;
	if (!has_trim_cause(j))
		rule_out(j, THEORY_MALLOC_TRIM, account->trimmable);
	if (!has_malloc_cause(j))
		rule_out(j, THEORY_ARENA_MAX, kept_for_threads(account));
}

/* Bytes of leaves as they are known: not at all without residency. */
static struct maybe leaves_sum(const struct judge *j, const enum leaf *leaves, size_t n)
{
	struct maybe sum = {.known = j->s->ledger.has_residency};
	for (size_t i = 0; sum.known && i < n; i++)
		sum.value = size_add(sum.value, judge_leaf(j, leaves[i]));
	return sum;
}

/* What most of it is used for is not ruled out, though no one holds most of that. */
static bool is_mostly_live(const struct judge *j)
{
	const uint64_t live = j->s->holders.reached_bytes;
	return live >= JUDGE_LEAST_LIVE && live / JUDGE_HOLDER_SHARE >= j->private / 1000;
}

static void clear_live(struct judge *j)
{
	const struct holders *h = &j->s->holders;
	if (!h->filled)
		return;
	if (!judge_has(j, CAUSE_UNCOLLECTED_GARBAGE))
		rule_out(j, THEORY_GC, maybe_known(h->garbage.bytes));
	if (!judge_has(j, CAUSE_LIVE_OBJECTS) && !is_mostly_live(j))
		rule_out(j, THEORY_PYTHON_LEAK, maybe_known(h->reached_bytes));
}

/* Where it grew in many places, and in none by much, it is neither a cause nor ruled out. */
static void clear_growth(struct judge *j)
{
	if (!j->since)
		rule_out(j, THEORY_GROWTH, (struct maybe){.known = false});
	else if (!j->grew && !judge_counts(j, judge_growth(j)))
		rule_out(j, THEORY_GROWTH, maybe_known(judge_growth(j)));
}

void judge_theories(struct judge *j)
{
	static const enum leaf stacks[] = {LEAF_STACK_THREADS};
	static const enum leaf kept[] = {LEAF_PYMALLOC_FREE_BLOCKS, LEAF_PYMALLOC_FREE_POOLS,
					 LEAF_MIMALLOC_FREE};
	const struct ledger *ledger = &j->s->ledger;
	clear_malloc(j);
	if (!ledger->filled)
		return;
	if (!judge_has(j, CAUSE_THREAD_STACKS))
		rule_out(j, THEORY_THREADS, leaves_sum(j, stacks, ARRAY_SIZE(stacks)));
	if (!judge_has(j, CAUSE_SWAPPED_OUT))
		rule_out(j, THEORY_SWAP,
			 (struct maybe){.value = ledger->swapped, .known = ledger->has_residency});
	if (!judge_has(j, CAUSE_PYMALLOC_PINNED) && !judge_has(j, CAUSE_PYMALLOC_FREE_POOLS) &&
	    !judge_has(j, CAUSE_MIMALLOC_RETAINED))
		rule_out(j, THEORY_KEPT_ARENAS, leaves_sum(j, kept, ARRAY_SIZE(kept)));
	clear_live(j);
	clear_growth(j);
}
