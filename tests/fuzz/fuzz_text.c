/*
 * text: what foreign text becomes is UTF-8 to somebody else's decoder too, moves no cursor, is
 * bounded, and says which bytes it was made from.
 */
#include "base/text.h"

#include "fuzz.h"

#include <iconv.h>
#include <stdio.h>
#include <wchar.h>

static void check_point(uint32_t point)
{
	assert(point >= 0x20 && (point < 0x7f || point >= 0xa0));
	assert(point < 0xd800 || (point > 0xdfff && point <= 0x10ffff));
	assert(point != 0x202e && point != 0x2028 && point != 0x2066);
}

/* glibc's decoder is the judge. */
static void check_utf8(char *text, size_t length)
{
	iconv_t decoder = iconv_open("WCHAR_T", "UTF-8");
	assert(decoder != (iconv_t)-1);
	while (length > 0) {
		wchar_t points[256];
		char *to = (char *)points;
		size_t room = sizeof(points), before = length;
		(void)iconv(decoder, &text, &length, &to, &room);
		assert(length < before);
		for (wchar_t *p = points; (char *)p < to; p++)
			check_point((uint32_t)*p);
	}
	iconv_close(decoder);
}

/* Read back by the rule that a person would use. */
static void check_origin(const char *text, size_t length, const uint8_t *data, size_t size)
{
	size_t n = 0;
	for (size_t at = 0; at < length; n++) {
		unsigned byte = (uint8_t)text[at];
		bool escape = text[at] == '\\' && at + 1 < length && text[at + 1] == 'x';
		if (escape)
			assert(sscanf(text + at + 2, "%2x", &byte) == 1);
		assert(n < size && byte == data[n]);
		at += escape ? 4 : 1;
	}
	assert(n == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text t = TEXT_EMPTY;
	text_add_escaped(&t, (const char *)data, size);
	assert(!t.failed && t.length >= size && t.length <= 4 * size);
	assert(strlen(text_string(&t)) == t.length);
	char *text = text_take(&t);
	size_t length = strlen(text);
	check_utf8(text, length);
	check_origin(text, length, data, size);
	for (size_t i = 0; i < size; i++)
		assert(text_utf8_length((const char *)data + i, size - i) <= size - i);
	free(text);
	return 0;
}
