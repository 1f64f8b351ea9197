/*
 * headline: a ladder of questions, the first that is answered with yes gives the
 * sentence.
 *
 *	no pymalloc here?            → the memory is somebody else's: the ledger's sentence
 *	more kept by malloc?         → the ledger's sentence
 *	mimalloc's segments?         → how much of them is in use
 *	pymalloc under a tenth?      → the memory is elsewhere: the same
 *	little kept?                 → it is in use
 *	kept by nearly empty arenas? → pinned: which, how many blocks do it
 *	else                         → spread evenly over all arenas
 */
#include "ui/report/headline.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "ui/report/dump_mimalloc.h"
#include "ui/report/ledger_words.h"

#include <inttypes.h>
#include <stdlib.h>

#define SMALL_SHARE 10        /* per cent of RSS below which pymalloc is not the reason */
#define LITTLE_KEPT (4 * MIB) /* nobody looks for so little */
#define KEPT_SHARE  20        /* per cent of pymalloc below which its heap is in use */

struct headline_split headline_split_of(const struct snapshot *snapshot,
					const struct occupancy *occupancy)
{
	const struct occupancy_totals *t = &occupancy->totals;
	uint64_t resident = t->has_residency ? t->resident : t->total;
	uint64_t rss = snapshot->target.rss ?: resident;
	struct headline_split split = {.rss = rss, .exact = t->has_residency && !t->swapped};
	resident = size_min(resident, rss);
	split.live = size_min(t->live, resident);
	split.overhead = size_min(t->overhead, resident - split.live);
	split.kept = size_min(t->kept, resident - split.live - split.overhead);
	split.elsewhere = rss - split.live - split.overhead - split.kept;
	return split;
}

/* ---- the sparse group -------------------------------------------------------------------- */

