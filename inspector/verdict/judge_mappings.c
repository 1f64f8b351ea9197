/*
 * judge_mappings: what lies in no heap: stacks, files, shared memory, huge pages, swap; and what a fork has copied.
 *
 * All of it is read off the ledger, but for two things that only a look at the pages tells, which the verdict is handed:
 * how much of huge pages is zeros, and how a worker's pages differ from its parent's.
 */
#include "inspector/verdict/judge.h"

/* The largest detail of a leaf, as evidence. */
static void tell_largest(struct judge *j, struct cause *cause, enum leaf leaf)
{
	const struct ledger_line *line = &j->s->ledger.lines[leaf];
	const struct ledger_detail *largest = NULL;
	for (size_t i = 0; i < line->details.count; i++) {
		const struct ledger_detail *d = &line->details.items[i];
		if (!largest || d->tally.present > largest->tally.present)
			largest = d;
	}
	if (!largest)
		return;
	judge_text(j, cause, "largest", largest->name);
	judge_bytes(cause, "largest_bytes", largest->tally.present);
	judge_count(cause, "mappings", line->details.count);
}

static struct cause *judge_leaf_alone(struct judge *j, enum cause_kind kind, enum leaf leaf)
{
	struct portion portion = {.sum = 0};
	portion_add(j, &portion, leaf, UINT64_MAX);
	struct cause *cause = judge_cause(j, kind, &portion);
	if (cause)
		tell_largest(j, cause, leaf);
	return cause;
}

static void judge_stacks(struct judge *j)
{
	struct portion portion = {.sum = 0};
	uint64_t threads = portion_add(j, &portion, LEAF_STACK_THREADS, UINT64_MAX);
	uint64_t main = portion_add(j, &portion, LEAF_STACK_MAIN, UINT64_MAX);
	struct cause *cause = judge_cause(j, CAUSE_THREAD_STACKS, &portion);
	if (!cause)
		return;
	judge_count(cause, "threads", j->s->target.n_threads);
	judge_bytes(cause, "threads_bytes", threads);
	judge_bytes(cause, "main_bytes", main);
	tell_largest(j, cause, LEAF_STACK_THREADS);
}

/* ---- huge pages -------------------------------------------------------------------------------------------- */

/* What of a leaf's huge pages would go back, were the pages small: the share of them that was seen to be zeros. */
static void judge_huge(struct judge *j)
{
	const struct huge_zeros *seen = &j->verdict->huge;
	struct portion portion = {.sum = 0};
	uint64_t huge = 0;
	for (int i = 0; i < LEAF_COUNT && seen->filled && seen->compared; i++) {
		const struct residency_tally *tally = &j->s->ledger.lines[i].tally;
		enum leaf_group group = leaf_group((enum leaf)i);
		if (group == LEAF_GROUP_FILE || group == LEAF_GROUP_SHARED)
			continue;
		huge = size_add(huge, tally->huge);
		portion_add(j, &portion, (enum leaf)i,
			    judge_share(tally->huge, seen->zeros, seen->compared));
	}
	struct cause *cause = judge_cause(j, CAUSE_HUGE_PAGES, &portion);
	if (!cause)
		return;
	judge_bytes(cause, "huge_bytes", huge);
	judge_bytes(cause, "compared_bytes", seen->compared);
	judge_bytes(cause, "zero_bytes", seen->zeros);
	judge_permille(cause, "zero_share", seen->zeros, seen->compared);
	cause->measured = seen->compared >= huge;
}

/* ---- a fork's copies ------------------------------------------------------------------------------------------ */

/* In what a forked worker inherits, most likely first. */
static const enum leaf inherited[] = {
	LEAF_PYMALLOC_LIVE,        LEAF_MIMALLOC_LIVE,
	LEAF_MALLOC_LIVE,          LEAF_MALLOC_MMAPPED,
	LEAF_PYTHON_STATIC,        LEAF_FILE_DATA,
	LEAF_ANON_OWNED,           LEAF_ANON_BSS,
	LEAF_PYMALLOC_OVERHEAD,    LEAF_MALLOC_OVERHEAD,
	LEAF_PYMALLOC_FREE_BLOCKS, LEAF_MALLOC_OPAQUE,
	LEAF_ANON_UNKNOWN,
};

static void judge_fork(struct judge *j)
{
	const struct fork_copies *fork = &j->verdict->fork;
	struct portion portion = {.sum = 0};
	if (!fork->filled)
		return;
	uint64_t needless =
		size_add(size_add(fork->identical, fork->refcounts_only), fork->gc_links_only);
	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++)
		portion_add(j, &portion, inherited[i], needless - size_min(needless, portion.sum));
	struct cause *cause = judge_cause(j, CAUSE_FORK_PRIVATE_COPIES, &portion);
	if (!cause)
		return;
	judge_count(cause, "parent", (uint64_t)fork->parent);
	judge_bytes(cause, "private_bytes", fork->private_bytes);
	judge_bytes(cause, "compared_bytes", fork->compared);
	judge_bytes(cause, "identical_bytes", fork->identical);
	judge_bytes(cause, "refcounts_only_bytes", fork->refcounts_only);
	judge_bytes(cause, "gc_links_only_bytes", fork->gc_links_only);
	judge_bytes(cause, "changed_bytes", fork->changed);
	cause->measured = fork->compared >= fork->private_bytes;
}

/* What is swapped out is no part of what is resident: it takes from no leaf. */
static void judge_swap(struct judge *j)
{
	const struct ledger *ledger = &j->s->ledger;
	uint64_t swapped = ledger->has_residency ? ledger->swapped : 0;
	if (!judge_counts(j, swapped))
		return;
	struct cause *cause = vec_push(&j->verdict->causes);
	if (!cause) {
		j->failed = true;
		return;
	}
	uint64_t kept = 0;
	for (int i = 0; i < LEAF_COUNT; i++)
		kept = size_add(kept, leaf_group((enum leaf)i) == LEAF_GROUP_KEPT
					      ? ledger->lines[i].tally.swapped
					      : 0);
	cause->kind = CAUSE_SWAPPED_OUT;
	cause->bytes = cause->symptom = swapped;
	cause->measured = true;
	cause->pin_root = cause->holder_root = SIZE_MAX;
	judge_bytes(cause, "swapped_bytes", swapped);
	judge_bytes(cause, "swapped_free_bytes", kept);
	judge_permille(cause, "swapped_share", swapped, size_add(swapped, j->rss));
}

void judge_mappings(struct judge *j)
{
	judge_stacks(j);
	judge_leaf_alone(j, CAUSE_FILE_MAPPINGS, LEAF_FILE_MAPPED);
	judge_leaf_alone(j, CAUSE_SHARED_MEMORY, LEAF_SHARED_MEMORY);
	judge_huge(j);
	judge_fork(j);
	judge_swap(j);
}
