/*
 * word_set: words of the target that were met, each once.
 */
#ifndef INSPECTOR_CENSUS_WORD_SET_H
#define INSPECTOR_CENSUS_WORD_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word_set {
	uint64_t *table; /* 0: an empty place */
	size_t size;     /* a power of two, or 0 */
	size_t count;
	size_t limit;      /* words that it may hold */
	uint64_t n_untold; /* additions refused: it was full, or memory was out */
};

/* Adds a word that is not 0. True: it was not there before. */
bool word_set_add(struct word_set *set, uint64_t word);
bool word_set_has(const struct word_set *set, uint64_t word);
void word_set_fini(struct word_set *set);

#endif
