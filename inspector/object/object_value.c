/*
 * object_value: two digits of an int at most, and a dict's entries one by one, for a hash is no help from outside: that of
 * a str is keyed with a secret.
 */
#include "inspector/object/object_value.h"

#include "base/cleanup.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/word.h"

#include <string.h>

#define HEX_3       0x03000000
#define ASCII_MAX   63
#define ENTRIES_MAX (UINT64_C(1) << 20)
#define DIGIT_BITS  30

bool object_says(struct type_table *types, raddr at, const char *ascii)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	uint64_t length;
	return object_text_length(types, at, &length) && length == strlen(ascii) &&
	       length <= ASCII_MAX && object_text(types, at, ASCII_MAX, &text) &&
	       strcmp(text_string(&text), ascii) == 0;
}

raddr dict_find(struct type_table *types, raddr dict, const char *key)
{
	struct dict_walk walk;
	raddr at, value;
	uint64_t left = ENTRIES_MAX;
	if (raddr_is_null(dict) || !dict_walk_begin(types, dict, &walk))
		return RADDR_NULL;
	while (left-- && dict_walk_next(&walk, &at, &value)) {
		if (object_says(types, at, key))
			return value;
	}
	return RADDR_NULL;
}

/* Include/longintrepr.h, later cpython/longintrepr.h: digits of 30 bits; their count and the sign are in ob_size, from 3.12 on in
 * lv_tag, whose low bits are 1 for zero, 2 for negative. */
static bool read_digits(struct type_table *types, raddr at, int64_t *ret)
{
	const struct shapes *s = types->shapes;
	bool tagged = s->integer.tagged;
	uint64_t head = word_at(types, at, tagged ? s->integer.tag : s->ob_size);
	bool negative = tagged ? (head & 3) == 2 : head >> 63;
	uint64_t n = tagged ? head >> 3 : negative ? 0 - head : head;
	uint64_t value = 0, mask = (UINT64_C(1) << DIGIT_BITS) - 1;
	if (n > 2)
		return false;
	for (uint64_t i = 0; i < n; i++)
		value |= (word_u32(types, at, s->integer.digits + i * 4) & mask)
			 << (DIGIT_BITS * i);
	if (tagged && (head & 3) == 1)
		value = 0;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

bool object_integer(struct type_table *types, raddr at, int64_t *ret)
{
	struct object object;
	if (raddr_is_null(at) || !object_at(types, at, &object))
		return false;
	enum type_kind kind = type_table_get(types, object.type)->kind;
	bool old_bool = kind == TYPE_BOOL && types->shapes->version_hex < HEX_3;
	if (kind == TYPE_SMALL_INT || old_bool) { /* ob_ival */
		*ret = (int64_t)word_at(types, at, types->shapes->ob_size);
		return true;
	}
	return (kind == TYPE_INT || kind == TYPE_BOOL) && read_digits(types, at, ret);
}
