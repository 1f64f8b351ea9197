/*
 * malloc_words: what is not known stays so in every sum; no remedy is named that another allocator
 * would not obey.
 */
#include "ui/report/malloc_words.h"

#include <stdio.h>
#include <string.h>

#define LITTLE (1 * MIB) /* nobody trims for less */

const char *malloc_words_title(enum malloc_column column)
{
	static const char *const titles[MALLOC_COLUMNS] = {
		[MALLOC_SYSTEM] = "system",        [MALLOC_IN_USE] = "in use",
		[MALLOC_CACHED] = "cached",        [MALLOC_FREE] = "free",
		[MALLOC_FREE_RESIDENT] = "in RAM", [MALLOC_TRIMMABLE] = "trim",
		[MALLOC_STUCK] = "stuck",          [MALLOC_TOP] = "top",
	};
	return titles[column];
}

struct maybe malloc_words_figure(const struct malloc_arena *arena, enum malloc_column column)
{
	switch (column) {
	case MALLOC_SYSTEM:
		return maybe_known(arena->system);
	case MALLOC_IN_USE:
		return maybe_known(arena->in_use);
	case MALLOC_CACHED:
		return maybe_known(size_add(arena->tcache, arena->fastbin));
	case MALLOC_FREE:
		return maybe_known(arena->free);
	case MALLOC_FREE_RESIDENT:
		return arena->free_resident;
	case MALLOC_TRIMMABLE:
		return arena->trimmable;
	case MALLOC_STUCK:
		return arena->stuck;
	case MALLOC_TOP:
		return maybe_known(arena->top);
	case MALLOC_COLUMNS:
		break;
	}
	return (struct maybe){0};
}

struct maybe malloc_words_sum(const struct malloc_account *account, enum malloc_column column)
{
	struct maybe sum = maybe_known(0);
	for (size_t i = 0; i < account->arenas.count; i++) {
		struct maybe one = malloc_words_figure(&account->arenas.items[i], column);
		sum.known &= one.known;
		sum.value = size_add(sum.value, one.value);
	}
	return sum;
}

void malloc_words_label(char ret[UNITS_MAX], const struct malloc_account *account, size_t i)
{
	const struct malloc_arena *a = &account->arenas.items[i];
	const char *mark = a->verified ? "" : "!";
	if (a->main)
		snprintf(ret, UNITS_MAX, "main%s", mark);
	else
		snprintf(ret, UNITS_MAX, "#%zu%s", i, mark);
}

size_t malloc_words_n_proved(const struct malloc_account *account)
{
	size_t n = 0;
	for (size_t i = 0; i < account->arenas.count; i++)
		n += account->arenas.items[i].verified;
	return n;
}

size_t malloc_words_n_deserted(const struct malloc_account *account)
{
	size_t n = 0;
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		n += !a->main && !a->n_attached;
	}
	return n;
}

/* ---- who --------------------------------------------------------------------------------- */

/* How many of the names from `from` on are that one; 0 where an earlier one was it already. */
static size_t count_name(const struct malloc_arena *a, size_t from)
{
	size_t n = 0;
	for (size_t i = 0; i < a->threads.count; i++) {
		bool same = strcmp(a->threads.items[i], a->threads.items[from]) == 0;
		if (same && i < from)
			return 0;
		n += same;
	}
	return n;
}

#define NAMES_MAX 64 /* more fit no line; comparing all of thousands would take its time */

void malloc_words_threads(struct text *text, const struct malloc_arena *arena)
{
	size_t n_names = arena->threads.count;
	if (!n_names && arena->n_attached)
		text_addf(text, "%llu thread%s", (unsigned long long)arena->n_attached,
			  arena->n_attached == 1 ? "" : "s");
	else if (!n_names)
		text_add(text, "no thread");
	for (size_t i = 0; i < n_names && i < NAMES_MAX; i++) {
		size_t n = count_name(arena, i);
		if (n)
			text_addf(text, "%s%s", i ? ", " : "", arena->threads.items[i]);
		if (n > 1)
			text_addf(text, " (%zu)", n);
	}
}

/* ---- the sentence ------------------------------------------------------------------------ */

