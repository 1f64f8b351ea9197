/* words: a short list, searched from end to end. */
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct word {
	uint64_t at, value;
} words[64];
static size_t n_words;

static struct error *read_words(void *source, raddr at, void *buffer, size_t size)
{
	(void)source;
	memset(buffer, 0, size);
	for (size_t i = 0; i < n_words; i++)
		if (words[i].at >= at.value && words[i].at + 8 <= at.value + size)
			memcpy((uint8_t *)buffer + (words[i].at - at.value), &words[i].value, 8);
	return NULL;
}

const struct space_ops words_ops = {.read = read_words};

void words_put(uint64_t at, uint64_t value)
{
	assert_true(n_words < 64);
	words[n_words++] = (struct word){at, value};
}

void words_clear(void)
{
	n_words = 0;
}
