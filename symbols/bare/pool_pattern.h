/*
 * pool_pattern: where pymalloc's table of pools lies, by what it is before anything ran:
 * a row of lists that are all empty, each of which refers to itself.
 *
 * Sources: the macros PTA and PT in Objects/obmalloc.c (2.7 to 3.11) and in
 * pycore_obmalloc_init.h (3.12, where the table is a part of _PyRuntime): the pair of words at A
 * is A - 16 twice, for struct pool_header has nextpool at 16 and prevpool at 24. From 3.13 on
 * the table is filled as the interpreter starts (_PyMem_init_obmalloc), and there is nothing to find.
 */
#ifndef SYMBOLS_POOL_PATTERN_H
#define SYMBOLS_POOL_PATTERN_H

#include "symbols/elf/elf_source.h"

struct pool_pattern {
	uint64_t vaddr;     /* link-time address of the table */
	uint32_t n_classes; /* pairs: 32 or 64 */
	uint32_t n_found;   /* tables; but for 1 the two above are 0 */
	uint32_t n_refused; /* runs of at least 16 pairs that are as long as no table */
	bool partial;       /* not all could be read, or it was too much: n_found is 0 then */
};

/*
 * Looks at what writable segments hold when the loader is done: by DT_RELA (R_X86_64_RELATIVE, and
 * R_X86_64_64 against symbols that the object itself defines) and in a file by DT_RELR with the words that
 * it names; or by all words of a file whose image is fixed. In memory these words have changed since:
 * of a module without a file only DT_RELA tells, and of a fixed one nothing. Reads each of it once, no more
 * than 2^20 relocations of a kind and 64 MiB of data.
 */
void pool_pattern_find(const struct elf_source *s, bool is_file, struct pool_pattern *ret);

/* Whether there is exactly one. */
static inline bool pool_pattern_is_told(const struct pool_pattern *p)
{
	return p->n_found == 1;
}

#endif
