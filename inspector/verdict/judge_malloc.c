/*
 * judge_malloc: what the C library was given back and keeps, told by why it keeps it.
 *
 *	main arena    [free][pin][free][pin][ top ······ ]    raised thresholds: large blocks went here, and its end stays
 *	other arenas  [free][pin][ top ··· ] …                one for each thread that was in need of one
 *	all           crumbs under one page, tops of other arenas: nothing gives these back
 *
 * malloc_trim(0) gives back what is trimmable whatever the reason is; so each arena's bytes go to one cause, and that
 * one says what helps for good. A variable that was meant to help and does not takes the place of the cause it was
 * meant for. Bytes in the ledger are of all arenas: a part of them is an arena's own figure.
 */
#include "inspector/verdict/judge.h"

#include <string.h>

#define ARENAS_LEAST      2 /* beside the main one: fewer are no matter of threads */
#define THRESHOLD_DEFAULT (128 * KIB)

/* Resident bytes of one sort of arenas. */
struct keep {
	uint64_t arenas, idle; /* idle: that serve no thread */
	uint64_t trimmable, crumbs, tops, free_chunks;
	uint64_t sizes[MALLOC_FREE_SIZES];
};

static uint64_t value_or(struct maybe value, uint64_t otherwise)
{
	return value.known ? value.value : otherwise;
}

static void add_arena(const struct malloc_arena *a, struct keep *to)
{
	uint64_t sized = 0;
	for (size_t i = 0; i < MALLOC_FREE_SIZES; i++) {
		to->sizes[i] = size_add(to->sizes[i], a->free_sizes[i]);
		sized = size_add(sized, a->free_sizes[i]);
	}
	to->arenas++;
	to->idle += !a->main && !a->n_attached && !a->threads.count;
	to->free_chunks = size_add(to->free_chunks, a->n_free);
	to->trimmable = size_add(to->trimmable,
				 value_or(a->trimmable, size_add(sized, a->main ? a->top : 0)));
	to->crumbs = size_add(to->crumbs, value_or(a->stuck, 0));
	to->tops = size_add(to->tops, value_or(a->top_resident, a->top));
}

/* ---- evidence ----------------------------------------------------------------------------------------- */

/* Between which sizes most of it lies that was freed: the fewest neighbours that hold three quarters of it. */
static void tell_sizes(struct cause *cause, const uint64_t sizes[MALLOC_FREE_SIZES])
{
	uint64_t sum = 0, held = 0;
	size_t low = 0, high = 0;
	for (size_t i = 0; i < MALLOC_FREE_SIZES; i++) {
		sum = size_add(sum, sizes[i]);
		high = sizes[i] > sizes[high] ? i : high;
	}
	if (!sum)
		return;
	low = high;
	for (held = sizes[low]; held < sum - sum / 4;) {
		uint64_t below = low ? sizes[low - 1] : 0;
		uint64_t above = high + 1 < MALLOC_FREE_SIZES ? sizes[high + 1] : 0;
		if (!below && !above && !low && high + 1 >= MALLOC_FREE_SIZES)
			break;
		if ((above >= below && high + 1 < MALLOC_FREE_SIZES) || !low)
			held = size_add(held, sizes[++high]);
		else
			held = size_add(held, sizes[--low]);
	}
	judge_bytes(cause, "freed_from", low ? MALLOC_FREE_SIZE_LEAST << (low - 1) : 0);
	if (high + 1 < MALLOC_FREE_SIZES)
		judge_bytes(cause, "freed_to", MALLOC_FREE_SIZE_LEAST << high);
}

static void tell_keep(struct cause *cause, const struct keep *keep)
{
	judge_count(cause, "arenas", keep->arenas);
	judge_bytes(cause, "trimmable_bytes", keep->trimmable);
	judge_bytes(cause, "crumbs_bytes", keep->crumbs);
	judge_bytes(cause, "tops_bytes", keep->tops);
	if (keep->tops < keep->trimmable / 2)
		tell_sizes(cause, keep->sizes);
}

/* ---- variables that were meant to help ------------------------------------------------------------------ */

/* Whether a variable is about arenas' number; the others are about when memory goes back. */
static bool is_about_arenas(const char *name)
{
	return strncmp(name, "MALLOC_ARENA", strlen("MALLOC_ARENA")) == 0;
}

/* The first variable that malloc does not obey and that was meant for a cause; NULL. */
static const char *meant_for(const struct judge *j, enum cause_kind kind)
{
	const struct malloc_settings *settings = &j->s->malloc.settings;
	for (size_t i = 0; j->s->malloc.has_settings && i < settings->ineffective.count; i++) {
		const char *name = settings->ineffective.items[i];
		if (is_about_arenas(name) == (kind == CAUSE_MALLOC_ARENA_PER_THREAD))
			return name;
	}
	return NULL;
}

static struct cause *malloc_cause(struct judge *j, enum cause_kind kind,
				  const struct portion *portion)
{
	const char *variable = meant_for(j, kind);
	struct cause *cause =
		judge_cause(j, variable ? CAUSE_MALLOC_ENV_INEFFECTIVE : kind, portion);
	if (!cause || !variable)
		return cause;
	judge_text(j, cause, "variable", variable);
	judge_text(j, cause, "instead_of", cause_kind_name(kind));
	return cause;
}

