/*
 * numbers: a hash table without links, of which each place holds a hash and a row.
 */
#include "inspector/census/tables/numbers.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 256

struct numbers_entry {
	uint64_t hash;
	uint32_t row; /* + 1; 0: an empty place */
};

static struct numbers_entry *seek(const struct numbers *numbers, uint64_t hash)
{
	size_t mask = numbers->size - 1;
	size_t at = (size_t)(hash >> 16) & mask;
	while (numbers->table[at].row && numbers->table[at].hash != hash)
		at = (at + 1) & mask;
	return &numbers->table[at];
}

static bool grow(struct numbers *numbers)
{
	struct numbers grown = *numbers;
	grown.size = numbers->size ? numbers->size * 2 : SIZE_FIRST;
	grown.table = calloc(grown.size, sizeof(*grown.table));
	if (!grown.table)
		return false;
	for (size_t i = 0; i < numbers->size; i++) {
		if (numbers->table[i].row)
			*seek(&grown, numbers->table[i].hash) = numbers->table[i];
	}
	free(numbers->table);
	*numbers = grown;
	return true;
}

uint32_t numbers_find(const struct numbers *numbers, uint64_t hash)
{
	return numbers->size ? seek(numbers, hash)->row - 1 : NUMBERS_NONE;
}

bool numbers_add(struct numbers *numbers, uint64_t hash, uint32_t row)
{
	if ((numbers->count + 1) * 2 > numbers->size && !grow(numbers))
		return false;
	*seek(numbers, hash) = (struct numbers_entry){hash, row + 1};
	numbers->count++;
	return true;
}

void numbers_fini(struct numbers *numbers)
{
	free(numbers->table);
	*numbers = (struct numbers){0};
}

uint64_t numbers_mix_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	size_t done = 0;
	for (uint64_t word; done + sizeof(word) <= size; done += sizeof(word)) {
		memcpy(&word, bytes + done, sizeof(word));
		hash = numbers_mix(hash, word);
	}
	uint64_t rest = 0;
	if (done < size)
		memcpy(&rest, bytes + done, size - done);
	return numbers_mix(numbers_mix(hash, rest), size);
}
