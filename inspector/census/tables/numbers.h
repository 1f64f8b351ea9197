/*
 * numbers: from a hash of what a row of a table is about to the row.
 */
#ifndef INSPECTOR_CENSUS_NUMBERS_H
#define INSPECTOR_CENSUS_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBERS_NONE UINT32_MAX

struct numbers {
	struct numbers_entry *table;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

/* The row of a hash; NUMBERS_NONE. */
uint32_t numbers_find(const struct numbers *numbers, uint64_t hash);

/* Remembers the row of a hash that has none yet. False: out of memory. */
bool numbers_add(struct numbers *numbers, uint64_t hash, uint32_t row);
void numbers_fini(struct numbers *numbers);

/* A hash of what a hash was of and one word more; of bytes. */
static inline uint64_t numbers_mix(uint64_t hash, uint64_t more)
{
	hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}
uint64_t numbers_mix_bytes(uint64_t hash, const void *data, size_t size);

#endif
