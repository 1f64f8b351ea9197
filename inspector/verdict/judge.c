/*
 * judge: one part after the other takes what it can prove out of the ledger; what is left is in order.
 *
 * The order is that of the remedies: first what is free and kept, because it can be had without giving up anything; then copies
 * that a fork made; then what nobody can reach; and what is in use last of all. So an arena that is
 * kept by a few objects is told once, as kept, and not again as memory of those objects.
 */
#include "inspector/verdict/judge.h"

#include <stdlib.h>
#include <string.h>

uint64_t judge_leaf(const struct judge *j, enum leaf leaf)
{
	const struct ledger *ledger = &j->s->ledger;
	const struct ledger_line *line = &ledger->lines[leaf];
	enum leaf_group group = leaf_group(leaf);
	if (ledger->has_residency)
		return line->tally.present;
	/* A file's size says nothing of what was in RAM. */
	return group == LEAF_GROUP_FILE || group == LEAF_GROUP_SHARED ? 0 : line->size;
}

uint64_t portion_add(const struct judge *j, struct portion *portion, enum leaf leaf, uint64_t bytes)
{
	uint64_t more = size_min(bytes, size_subtract(j->left[leaf], portion->of[leaf]));
	portion->of[leaf] += more;
	portion->sum += more;
	return more;
}

uint64_t judge_share(uint64_t bytes, uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)((unsigned __int128)bytes * size_min(part, whole) / whole) : 0;
}

uint64_t judge_growth(const struct judge *j)
{
	int64_t rss = j->since ? j->since->rss : 0, live = j->since ? j->since->live_bytes : 0;
	int64_t more = rss > live ? rss : live;
	return more > 0 ? (uint64_t)more : 0;
}

bool judge_counts(const struct judge *j, uint64_t bytes)
{
	return bytes >= JUDGE_LEAST_BYTES && bytes / JUDGE_LEAST_PERMILLE >= j->rss / 1000;
}

struct cause *judge_symptom(struct judge *j, enum cause_kind kind, const struct portion *portion,
			    uint64_t symptom)
{
	symptom = size_max(symptom, portion->sum);
	if (!judge_counts(j, symptom))
		return NULL;
	struct cause *cause = vec_push(&j->verdict->causes);
	if (!cause) {
		j->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < LEAF_COUNT; i++)
		j->left[i] = size_subtract(j->left[i], portion->of[i]);
	cause->kind = kind;
	cause->bytes = portion->sum;
	cause->symptom = symptom;
	cause->measured = j->s->ledger.has_residency;
	cause->pin_root = cause->holder_root = SIZE_MAX;
	return cause;
}

struct cause *judge_cause(struct judge *j, enum cause_kind kind, const struct portion *portion)
{
	return judge_symptom(j, kind, portion, portion->sum);
}

static struct evidence *next_evidence(struct cause *cause, const char *name,
				      enum evidence_unit unit)
{
	if (cause->n_evidence >= EVIDENCE_MAX)
		return NULL;
	struct evidence *evidence = &cause->evidence[cause->n_evidence++];
	*evidence = (struct evidence){.name = name, .unit = unit};
	return evidence;
}

void judge_count(struct cause *cause, const char *name, uint64_t count)
{
	struct evidence *evidence = next_evidence(cause, name, EVIDENCE_COUNT);
	if (evidence)
		evidence->value = count;
}

void judge_bytes(struct cause *cause, const char *name, uint64_t bytes)
{
	struct evidence *evidence = next_evidence(cause, name, EVIDENCE_BYTES);
	if (evidence)
		evidence->value = bytes;
}

void judge_permille(struct cause *cause, const char *name, uint64_t part, uint64_t whole)
{
	struct evidence *evidence = next_evidence(cause, name, EVIDENCE_PERMILLE);
	if (evidence)
		evidence->value = judge_share(1000, part, whole);
}

void judge_text(struct judge *j, struct cause *cause, const char *name, const char *text)
{
	struct evidence *evidence = text ? next_evidence(cause, name, EVIDENCE_TEXT) : NULL;
	if (!evidence)
		return;
	evidence->text = strdup(text);
	if (!evidence->text)
		j->failed = true;
}

bool judge_has(const struct judge *j, enum cause_kind kind)
{
	for (size_t i = 0; i < j->verdict->causes.count; i++) {
		if (j->verdict->causes.items[i].kind == kind)
			return true;
	}
	return false;
}

static void begin(struct judge *j)
{
	for (int i = 0; i < LEAF_COUNT; i++) {
		enum leaf leaf = (enum leaf)i;
		uint64_t bytes = judge_leaf(j, leaf);
		enum leaf_group group = leaf_group(leaf);
		j->left[i] = bytes;
		j->rss = size_add(j->rss, bytes);
		if (group != LEAF_GROUP_FILE && group != LEAF_GROUP_SHARED)
			j->private = size_add(j->private, bytes);
	}
}

/* Nothing was found. As long as holders are sought, that is no answer. */
static void acquit(struct judge *j)
{
	struct cause *cause = vec_push(&j->verdict->causes);
	if (!cause) {
		j->failed = true;
		return;
	}
	uint64_t live = 0, kept = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		enum leaf_group group = leaf_group((enum leaf)i);
		live = size_add(live, group == LEAF_GROUP_LIVE ? judge_leaf(j, (enum leaf)i) : 0);
		kept = size_add(kept, group == LEAF_GROUP_KEPT ? judge_leaf(j, (enum leaf)i) : 0);
	}
	cause->kind = CAUSE_NOTHING_WRONG;
	cause->measured = j->s->ledger.has_residency;
	cause->pin_root = cause->holder_root = SIZE_MAX;
	judge_bytes(cause, "live_bytes", live);
	judge_bytes(cause, "kept_bytes", kept);
	judge_permille(cause, "kept_share", kept, j->rss);
	if (judge_counts(j, judge_growth(j)))
		judge_bytes(cause, "grown_bytes", judge_growth(j));
}

static int compare_causes(const void *a, const void *b)
{
	const struct cause *one = a, *other = b;
	if (one->bytes != other->bytes)
		return one->bytes < other->bytes ? 1 : -1;
	if (one->symptom != other->symptom)
		return one->symptom < other->symptom ? 1 : -1;
	return (int)one->kind - (int)other->kind;
}

static void sort_causes(struct verdict *verdict)
{
	if (verdict->causes.count)
		qsort(verdict->causes.items, verdict->causes.count, sizeof(struct cause),
		      compare_causes);
}

struct error *verdict_make_since(const struct snapshot *snapshot, const struct difference *since,
				 struct verdict *ret)
{
	struct verdict verdict = {
		.filled = true,
		.preliminary = !snapshot->holders.filled,
		.fork = snapshot->verdict.fork,
		.huge = snapshot->verdict.huge,
		.framework = framework_of(&snapshot->target),
		.since = {since != NULL, since ? since->seconds : 0},
	};
	struct judge j = {.s = snapshot, .since = since, .verdict = &verdict};
	begin(&j);
	judge_pymalloc(&j);
	judge_mimalloc(&j);
	judge_malloc(&j);
	judge_mappings(&j);
	judge_unreached(&j);
	judge_live(&j);
	if (!verdict.causes.count && !verdict.preliminary)
		acquit(&j);
	judge_theories(&j);
	sort_causes(&verdict);
	if (j.failed) {
		verdict_fini(&verdict);
		return error_out_of_memory();
	}
	*ret = verdict;
	return NULL;
}

struct error *verdict_make(const struct snapshot *snapshot, struct verdict *ret)
{
	return verdict_make_since(snapshot, NULL, ret);
}
