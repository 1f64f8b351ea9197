/*
 * ledger_words: each leaf is told from the reader's side: what it is, then what gives it back. A
 * remedy is named only where the figures prove that it has something to give.
 */
#include "ui/report/ledger_words.h"

#include "base/size.h"

#include <stdio.h>

#define LITTLE_KEPT  (4 * MIB) /* nobody looks for so little */
#define LITTLE_SHARE 10        /* per cent of the whole below which it is in use */

const char *ledger_words_leaf(enum leaf leaf)
{
	static const char *const meanings[LEAF_COUNT] = {
		[LEAF_PYMALLOC_LIVE] = "Python objects of up to 512 bytes, in use",
		[LEAF_PYMALLOC_FREE_BLOCKS] = "freed, between live objects of the same size: back "
					      "when those go, useful only for that size",
		[LEAF_PYMALLOC_FREE_POOLS] = "freed, but in arenas where some object still lives: "
					     "back when that goes",
		[LEAF_PYMALLOC_OVERHEAD] = "pymalloc's headers and rounding: back with their arena",
		[LEAF_MIMALLOC_LIVE] = "Python objects in mimalloc, in use",
		[LEAF_MIMALLOC_FREE] = "freed, in pages where some object still lives, or kept for "
				       "the next ones",
		[LEAF_MIMALLOC_OVERHEAD] = "mimalloc's headers and rounding",
		[LEAF_MALLOC_LIVE] = "in use: objects over 512 bytes, buffers, C libraries' memory",
		[LEAF_MALLOC_TCACHE] = "freed, kept by each thread for its next requests: "
				       "malloc_trim(0) leaves it",
		[LEAF_MALLOC_FREE_TRIMMABLE] = "freed: malloc_trim(0) gives it back at once",
		[LEAF_MALLOC_FREE_STUCK] = "freed, crumbs under a page between what is in use: no "
					   "call gives them back",
		[LEAF_MALLOC_TOP] = "free end of a heap: malloc_trim(0) leaves it; goes by itself "
				    "when it grows over the trim threshold",
		[LEAF_MALLOC_MMAPPED] = "in use: large buffers with a mapping of their own, back "
					"the moment they are freed",
		[LEAF_MALLOC_OVERHEAD] = "malloc's headers",
		[LEAF_MALLOC_OPAQUE] = "an allocator's that is not walked (see malloc): what of "
				       "it is free is not told",
		[LEAF_MALLOC_LAZYFREE] = "given back already (MADV_FREE): counted until the kernel "
					 "needs it",
		[LEAF_PYTHON_STATIC] = "the interpreter's own variables and static types",
		[LEAF_PYTHON_FRAMES] = "stacks of Python calls in progress",
		[LEAF_JIT_CODE] = "machine code made while the program ran",
		[LEAF_FILE_TEXT] =
			"code of the program and its libraries: the kernel drops it when "
			"memory is short",
		[LEAF_FILE_DATA] = "libraries' variables: back when they are unloaded",
		[LEAF_FILE_MAPPED] = "other mapped files: the kernel drops what is clean when "
				     "memory is short",
		[LEAF_SHARED_MEMORY] = "shared with other processes, or could be: gone when all "
				       "unmap and delete it",
		[LEAF_DEVICE_MAPPED] = "memory of devices, such as a GPU's buffers",
		[LEAF_STACK_MAIN] = "stack of the main thread, as deep as it ever was",
		[LEAF_STACK_THREADS] = "stacks of the other threads, as deep as they ever were, "
				       "and of ended ones kept for reuse",
		[LEAF_ANON_BSS] = "libraries' variables that began as zeros",
		[LEAF_ANON_OWNED] = "mapped by a library for itself: its variables point there",
		[LEAF_ANON_UNKNOWN] = "nobody could be found whose it is",
		[LEAF_KERNEL_SPECIAL] = "pages of the kernel's own",
	};
	return meanings[leaf];
}

