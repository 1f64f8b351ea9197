/*
 * word_set: a hash table without links; a word stands where its hash says, or next to there.
 */
#include "inspector/census/passes/word_set.h"

#include <stdlib.h>

#define SIZE_FIRST 1024

static size_t seek(const struct word_set *set, uint64_t word)
{
	size_t mask = set->size - 1;
	uint64_t mixed = word * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(mixed >> 32) & mask;
	while (set->table[at] && set->table[at] != word)
		at = (at + 1) & mask;
	return at;
}

static bool grow(struct word_set *set)
{
	struct word_set grown = *set;
	grown.size = set->size ? set->size * 2 : SIZE_FIRST;
	grown.table = calloc(grown.size, sizeof(*grown.table));
	if (!grown.table)
		return false;
	for (size_t i = 0; i < set->size; i++) {
		if (set->table[i])
			grown.table[seek(&grown, set->table[i])] = set->table[i];
	}
	free(set->table);
	*set = grown;
	return true;
}

bool word_set_add(struct word_set *set, uint64_t word)
{
	if (set->size && set->table[seek(set, word)])
		return false;
	if (set->count >= set->limit || ((set->count + 1) * 2 > set->size && !grow(set))) {
		set->n_untold++;
		return false;
	}
	set->table[seek(set, word)] = word;
	set->count++;
	return true;
}

bool word_set_has(const struct word_set *set, uint64_t word)
{
	return set->size && set->table[seek(set, word)];
}

void word_set_fini(struct word_set *set)
{
	free(set->table);
	*set = (struct word_set){0};
}
