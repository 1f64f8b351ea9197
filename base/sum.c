/*
 * sum: a word at a time, multiplied and folded; the last word is filled up with zeros.
 */
#include "base/sum.h"

#include <string.h>

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

uint64_t sum_of(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint64_t h = mix(UINT64_C(0x61736f7065), size), word;
	for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		h = mix(h, word);
	}
	word = 0;
	if (size) /* of nothing, there may be no bytes at all */
		memcpy(&word, at, size);
	return mix(h, word);
}