static int compare_counts(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static bool is_under(const struct occupancy_arena *a, unsigned percent)
{
	return a->used && occupancy_share(a->used, a->held) * 100 < percent;
}

static void add_sparse(struct headline_sparse *sparse, const struct occupancy *occupancy,
		       uint64_t *counts)
{
	for (size_t i = 0; i < occupancy->arenas.count; i++) {
		const struct occupancy_arena *a = &occupancy->arenas.items[i];
		if (!is_under(a, sparse->percent))
			continue;
		counts[sparse->n_arenas++] = a->used_blocks;
		sparse->held += a->held;
		sparse->n_blocks += a->used_blocks;
	}
	qsort(counts, sparse->n_arenas, sizeof(*counts), compare_counts);
	sparse->median_blocks = sparse->n_arenas ? counts[sparse->n_arenas / 2] : 0;
}

struct headline_sparse headline_sparse_of(const struct occupancy *occupancy)
{
	static const unsigned steps[] = {5, 25, 50};
	_cleanup_(free_pointer) uint64_t *counts =
		calloc(occupancy->arenas.count + 1, sizeof(*counts));
	for (size_t i = 0; counts && i < ARRAY_SIZE(steps); i++) {
		struct headline_sparse sparse = {.percent = steps[i]};
		add_sparse(&sparse, occupancy, counts);
		if (sparse.n_arenas && sparse.held >= occupancy->totals.kept / 2)
			return sparse;
	}
	return (struct headline_sparse){0};
}

/* ---- sentences --------------------------------------------------------------------------- */

static void say_no_pymalloc(struct text *text, const struct snapshot *snapshot,
			    const struct ledger *ledger, enum units units)
{
	enum allocator allocator = snapshot->target.allocator;
	text_addf(text, "pymalloc holds nothing here: Python's objects come from %s%s",
		  allocator == ALLOCATOR_UNKNOWN ? "an allocator that could not be told"
						 : allocator_name(allocator),
		  allocator == ALLOCATOR_MALLOC ? " (as with PYTHONMALLOC=malloc)" : "");
	if (ledger) {
		text_add(text, ". ");
		(void)ledger_words_sentence(text, ledger, units);
	} else if (dump_has_mimalloc(snapshot)) {
		text_add(text, ", which is told below.");
	} else {
		text_add(text, ", so this report cannot say what the memory is used for.");
	}
}

static void say_elsewhere(struct text *text, const struct ledger *ledger,
			  const struct headline_split *split, uint64_t threshold, enum units units)
{
	char share[UNITS_MAX];
	units_percent(share, split->rss - split->elsewhere, split->rss);
	if (ledger) {
		text_addf(text, "pymalloc holds only %s of the RSS. ", share);
		(void)ledger_words_sentence(text, ledger, units);
		return;
	}
	text_addf(
		text,
		"pymalloc holds only %s of the RSS: the memory is elsewhere (objects over %" PRIu64
		" bytes, native libraries, malloc, files, thread stacks), not in Python's small "
		"objects.",
		share, threshold);
}

/* Against what is in RAM: memory that was never touched is neither in use nor kept. */
static void say_in_use(struct text *text, const struct headline_split *split,
		       const struct occupancy *occupancy, enum units units)
{
	char live[UNITS_MAX], total[UNITS_MAX], share[UNITS_MAX];
	uint64_t held = split->rss - split->elsewhere;
	units_said(live, units, split->live);
	units_said(total, units, held);
	units_percent(share, split->live, held);
	text_addf(text,
		  "Little is kept: of the %s that pymalloc holds%s, %s (%s) is in use. It goes "
		  "back only when the program lets go of objects.",
		  total, occupancy->totals.has_residency ? " in RAM" : "", live, share);
}

static void say_pinned(struct text *text, const struct occupancy *occupancy, uint64_t kept,
		       const struct headline_sparse *sparse, enum units units)
{
	char amount[UNITS_MAX], n[UNITS_MAX], all[UNITS_MAX], blocks[UNITS_MAX], median[UNITS_MAX];
	units_said(amount, units, kept);
	units_count(n, sparse->n_arenas);
	units_count(all, occupancy->arenas.count);
	units_count(blocks, sparse->n_blocks);
	units_count(median, sparse->median_blocks);
	text_addf(
		text,
		"%s is free inside pymalloc but cannot go back: %s of %s arenas are less than %u "
		"%% used, each kept by the live blocks in it (%s in all; half of these arenas have "
		"no more than %s).",
		amount, n, all, sparse->percent, blocks, median);
}

static void say_spread(struct text *text, const struct occupancy *occupancy, uint64_t kept,
		       enum units units)
{
	char amount[UNITS_MAX], share[UNITS_MAX];
	const struct occupancy_totals *t = &occupancy->totals;
	units_said(amount, units, kept);
	units_percent(share, t->live, size_add(t->live, t->kept));
	text_addf(text,
		  "%s is free inside pymalloc but cannot go back: it is spread over arenas that "
		  "are well used (%s on average), so most of them would stay even if some objects "
		  "went.",
		  amount, share);
}

/* mimalloc gives back each page that is empty, so that no sentence of arenas is true of it. */
static void say_mimalloc(struct text *text, const struct headline_split *split,
			 const struct occupancy *occupancy, enum units units)
{
	char held[UNITS_MAX], live[UNITS_MAX], share[UNITS_MAX], kept[UNITS_MAX], rss[UNITS_MAX];
	uint64_t all = split->rss - split->elsewhere;
	units_said(held, units, all);
	units_said(live, units, split->live);
	units_said(kept, units, split->kept);
	units_percent(share, split->live, all);
	units_percent(rss, all, split->rss);
	text_addf(text,
		  "mimalloc holds %s%s, %s of the RSS: %s (%s) is in use, %s is free. Free memory "
		  "goes back page by page, each when no block in it is used any more.",
		  held, occupancy->totals.has_residency ? " in RAM" : "", rss, live, share, kept);
}

/* Whether what malloc keeps is the larger reason, and large enough to be one. */
static bool is_malloc_the_reason(const struct ledger *ledger)
{
	uint64_t parts[LEDGER_PARTS];
	if (!ledger || !ledger->has_residency)
		return false;
	ledger_split_parts(ledger, parts);
	return parts[LEDGER_CACHED] > parts[LEDGER_HELD] &&
	       parts[LEDGER_CACHED] > ledger->rss / 100 * SMALL_SHARE &&
	       parts[LEDGER_CACHED] > LITTLE_KEPT;
}

void headline_write(struct text *text, const struct snapshot *snapshot, const struct ledger *ledger,
		    const struct occupancy *occupancy, enum units units)
{
	const struct occupancy_totals *t = &occupancy->totals;
	struct headline_split split = headline_split_of(snapshot, occupancy);
	struct headline_sparse sparse = headline_sparse_of(occupancy);
	if (!occupancy->arenas.count)
		say_no_pymalloc(text, snapshot, ledger, units);
	else if (is_malloc_the_reason(ledger))
		(void)ledger_words_sentence(text, ledger, units);
	else if (occupancy->segments)
		say_mimalloc(text, &split, occupancy, units);
	else if (split.rss && (split.rss - split.elsewhere) < split.rss / 100 * SMALL_SHARE)
		say_elsewhere(text, ledger, &split, occupancy->arenas.items[0].heap->threshold,
			      units);
	else if (split.kept < LITTLE_KEPT || split.kept < t->total / 100 * KEPT_SHARE)
		say_in_use(text, &split, occupancy, units);
	else if (sparse.percent)
		say_pinned(text, occupancy, split.kept, &sparse, units);
	else
		say_spread(text, occupancy, split.kept, units);
}
