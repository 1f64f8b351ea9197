/*
 * malloc_report: the gain first, then where it lies, then why it does not go by itself.
 *
 *	malloc_trim(0) would give back 2.02 GiB now …		sentence
 *	ARENAS							malloc_table
 *	TRIM, PINS, SETTINGS, MMAPPED, MALLINFO2		what helps, what is in force
 *	SURE							proofs, doubts
 */
#include "ui/report/malloc_report.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "ui/report/caveat.h"
#include "ui/report/dump.h"
#include "ui/report/malloc_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PINS_SHOWN    5
#define PIN_LEAST     (1 * MIB) /* free bytes below a pin from which it is worth a line */
#define NAME_WIDTH    14

#define MEANING_LEAST 24 /* columns; a narrower paragraph is no text any more */

/* ---- trim, pins -------------------------------------------------------------------------- */

static void add_left(struct text *line, bool *first, const char *what, uint64_t bytes,
		     enum units units)
{
	char amount[UNITS_MAX];
	units_said(amount, units, bytes);
	if (!bytes)
		return;
	text_addf(line, "%s %s (%s)", *first ? " It leaves" : ",", what, amount);
	*first = false;
}

/* Tops but that of the main arena, which malloc_trim() cuts. */
static uint64_t other_tops(const struct malloc_account *account)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		if (!a->main && a->top_resident.known)
			sum = size_add(sum, a->top_resident.value);
	}
	return sum;
}

static uint64_t cached_by_threads(const struct malloc_account *account)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < account->arenas.count; i++)
		sum = size_add(sum, account->arenas.items[i].tcache);
	return sum;
}

static void write_trim(struct page *page, const struct malloc_account *account)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	enum units units = page->style->units;
	bool first = true;
	if (!account->trimmable.known || !account->trimmable.value)
		return;
	text_add(&line, "From inside the process: import ctypes; "
			"ctypes.CDLL(None).malloc_trim(0) - it gives back whole free pages of all "
			"arenas and the main arena's free end.");
	add_left(&line, &first, "free ends of the other arenas", other_tops(account), units);
	add_left(&line, &first, "crumbs under a page",
		 malloc_words_sum(account, MALLOC_STUCK).value, units);
	add_left(&line, &first, "what threads cache", cached_by_threads(account), units);
	text_add(&line, first ? "" : ".");
	page->text->failed |= line.failed;
	page_heading(page, "TRIM", text_string(&line));
}

static bool is_pin(const struct malloc_arena *a)
{
	return !raddr_is_null(a->pin.chunk) && a->pin.below >= PIN_LEAST;
}

static void write_pin(struct page *page, const struct malloc_account *account, size_t i)
{
	const struct malloc_pin *pin = &account->arenas.items[i].pin;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char label[UNITS_MAX], size[UNITS_MAX], below[UNITS_MAX];
	malloc_words_label(label, account, i);
	units_said(size, page->style->units, pin->size);
	units_said(below, page->style->units, pin->below);
	text_addf(&line, "%s: a chunk of %s at " RADDR_FORMAT " over %s of free memory%s", label,
		  size, pin->chunk.value, below,
		  pin->cached ? "; it is free itself, but some thread caches it" : "");
	page->text->failed |= line.failed;
	page_wrap(page, INK_PLAIN, 2, 4, text_string(&line));
}

static void write_pins(struct page *page, const struct malloc_account *account)
{
	size_t n = 0;
	for (size_t i = 0; i < account->arenas.count; i++)
		n += is_pin(&account->arenas.items[i]);
	if (!n)
		return;
	page_heading(page, "PINS",
		     "By itself an arena gives back only its free end. What keeps more from "
		     "going so is the last chunk in use; malloc_trim(0) does not mind it.");
	for (size_t i = 0, shown = 0; i < account->arenas.count && shown < PINS_SHOWN; i++) {
		if (!is_pin(&account->arenas.items[i]))
			continue;
		write_pin(page, account, i);
		shown++;
	}
	if (n > PINS_SHOWN)
		page_inkf(page, INK_DIM, "  %s more\n", COUNT(n - PINS_SHOWN));
}

/* ---- settings ---------------------------------------------------------------------------- */