/* What another allocator than glibc's is told to give back by. */
static const char *remedy_of(enum malloc_implementation implementation)
{
	switch (implementation) {
	case MALLOC_JEMALLOC:
		return "jemalloc gives freed pages back by itself after a while (MALLOC_CONF: "
		       "dirty_decay_ms, muzzy_decay_ms)";
	case MALLOC_TCMALLOC:
		return "tcmalloc gives freed pages back at the rate of TCMALLOC_RELEASE_RATE, or "
		       "by MallocExtension_ReleaseFreeMemory()";
	case MALLOC_MIMALLOC:
		return "mimalloc gives freed pages back after MIMALLOC_PURGE_DELAY, or by "
		       "mi_collect(true)";
	case MALLOC_MUSL:
		return "musl has no malloc_trim(): what it keeps goes only with the process";
	case MALLOC_UNKNOWN:
	case MALLOC_GLIBC:
		break;
	}
	return "what it keeps, and what would give that back, cannot be told";
}

static void say_other(struct text *text, const struct malloc_account *account)
{
	if (account->implementation == MALLOC_UNKNOWN) {
		text_addf(text, "Which allocator serves malloc here could not be told: %s.",
			  remedy_of(account->implementation));
		return;
	}
	text_addf(text,
		  "malloc is served by %s here, which is not walked: what of its memory is in "
		  "use or free is not told, and glibc's malloc_trim(0) and MALLOC_ variables do "
		  "nothing to it. %s.",
		  malloc_implementation_name(account->implementation),
		  remedy_of(account->implementation));
}

static void say_trim(struct text *text, const struct malloc_account *account, enum units units)
{
	char amount[UNITS_MAX];
	units_said(amount, units, account->trimmable.value);
	if (!account->trimmable.known)
		text_add(text, "What malloc_trim(0) would give back is not known, since it is not "
			       "known what of this memory is in RAM.");
	else if (account->trimmable.value < LITTLE)
		text_addf(text, "malloc_trim(0) would give back only %s now.",
			  account->trimmable.value ? amount : "nothing");
	else
		text_addf(text, "malloc_trim(0) would give back %s now.", amount);
}

static void say_sums(struct text *text, const struct malloc_account *account, enum units units)
{
	char system[UNITS_MAX], used[UNITS_MAX], cached[UNITS_MAX], free[UNITS_MAX];
	size_t n = account->arenas.count, deserted = malloc_words_n_deserted(account);
	size_t unproved = n - malloc_words_n_proved(account);
	uint64_t bins = malloc_words_sum(account, MALLOC_FREE).value;
	uint64_t top = malloc_words_sum(account, MALLOC_TOP).value;
	units_said(system, units, malloc_words_sum(account, MALLOC_SYSTEM).value);
	units_said(used, units, malloc_words_sum(account, MALLOC_IN_USE).value);
	units_said(cached, units, malloc_words_sum(account, MALLOC_CACHED).value);
	units_said(free, units, size_add(bins, top));
	text_addf(text,
		  " Of the %s that its %zu arena%s %s from the system %s is in use, %s "
		  "cached for the next requests, %s free.",
		  system, n, n == 1 ? "" : "s", n == 1 ? "has" : "have", used, cached, free);
	if (deserted)
		text_addf(text, " %zu of them serve%s no thread any more.", deserted,
			  deserted == 1 ? "s" : "");
	if (unproved)
		text_addf(text,
			  " %zu arena%s not proved: what could not be walked is missing here.",
			  unproved, unproved == 1 ? " is" : "s are");
}

void malloc_words_sentence(struct text *text, const struct malloc_account *account,
			   enum units units)
{
	if (!account->filled) {
		text_add(text, "malloc could not be looked at.");
	} else if (account->implementation != MALLOC_GLIBC) {
		say_other(text, account);
	} else if (!account->arenas.count) {
		text_add(text, "malloc is glibc's here, but no arena of it could be found.");
	} else {
		say_trim(text, account, units);
		say_sums(text, account, units);
	}
}

/* ---- settings ---------------------------------------------------------------------------- */

const char *malloc_words_threshold(const struct malloc_settings *s)
{
	if (!s->dynamic)
		return "fixed: it was set";
	return s->moved ? "moved, since a buffer of that size was freed: smaller ones now lie in "
			  "arenas and leave holes there"
			: "moves up when a larger one is freed, has not yet";
}