const char *ledger_words_returns(enum leaf leaf)
{
	switch (leaf_returns(leaf)) {
	case LEAF_RETURNS_TRIM:
		return "malloc_trim(0) returns it";
	case LEAF_RETURNS_PINS:
		return "when objects beside it go";
	case LEAF_RETURNS_RESTART:
		return "no call does, a restart";
	case LEAF_RETURNS_KERNEL:
		return "the kernel, when short";
	case LEAF_RETURNS_IN_USE:
		break;
	}
	return leaf_group(leaf) == LEAF_GROUP_UNKNOWN ? "not known" : "in use";
}

const char *ledger_words_group(enum leaf_group group)
{
	static const char *const meanings[] = {
		[LEAF_GROUP_LIVE] = "in use; goes only when the program lets go of it",
		[LEAF_GROUP_KEPT] = "free, but not given back to the system",
		[LEAF_GROUP_OVERHEAD] = "the allocators' own",
		[LEAF_GROUP_FILE] = "the program, its libraries, other files",
		[LEAF_GROUP_SHARED] = "not this process's alone",
		[LEAF_GROUP_UNKNOWN] = "in RAM, and what for cannot be told",
	};
	return meanings[group];
}

/* ---- the sentence ------------------------------------------------------------------------ */

struct way {
	uint64_t bytes;
	const char *words; /* after the amount */
};

static void sort_ways(struct way *ways, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k && ways[k].bytes > ways[k - 1].bytes; k--) {
			struct way smaller = ways[k - 1];
			ways[k - 1] = ways[k];
			ways[k] = smaller;
		}
	}
}

/* What would give back what is kept, the largest first; what is under a hundredth goes unsaid. */
static void say_ways(struct text *text, const struct ledger *ledger, uint64_t kept,
		     enum units units)
{
	struct way ways[] = {
		{ledger_split_kept(ledger, LEAF_RETURNS_PINS),
		 " is kept by live objects beside it and goes back when they do"},
		{ledger_split_kept(ledger, LEAF_RETURNS_TRIM),
		 " malloc_trim(0) would give back now"},
		{ledger_split_kept(ledger, LEAF_RETURNS_RESTART),
		 " is malloc's and no call gives it back"},
		{ledger_split_kept(ledger, LEAF_RETURNS_KERNEL),
		 " the kernel takes when it needs it"},
	};
	sort_ways(ways, ARRAY_SIZE(ways));
	for (size_t i = 0; i < ARRAY_SIZE(ways) && ways[i].bytes > kept / 100; i++) {
		char amount[UNITS_MAX];
		units_said(amount, units, ways[i].bytes);
		text_addf(text, "%s%s%s", i ? "; " : ": ", amount, ways[i].words);
	}
	text_add(text, ".");
}

/* The theory that most people try first is ruled out by its figure. */
static void say_no_trim(struct text *text, const struct ledger *ledger, uint64_t kept,
			enum units units)
{
	uint64_t trim = ledger_split_kept(ledger, LEAF_RETURNS_TRIM);
	bool walked = ledger_split_amount(ledger, LEAF_MALLOC_LIVE) > 0;
	char amount[UNITS_MAX];
	units_said(amount, units, trim);
	if (walked && trim <= kept / 100)
		text_addf(text, " malloc_trim(0) would give back no more than %s.", amount);
}

static void say_kept(struct text *text, const struct ledger *ledger, uint64_t kept,
		     enum units units)
{
	char amount[UNITS_MAX], share[UNITS_MAX], whole[UNITS_MAX];
	units_said(amount, units, kept);
	units_percent(share, kept, ledger->rss);
	units_said(whole, units, ledger->rss);
	text_addf(text, "Of %s in RAM %s (%s) is free but kept", whole, amount, share);
	say_ways(text, ledger, kept, units);
	say_no_trim(text, ledger, kept, units);
}

static void say_in_use(struct text *text, const struct ledger *ledger, uint64_t kept,
		       enum units units)
{
	enum leaf leaf = ledger_split_largest(ledger);
	char amount[UNITS_MAX], whole[UNITS_MAX], largest[UNITS_MAX], share[UNITS_MAX];
	units_said(amount, units, kept);
	units_said(whole, units, ledger->rss);
	units_said(largest, units, ledger_split_amount(ledger, leaf));
	units_percent(share, ledger_split_amount(ledger, leaf), ledger->rss);
	text_addf(text, "Little is kept: of %s in RAM %s is free.", whole, amount);
	text_addf(text, " The most, %s (%s), is %s: %s.", largest, share, leaf_key(leaf),
		  ledger_words_leaf(leaf));
}