static void write_setting(struct page *page, const char *name, const char *value,
			  const char *meaning)
{
	_cleanup_(text_fini) struct text paragraph = TEXT_EMPTY;
	struct page inner = {&paragraph, page->style};
	int width = page_amount_width(page);
	unsigned column = 2 + NAME_WIDTH + 1 + (unsigned)width + 2;
	page_addf(page, "  %-*s %*s  ", NAME_WIDTH, name, width, value);
	if (column + MEANING_LEAST > page->style->width) {
		page_end(page);
		page_wrap(page, INK_DIM, 6, 6, meaning);
		return;
	}
	page_wrap(&inner, INK_DIM, column, column, meaning);
	page->text->failed |= paragraph.failed;
	text_add(page->text, text_string(&paragraph) + size_min(column, paragraph.length));
}

static void write_thresholds(struct page *page, const struct malloc_settings *s)
{
	char value[UNITS_MAX], line[300];
	units_amount(value, page->style->units, s->mmap_threshold);
	snprintf(line, sizeof(line),
		 "requests of this size and more get a mapping of their own, back when freed; %s",
		 malloc_words_threshold(s));
	write_setting(page, "mmap threshold", value, line);
	units_amount(value, page->style->units, s->trim_threshold);
	write_setting(page, "trim threshold", value,
		      s->dynamic ? "an arena's free end over this goes back by itself; moves with "
				   "the other, to twice its size"
				 : "an arena's free end over this goes back by itself");
	units_amount(value, page->style->units, s->top_pad);
	write_setting(page, "top pad", value, "taken or left in addition each time");
}

static void write_limits(struct page *page, const struct malloc_settings *s)
{
	char value[UNITS_MAX];
	units_count(value, s->arena_limit);
	write_setting(page, "arenas at most", s->arena_limit ? value : "?",
		      s->arena_max ? "set, by MALLOC_ARENA_MAX or a tunable"
				   : "MALLOC_ARENA_MAX was not set: 8 for each cpu that it sees, "
				     "whatever its container may use");
	units_count(value, s->n_mmaps_max);
	write_setting(page, "mmaps at most", value, "requests with a mapping of their own");
	units_amount(value, page->style->units, s->tcache_max.value);
	if (s->tcache_max.known)
		write_setting(page, "tcache up to", value,
			      "smaller requests that are freed stay with their thread first");
}

static void write_ineffective(struct page *page, const struct malloc_settings *s)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	if (!s->ineffective.count)
		return;
	text_add(&line, "NOT OBEYED: ");
	for (size_t i = 0; i < s->ineffective.count; i++)
		text_addf(&line, "%s%s", i ? ", " : "", s->ineffective.items[i]);
	text_add(&line, s->ineffective.count == 1 ? " is" : " are");
	text_add(&line, " in the environment, but this malloc does not have the value: it came "
			"after the start, or the name is misspelt. Set it before the process "
			"starts.");
	page->text->failed |= line.failed;
	page_wrap(page, INK_HOT, 2, 4, text_string(&line));
}

static void write_settings(struct page *page, const struct malloc_account *account)
{
	const struct malloc_settings *s = &account->settings;
	if (!account->has_settings)
		return;
	page_heading(page, "SETTINGS", "As they are in force in the process now.");
	write_thresholds(page, s);
	write_limits(page, s);
	write_ineffective(page, s);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void write_mmapped(struct page *page, const struct malloc_account *account)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char bytes[UNITS_MAX], n[UNITS_MAX], told[UNITS_MAX], n_told[UNITS_MAX];
	units_said(bytes, page->style->units, account->mmapped);
	units_count(n, account->n_mmapped);
	units_said(told, page->style->units, account->mmapped_told);
	units_count(n_told, account->n_mmapped_told);
	text_addf(&line,
		  "%s in %s chunk%s with a mapping of %s own: in use, and back the moment "
		  "%s freed.",
		  bytes, n, account->n_mmapped == 1 ? "" : "s",
		  account->n_mmapped == 1 ? "its" : "their",
		  account->n_mmapped == 1 ? "it is" : "they are");
	if (account->n_mmapped == account->n_mmapped_told &&
	    account->mmapped == account->mmapped_told)
		text_add(&line, " malloc itself counts as many.");
	else
		text_addf(&line, " malloc itself counts %s in %s.", told, n_told);
	page->text->failed |= line.failed;
	page_heading(page, "MMAPPED", text_string(&line));
}

