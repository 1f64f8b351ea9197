/*
 * object_text: what a str says.
 */
#ifndef INSPECTOR_OBJECT_OBJECT_TEXT_H
#define INSPECTOR_OBJECT_OBJECT_TEXT_H

#include "base/text.h"
#include "inspector/object/type_table.h"

/* A str's characters as UTF-8, at most `max` bytes of it, whole characters, appended; in 2.7 of str (its bytes as they are) and of unicode.
 * Lone surrogates become their three bytes, which is no UTF-8. False, *ret untouched: it is no str, or cannot be read. Foreign. */
bool object_text(struct type_table *types, raddr at, size_t max, struct text *ret);

/* How many characters a str has (2.7: bytes of a str); false: it is none. */
bool object_text_length(struct type_table *types, raddr at, uint64_t *ret);

struct object_text_place {
	raddr at;      /* of the first character */
	uint64_t size; /* bytes */
	bool interned; /* no other str says the same; 2.7's unicode never is */
};

/* Where a str's characters lie; false: it is none, or cannot be read. */
bool object_text_place(struct type_table *types, raddr at, struct object_text_place *ret);

#endif