/* ---- causes ---------------------------------------------------------------------------------------------- */

/*
 * Free memory of arenas that threads got. What trim gives is the gain, as long as that is worth it; else what a new
 * process with fewer arenas would not have.
 */
static void judge_per_thread(struct judge *j, const struct keep *own, const struct keep *others)
{
	uint64_t all = size_add(others->trimmable, size_add(others->crumbs, others->tops));
	struct portion trim = {.sum = 0};
	portion_add(j, &trim, LEAF_MALLOC_FREE_TRIMMABLE, others->trimmable);
	struct portion whole = trim;
	portion_add(j, &whole, LEAF_MALLOC_TOP, others->tops);
	portion_add(j, &whole, LEAF_MALLOC_FREE_STUCK, others->crumbs);
	if (others->arenas < ARENAS_LEAST || all <= size_add(own->trimmable, own->crumbs))
		return;
	struct cause *cause = malloc_cause(j, CAUSE_MALLOC_ARENA_PER_THREAD, &whole);
	if (!cause)
		return;
	bool trims = judge_counts(j, trim.sum);
	cause->bytes = trims ? trim.sum : whole.sum;
	cause->measured &= trims;
	judge_count(cause, "trims", trims);
	tell_keep(cause, others);
	judge_count(cause, "idle_arenas", others->idle);
	judge_count(cause, "threads", j->s->target.n_threads);
	if (j->s->malloc.has_settings)
		judge_count(cause, "arena_limit", j->s->malloc.settings.arena_limit);
}

/*
 * Of the main arena's free memory what malloc would not have kept with its first thresholds: a top above 128 KiB, and
 * free runs of the sizes that would have got mappings of their own. Larger runs were certainly several blocks.
 */
static uint64_t kept_by_thresholds(const struct malloc_settings *settings, const struct keep *own)
{
	uint64_t kept = own->tops > THRESHOLD_DEFAULT ? own->tops : 0;
	for (size_t i = 1; i < MALLOC_FREE_SIZES; i++) {
		uint64_t least = MALLOC_FREE_SIZE_LEAST << (i - 1);
		if (least >= THRESHOLD_DEFAULT && least < settings->mmap_threshold)
			kept = size_add(kept, own->sizes[i]);
	}
	return size_min(kept, own->trimmable);
}

static void judge_thresholds(struct judge *j, const struct keep *own)
{
	const struct malloc_settings *settings = &j->s->malloc.settings;
	if (!j->s->malloc.has_settings || !settings->moved)
		return;
	uint64_t kept = kept_by_thresholds(settings, own);
	if (kept < own->trimmable / 2 || !judge_counts(j, kept))
		return;
	struct portion portion = {.sum = 0};
	portion_add(j, &portion, LEAF_MALLOC_FREE_TRIMMABLE, own->trimmable);
	struct cause *cause = malloc_cause(j, CAUSE_MALLOC_THRESHOLD_RAISED, &portion);
	if (!cause)
		return;
	judge_bytes(cause, "mmap_threshold", settings->mmap_threshold);
	judge_bytes(cause, "trim_threshold", settings->trim_threshold);
	tell_keep(cause, own);
}

static void judge_trimmable(struct judge *j, const struct keep *all)
{
	struct portion portion = {.sum = 0};
	portion_add(j, &portion, LEAF_MALLOC_FREE_TRIMMABLE, UINT64_MAX);
	struct cause *cause = malloc_cause(j, CAUSE_MALLOC_FREE_TRIMMABLE, &portion);
	if (!cause)
		return;
	tell_keep(cause, all);
	judge_count(cause, "free_chunks", all->free_chunks);
}

static void judge_stuck(struct judge *j, const struct keep *all)
{
	struct portion portion = {.sum = 0};
	uint64_t crumbs = portion_add(j, &portion, LEAF_MALLOC_FREE_STUCK, UINT64_MAX);
	uint64_t tops = portion_add(j, &portion, LEAF_MALLOC_TOP, UINT64_MAX);
	uint64_t cached = portion_add(j, &portion, LEAF_MALLOC_TCACHE, UINT64_MAX);
	struct cause *cause = judge_cause(j, CAUSE_MALLOC_FREE_STUCK, &portion);
	if (!cause)
		return;
	cause->measured = false; /* nobody knows how dense a new process is */
	judge_count(cause, "arenas", all->arenas);
	judge_count(cause, "free_chunks", all->free_chunks);
	judge_bytes(cause, "crumbs_bytes", crumbs);
	judge_bytes(cause, "tops_bytes", tops);
	judge_bytes(cause, "cached_bytes", cached);
}

void judge_malloc(struct judge *j)
{
	struct keep own = {.arenas = 0}, others = {.arenas = 0}, all = {.arenas = 0};
	const struct malloc_account *account = &j->s->malloc;
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		add_arena(a, a->main ? &own : &others);
		add_arena(a, &all);
	}
	judge_per_thread(j, &own, &others);
	judge_thresholds(j, &own);
	judge_trimmable(j, &all);
	judge_stuck(j, &all);
}