static void write_info(struct page *page, const struct malloc_account *account)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const struct malloc_info *i = &account->info;
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"arena", i->arena},       {"ordblks", i->ordblks},   {"smblks", i->smblks},
		{"hblks", i->hblks},       {"hblkhd", i->hblkhd},     {"fsmblks", i->fsmblks},
		{"uordblks", i->uordblks}, {"fordblks", i->fordblks}, {"keepcost", i->keepcost}};
	if (!account->has_info)
		return;
	text_add(&line, "What mallinfo2(3) would return there:");
	for (size_t k = 0; k < ARRAY_SIZE(fields); k++) {
		char value[UNITS_MAX];
		units_count(value, fields[k].value);
		text_addf(&line, "%s %s %s", k ? "," : "", fields[k].name, value);
	}
	page->text->failed |= line.failed;
	page_heading(page, "MALLINFO2", text_string(&line));
}

/* What stands behind the mark at an arena's name. */
static void write_damage(struct page *page, const struct malloc_account *account)
{
	for (size_t i = 0; i < account->arenas.count; i++) {
		_cleanup_(text_fini) struct text line = TEXT_EMPTY;
		const struct malloc_arena *a = &account->arenas.items[i];
		char label[UNITS_MAX];
		if (a->verified)
			continue;
		malloc_words_label(label, account, i);
		text_addf(&line, "%s not proved: ", label);
		page_quote(&line, a->damage ?: "its chunks do not make up what it should have");
		page->text->failed |= line.failed;
		page_wrap(page, INK_HOT, 2, 4, text_string(&line));
	}
}

static void write_certainty(struct page *page, const struct snapshot *snapshot)
{
	const struct malloc_account *account = &snapshot->malloc;
	char line[200];
	size_t n = malloc_words_n_proved(account);
	snprintf(line, sizeof(line),
		 "%zu of %zu arenas %s proved: all chunks make up the bytes from the system, free "
		 "chunks are those in the lists; ",
		 n, account->arenas.count, account->arenas.count == 1 ? "is" : "are");
	caveat_write_certainty(page, &snapshot->doubts, account->arenas.count ? line : NULL);
}

static struct error *write_glibc(struct page *page, const struct malloc_account *account,
				 const struct malloc_request *request)
{
	page_heading(page, "ARENAS",
		     "system: what malloc has taken; cached: freed, ready for the next request; "
		     "free: freed, between what is in use, and what of that is in RAM; trim: what "
		     "malloc_trim(0) gives back of it, in the main arena of top, too; stuck: what "
		     "it does not; top: the free end.");
	struct error *err = malloc_table_write(page, account, request->sort, request->limit);
	if (err)
		return err;
	write_damage(page, account);
	write_trim(page, account);
	write_pins(page, account);
	write_settings(page, account);
	write_mmapped(page, account);
	write_info(page, account);
	return NULL;
}

static void write_library(struct page *page, const struct malloc_account *account)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_addf(&line, "malloc: %s%s%s", malloc_implementation_name(account->implementation),
		  account->version[0] ? " " : "", account->version);
	if (account->library) {
		text_add(&line, ", ");
		page_escape(&line, page->style, account->library);
	}
	page->text->failed |= line.failed;
	page_wrap(page, INK_DIM, 0, 2, text_string(&line));
}

struct error *malloc_report_write(struct page *page, const struct snapshot *snapshot,
				  const struct malloc_request *request)
{
	const struct malloc_account *account = &snapshot->malloc;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct error *err = NULL;
	dump_write_head(page, snapshot, request->contents);
	if (account->filled)
		write_library(page, account);
	malloc_words_sentence(&line, account, page->style->units);
	page->text->failed |= line.failed;
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 0, text_string(&line));
	if (account->filled && account->arenas.count)
		err = write_glibc(page, account, request);
	if (err)
		return err;
	write_certainty(page, snapshot);
	return NULL;
}