/* Where the larger part is not told, nothing is said of all. */
static void say_unknown(struct text *text, const struct ledger *ledger, uint64_t unknown,
			uint64_t kept, enum units units)
{
	uint64_t opaque = ledger_split_amount(ledger, LEAF_MALLOC_OPAQUE);
	enum leaf leaf = opaque > unknown / 2 ? LEAF_MALLOC_OPAQUE : LEAF_ANON_UNKNOWN;
	char amount[UNITS_MAX], whole[UNITS_MAX], share[UNITS_MAX], free[UNITS_MAX];
	units_said(amount, units, unknown);
	units_said(whole, units, ledger->rss);
	units_percent(share, unknown, ledger->rss);
	units_said(free, units, kept);
	text_addf(text,
		  "What %s (%s) of %s in RAM is used for cannot be told: most of it is %s, %s. Of "
		  "the rest %s is free but kept.",
		  amount, share, whole, leaf_key(leaf), ledger_words_leaf(leaf), free);
}

bool ledger_words_sentence(struct text *text, const struct ledger *ledger, enum units units)
{
	uint64_t kept = ledger_split_group(ledger, LEAF_GROUP_KEPT);
	uint64_t unknown = ledger_split_group(ledger, LEAF_GROUP_UNKNOWN);
	if (!ledger->filled)
		return false;
	if (!ledger->has_residency)
		text_add(text,
			 "What of this memory is in RAM is not known: no core tells it, and of a "
			 "process only its pagemap does. The figures are sizes, the most that it "
			 "can be.");
	else if (unknown > ledger->rss / 4 && unknown > kept)
		say_unknown(text, ledger, unknown, kept, units);
	else if (kept < LITTLE_KEPT || kept < ledger->rss / 100 * LITTLE_SHARE)
		say_in_use(text, ledger, kept, units);
	else
		say_kept(text, ledger, kept, units);
	return true;
}

/* ---- the container ----------------------------------------------------------------------- */

static void say_room(struct text *text, const struct purse *purse, enum units units)
{
	char current[UNITS_MAX], limit[UNITS_MAX], headroom[UNITS_MAX];
	units_said(current, units, purse->current.value);
	units_said(limit, units, purse->limit.value);
	units_said(headroom, units, purse->headroom.value);
	text_add(text, purse->current.known ? current : "?");
	if (purse->limit.known)
		text_addf(text, " of %s in use", limit);
	else
		text_addf(text, " in use, %s",
			  purse->limit.absent ? "no limit" : "its limit is not known");
	if (purse->headroom.known)
		text_addf(text, ", %s before the OOM kill", headroom);
}

static void say_past(struct text *text, const struct purse *purse, enum units units)
{
	char peak[UNITS_MAX], high[UNITS_MAX], events[UNITS_MAX];
	units_said(peak, units, purse->peak.value);
	units_said(high, units, purse->high.value);
	units_count(events, purse->oom_events.value);
	if (purse->high.known)
		text_addf(text, ", slowed down over %s", high);
	if (purse->peak.known)
		text_addf(text, ", peak %s", peak);
	if (purse->oom_events.known)
		text_addf(text, ", %s OOM event%s so far", purse->oom_events.value ? events : "no",
			  purse->oom_events.value == 1 ? "" : "s");
}

bool ledger_words_purse(struct text *text, const struct purse *purse, enum units units)
{
	if (!purse->version || (!purse->current.known && !purse->limit.known))
		return false;
	say_room(text, purse, units);
	say_past(text, purse, units);
	if (purse->share_ppm.known) {
		char share[UNITS_MAX];
		units_percent(share, purse->share_ppm.value, 1000000);
		text_addf(text, "; %s of its anonymous memory is this process's", share);
	}
	return true;
}
