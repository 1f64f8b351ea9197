/*
 * pymalloc_words: the values of an allocator's variables at one moment.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_WORDS_H
#define INSPECTOR_HEAP_PYMALLOC_WORDS_H

#include "inspector/heap/pymalloc_copy.h"

/* Longest nfp2lasta[] that is read: one more than the pools of an arena (65, or 129 with 2 MiB). */
#define PYMALLOC_NFP2LASTA_MAX 1025

enum pymalloc_word {
	WORD_ARENAS,
	WORD_MAXARENAS,
	WORD_UNUSED_ARENA_OBJECTS,
	WORD_USABLE_ARENAS,
	WORD_ARENAS_CURRENT,
	WORD_ARENAS_TOTAL,
	WORD_ARENAS_HIGHWATER,
	WORD_RAW_ALLOCATED_BLOCKS,
	WORD_MAP_MIDS,
	WORD_MAP_BOTS,
	WORD_COUNT
};

struct pymalloc_words {
	uint64_t word[WORD_COUNT];
	uint64_t used[2 * PYMALLOC_CLASSES_MAX];
	uint64_t nfp2lasta[PYMALLOC_NFP2LASTA_MAX];
	bool got[WORD_COUNT]; /* false: this build has none, or it could not be read */
	bool got_used, got_nfp2lasta;
	uint32_t n_used, n_nfp2lasta; /* words */
};

/*
 * Reads all of them. What is missing is marked, not an error; ERROR_GONE. With frozen set they are
 * read in one gather, else one by one with the care that a live target deserves.
 */
struct error *pymalloc_words_read(struct space *space, const struct pymalloc_roots *roots,
				  bool frozen, struct pymalloc_words *ret) MUST_CHECK;

/* Whether nothing changed from one reading to the other. */
bool pymalloc_words_equal(const struct pymalloc_words *a, const struct pymalloc_words *b);

/* What a person may be told of one: known, absent, or (where `expected`) unknown. */
struct maybe pymalloc_words_maybe(const struct pymalloc_words *words, enum pymalloc_word which,
				  bool expected);

#endif
