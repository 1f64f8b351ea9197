/*
 * text: adds never fail at the spot; a shortage of memory is kept in `failed`,
 * so that a report is written in one go and checked once.
 */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserve(struct text *t, size_t more)
{
	if (t->failed || more > SIZE_MAX / 2 - t->length - 1) {
		t->failed = true;
		return false;
	}
	size_t need = t->length + more + 1;
	if (need <= t->room)
		return true;
	size_t room = need + need / 2 < 64 ? 64 : need + need / 2;
	char *data = realloc(t->data, room);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->room = room;
	return true;
}

void text_add_bytes(struct text *t, const char *data, size_t size)
{
	if (!text_reserve(t, size))
		return;
	memcpy(t->data + t->length, data, size);
	t->length += size;
	t->data[t->length] = '\0';
}

void text_add(struct text *t, const char *string)
{
	text_add_bytes(t, string, strlen(string));
}

void text_add_char(struct text *t, char c, size_t times)
{
	if (!text_reserve(t, times))
		return;
	memset(t->data + t->length, c, times);
	t->length += times;
	t->data[t->length] = '\0';
}

void text_addv(struct text *t, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (size < 0 || !text_reserve(t, (size_t)size)) {
		t->failed = true;
		return;
	}
	vsnprintf(t->data + t->length, (size_t)size + 1, format, args);
	t->length += (size_t)size;
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	text_addv(t, format, args);
	va_end(args);
}

/* The code point that a lead byte begins: how long, and its least value (shorter forms are fakes). */
struct utf8_form {
	unsigned char mask, lead;
	size_t length;
	uint32_t least;
};

static const struct utf8_form utf8_forms[] = {
	{0x80, 0x00, 1, 0},
	{0xe0, 0xc0, 2, 0x80},
	{0xf0, 0xe0, 3, 0x800},
	{0xf8, 0xf0, 4, 0x10000},
};

static size_t utf8_decode(const char *data, size_t size, uint32_t *ret)
{
	const unsigned char *bytes = (const unsigned char *)data;
	for (size_t i = 0; size && i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
		const struct utf8_form *form = &utf8_forms[i];
		if ((bytes[0] & form->mask) != form->lead)
			continue;
		if (form->length > size)
			return 0;
		uint32_t point = bytes[0] & (unsigned char)~form->mask;
		for (size_t k = 1; k < form->length; k++) {
			if ((bytes[k] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (bytes[k] & 0x3f);
		}
		bool surrogate = point >= 0xd800 && point <= 0xdfff;
		if (point < form->least || point > 0x10ffff || surrogate)
			return 0;
		*ret = point;
		return form->length;
	}
	return 0;
}

size_t text_utf8_length(const char *data, size_t size)
{
	uint32_t point;
	return utf8_decode(data, size, &point);
}

/* Bidirectional overrides reorder what a reader sees without moving a cursor: as bad as one. */
static bool moves_the_reader(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void text_add_escaped(struct text *t, const char *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		uint32_t point = 0;
		size_t length = utf8_decode(data + at, size - at, &point);
		bool looks_escaped = data[at] == '\\' && at + 1 < size && data[at + 1] == 'x';
		if (length && !moves_the_reader(point) && !looks_escaped) {
			text_add_bytes(t, data + at, length);
			at += length;
			continue;
		}
		for (size_t k = length ? length : 1; k; k--, at++)
			text_addf(t, "\\x%02x", (unsigned char)data[at]);
	}
}

const char *text_string(const struct text *t)
{
	return t->data ? t->data : "";
}

char *text_take(struct text *t)
{
	char *data = t->data ? t->data : strdup("");
	*t = TEXT_EMPTY;
	return data;
}

void text_shorten(struct text *t, size_t length)
{
	if (length >= t->length)
		return;
	t->length = length;
	t->data[length] = '\0';
}

void text_clear(struct text *t)
{
	t->length = 0;
	t->failed = false;
	if (t->data)
		t->data[0] = '\0';
}

void text_fini(struct text *t)
{
	free(t->data);
	*t = TEXT_EMPTY;
}
