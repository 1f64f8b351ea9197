/*
 * redact_window: what is not known to be something is a row of words, and a word is kept where it is an address.
 *
 *	cell    [edit: keep][ rest: words ][edit: blank ┆        ] …
 *	                                                window's end: the plan goes on in the next
 */
#include "inspector/save/redact_window.h"

#include "inspector/object/object.h"
#include "inspector/save/redact_stack.h"

#include <string.h>

#define LOW_END (UINT64_C(1) << 32)

/* ---- words ---------------------------------------------------------------------------- */

uint64_t redact_window_word(const struct redact_window *w, uint64_t at)
{
	uint64_t word;
	memcpy(&word, w->in + (at - w->base), sizeof(word));
	return word;
}

void redact_window_keep(const struct redact_window *w, uint64_t from, uint64_t to)
{
	memcpy(w->out + (from - w->base), w->in + (from - w->base), (size_t)(to - from));
}

/* Addresses below 4 GiB look like small numbers: only those count that an object could have. */
static bool is_address(const struct redact_window *w, uint64_t word)
{
	return (word >= LOW_END || word % 8 == 0) && grounds_of(w->grounds, word);
}

/* malloc stores links of its caches as (place >> 12) ^ link, from glibc 2.32 on. */
static bool is_hidden_link(const struct redact_window *w, uint64_t at, uint64_t word)
{
	uint64_t link = word ^ at >> 12;
	const struct ground_range *range = link % 16 == 0 ? grounds_of(w->grounds, link) : NULL;
	return link == 0 || (range && range->ground >= GROUND_BRK); /* 0: its list ends */
}

/* Where a thread's stack begins, with its guard, and its size: it ends with the page that tells so (struct pthread's
 * stackblock and stackblock_size, glibc 2.26 to 2.43). */
static bool is_stack(uint64_t at, uint64_t start, uint64_t size)
{
	return start % 4096 == 0 && size % 4096 == 0 && start < at && size <= GIB &&
	       start + size == size_align_up(at + 1, 4096);
}

/* Where a stack of Python's ends may be where its mapping does: the address of nothing. */
static bool is_end_of_stack(const struct redact_window *w, uint64_t from, uint64_t at,
			    uint64_t word)
{
	return at >= from + 16 &&
	       redact_stack_ends(redact_window_word(w, at - 16), redact_window_word(w, at - 8),
				 word) &&
	       grounds_of(w->grounds, word - 1);
}

void redact_window_keep_words(const struct redact_window *w, uint64_t from, uint64_t to)
{
	for (uint64_t at = size_align_up(from, 8); at + 8 <= to; at += 8) {
		uint64_t word = redact_window_word(w, at);
		if (at + 16 <= to && is_stack(at, word, redact_window_word(w, at + 8)))
			redact_window_keep(w, at, at + 16);
		else if (word && (is_address(w, word) || is_hidden_link(w, at, word) ||
				  is_end_of_stack(w, from, at, word)))
			redact_window_keep(w, at, at + 8);
	}
}

void redact_window_keep_statics(const struct redact_window *w, uint64_t from, uint64_t to)
{
	const struct shapes *s = w->python->shapes;
	uint64_t size = s->ob_type + 8;
	for (uint64_t at = size_align_up(from, 8); at + size + 8 <= to; at += 8) {
		uint64_t word = redact_window_word(w, at + s->ob_type);
		if (!object_may_live(s, w->in + (at - w->base), size) || !is_address(w, word))
			continue;
		const struct redact_type *type =
			redact_types_find(w->python->types, raddr_at(word));
		if (!type)
			continue;
		redact_window_keep(w, at, at + size + (type->itemsize ? 8 : 0));
		if (type->kind == KIND_TYPE)
			(void)redact_types_find(w->python->types, raddr_at(at));
	}
}

/* Tables of three words each, of which one is no address. */
static void keep_triples(const struct redact_window *w, enum redact_action action, uint64_t from,
			 uint64_t to, uint64_t phase)
{
	for (uint64_t at = size_align_up(from, 8); at + 8 <= to; at += 8) {
		uint64_t nth = (at - phase) % 24 / 8;
		if (action == REDACT_NUMBERS && nth == 0)
			redact_window_keep(w, at, at + 8);
		else if (nth != (action == REDACT_HASHED ? 0 : 2))
			redact_window_keep_words(w, at, at + 8);
	}
}

static void act(const struct redact_window *w, enum redact_action action, uint64_t from,
		uint64_t to, uint64_t phase)
{
	if (action == REDACT_KEEP)
		redact_window_keep(w, from, to);
	else if (action == REDACT_WORDS || action == REDACT_COUNTED)
		redact_window_keep_words(w, from, to);
	else if (action == REDACT_HASHED || action == REDACT_NUMBERS)
		keep_triples(w, action, from, to, phase);
	if (action == REDACT_COUNTED)
		redact_window_keep(w, from, size_min(from + 3, to));
}

/* ---- cells ---------------------------------------------------------------------------- */

void redact_window_apply(const struct redact_window *w, uint64_t from, uint64_t to)
{
	uint64_t at = from;
	for (size_t i = 0; i < w->plan.n && at < to; i++) {
		const struct redact_edit *e = &w->plan.edits[i];
		uint64_t start = size_add(w->cell_start, e->from);
		uint64_t end = size_min(size_add(w->cell_start, e->to), to);
		if (end <= at)
			continue;
		if (start > at)
			act(w, w->plan.rest, at, size_min(start, to), at);
		if (start < end)
			act(w, e->action, size_max(start, at), end, start);
		at = size_max(at, size_min(end, to));
	}
	if (at < to)
		act(w, w->plan.rest, at, to, at);
}

void redact_window_begin_cell(struct redact_window *w, uint64_t start, uint64_t end, uint64_t limit)
{
	uint8_t head[REDACT_HEAD_MAX];
	struct redact_cell cell = {
		.head = w->in + (start - w->base), .size = end - start, .at = raddr_at(start)};
	uint64_t here = limit - start, wanted = size_min(end - start, sizeof(head));
	cell.n_head = (size_t)size_min(cell.size, here);
	if (here < wanted) {
		struct error *err = space_read(w->space, raddr_at(start), head, (size_t)wanted);
		if (!err) {
			cell.head = head;
			cell.n_head = (size_t)wanted;
		}
		error_free(err);
	}
	w->cell_start = start;
	w->cell_end = end;
	redact_plan_make(w->python, &cell, &w->plan);
}
