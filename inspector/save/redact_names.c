/*
 * redact_names: what was met is noted, and gone through from time to time, by address, so that windows of memory serve
 * many.
 *
 *	met      class   instance ─▷ dict   function   code  …
 *	noted    ▢ ▢ ▢ ▢ ▢ ▢                                    until there is no more room, and at the end
 *	kept     "__main__" "Session" "user_id" …              over the pages
 *
 * The process runs on meanwhile. A str is kept as it is now, and only if it is what it was in a window, by its length and
 * hash, and what it names refers to it still: it cannot have become something else in between.
 */
#include "inspector/save/redact_names.h"

#include "base/cleanup.h"
#include "inspector/object/object_text.h"
#include "inspector/target/savefile/savefile_format.h"

#include <stdlib.h>
#include <string.h>

#define NOTED_FIRST  256 /* few: what is known early need not be noted again */
#define NOTED_MAX    (UINT64_C(1) << 18)
#define NAMES_MAX    (UINT64_C(1) << 19)
#define TABLES_MAX   (UINT64_C(1) << 18)
#define BURST_MEMORY (64 * MIB) /* of which a sixteenth are windows */
#define OF_INSTANCE  UINT64_C(1)
#define MASK_MAX     127 /* of a hash table in a window */
#define ENTRY_SIZE   24
#define SAME_SIZE    20 /* of a str: length, hash, state */

struct error *redact_names_init(const struct redact_names_request *request,
				struct redact_names *ret)
{
	*ret = (struct redact_names){
		.space = request->space,
		.grounds = request->grounds,
		.log = request->log,
		.shapes = request->shapes,
		.noted = VEC_EMPTY,
		.room = NOTED_FIRST,
		.known.limit = NAMES_MAX,
		.tables.limit = TABLES_MAX,
	};
	const struct burst_request burst = {.space = request->space, .max_memory = BURST_MEMORY};
	struct error *err = burst_take(&burst, &ret->burst);
	return err ?: type_table_init(&ret->types, ret->burst, ret->shapes, request->space);
}

void redact_names_fini(struct redact_names *names)
{
	type_table_fini(&names->types);
	burst_free(names->burst);
	vec_fini(&names->noted);
	word_set_fini(&names->known);
	word_set_fini(&names->tables);
}

/* ---- one name --------------------------------------------------------------------------- */

static bool read_now(struct redact_names *n, raddr at, void *to, size_t size)
{
	return grounds_read(n->grounds, n->space, at, to, size);
}

static bool is_kept_anyway(struct redact_names *n, raddr at)
{
	const struct ground_range *ground = grounds_of(n->grounds, at.value);
	return ground && ground->ground == GROUND_KEEP;
}

static bool is_still(struct redact_names *n, raddr place, uint64_t word)
{
	uint64_t now;
	return read_now(n, place, &now, sizeof(now)) && now == word;
}

/* Another str at the same place has another hash. */
static bool is_same_str(struct redact_names *n, raddr str)
{
	uint8_t now[SAME_SIZE];
	raddr at = raddr_plus(str, n->shapes->str.length);
	if (!read_now(n, at, now, sizeof(now)))
		return false;
	const uint8_t *then = burst_bytes(n->burst, at, sizeof(now));
	return then && memcmp(then, now, sizeof(now)) == 0;
}

void redact_names_copy(struct redact_names *n, raddr at, size_t size, raddr place, uint64_t word)
{
	uint8_t bytes[NAME_SIZE_MAX];
	if (size <= sizeof(bytes) && !is_kept_anyway(n, at) && read_now(n, at, bytes, size) &&
	    is_still(n, place, word))
		save_log_add(n->log, at, bytes, size, false);
}

void redact_names_add(struct redact_names *n, raddr place, bool interned_only)
{
	struct object_text_place text;
	uint8_t bytes[NAME_SIZE_MAX];
	uint64_t word;
	if (!burst_word(n->burst, place, &word) || !word || word_set_has(&n->known, word))
		return;
	raddr str = raddr_at(word);
	if (!object_text_place(&n->types, str, &text) || (interned_only && !text.interned) ||
	    text.size >= sizeof(bytes))
		return;
	/* With its NUL: the C string of a type's or slot's name may be this very one. */
	size_t size = (size_t)text.size + 1;
	if (is_kept_anyway(n, text.at))
		(void)word_set_add(&n->known, word);
	else if (read_now(n, text.at, bytes, size) && is_same_str(n, str) &&
		 is_still(n, place, word) && word_set_add(&n->known, word))
		save_log_add(n->log, text.at, bytes, size, false);
}

/* ---- what was noted --------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;
	return (*one > *other) - (*one < *other);
}

void redact_names_log(struct redact_names *n)
{
	if (n->noted.count)
		qsort(n->noted.items, n->noted.count, sizeof(n->noted.items[0]), by_address);
	for (size_t i = 0; i < n->noted.count; i++) {
		uint64_t at = n->noted.items[i];
		if (i && at == n->noted.items[i - 1])
			continue;
		if (at & OF_INSTANCE)
			redact_owners_add_dict(n, raddr_at(at & ~OF_INSTANCE));
		else
			redact_owners_add(n, raddr_at(at));
	}
	n->noted.count = 0;
}

static void note(struct redact_names *n, uint64_t at)
{
	if (n->noted.count >= n->room) {
		redact_names_log(n);
		n->room = size_min(n->room * 2, NOTED_MAX);
	}
	uint64_t *place = vec_push(&n->noted);
	if (place)
		*place = at;
	n->failed |= !place;
}

void redact_names_note(struct redact_names *n, raddr object)
{
	note(n, object.value);
}

/* ---- what need not be noted ------------------------------------------------------------- */

void redact_names_see(struct redact_names *n, raddr base, const uint8_t *window)
{
	n->base = base;
	n->window = window;
}

/* A word of the window; 0: it is outside. */
static uint64_t seen_word(const struct redact_names *n, uint64_t at)
{
	uint64_t word, offset = at - n->base.value;
	if (!n->window || offset > SAVEFILE_WINDOW - sizeof(word))
		return 0;
	memcpy(&word, n->window + offset, sizeof(word));
	return word;
}

/* 2.7: a table of few entries, all of whose keys are kept. */
static bool has_known_keys(const struct redact_names *n, uint64_t table, uint64_t mask)
{
	for (uint64_t i = 0; i <= mask; i++) {
		uint64_t key_at = table + i * ENTRY_SIZE + 8, key = seen_word(n, key_at);
		if (key ? !word_set_has(&n->known, key) : key_at - n->base.value >= SAVEFILE_WINDOW)
			return false;
	}
	return true;
}

static bool is_known(const struct redact_names *n, uint64_t dict)
{
	const struct shapes *s = n->shapes;
	uint64_t keys = seen_word(n, dict + s->dict.keys);
	if (s->dict.values)
		return seen_word(n, dict + s->dict.values) && word_set_has(&n->tables, keys);
	uint64_t mask = seen_word(n, dict + s->dict.mask);
	return keys && mask && mask <= MASK_MAX && has_known_keys(n, keys, mask);
}

void redact_names_note_dict(struct redact_names *n, raddr dict)
{
	if (!is_known(n, dict.value))
		note(n, dict.value | OF_INSTANCE);
}
