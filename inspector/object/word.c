/*
 * word: a table is looked at piece by piece, so that one of any length needs no more than a window.
 */
#include "inspector/object/word.h"

#define TABLE_MAX (64 * MIB)
#define PIECE     UINT64_C(4096)

/* Bytes from `at` to where the next piece begins. */
static uint64_t piece_at(raddr at)
{
	return PIECE - at.value % PIECE;
}

uint64_t word_find(struct type_table *types, raddr table, uint64_t n, uint64_t value)
{
	uint64_t left = size_min(n, TABLE_MAX / 8);
	raddr at = table;
	if (table.value % 8)
		return UINT64_MAX;
	while (left) {
		uint64_t here = size_min(left, piece_at(at) / 8);
		const uint8_t *bytes = burst_bytes(types->burst, at, (size_t)here * 8);
		for (uint64_t i = 0; bytes && i < here; i++) {
			uint64_t word;
			memcpy(&word, bytes + i * 8, sizeof(word));
			if (word == value)
				return raddr_distance(table, at) / 8 + i;
		}
		left -= here;
		if (!bytes || !raddr_step(at, here * 8, &at))
			break;
	}
	return UINT64_MAX;
}
