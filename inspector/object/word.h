/*
 * word: one value of an object's, by its offset. What cannot be read is 0, which is no address of anything.
 */
#ifndef INSPECTOR_OBJECT_WORD_H
#define INSPECTOR_OBJECT_WORD_H

#include "inspector/object/type_table.h"

/* Eight bytes; 0 where the place is not aligned, too. */
static inline uint64_t word_at(const struct type_table *types, raddr object, uint64_t offset)
{
	uint64_t word = 0;
	raddr at;
	if (raddr_is_null(object) || !raddr_step(object, offset, &at))
		return 0;
	return burst_word(types->burst, at, &word) ? word : 0;
}

static inline raddr word_pointer(const struct type_table *types, raddr object, uint64_t offset)
{
	return raddr_at(word_at(types, object, offset));
}

/* Four bytes. */
static inline uint32_t word_u32(const struct type_table *types, raddr object, uint64_t offset)
{
	uint64_t word = word_at(types, object, offset & ~UINT64_C(7));
	return offset % 4 ? 0 : (uint32_t)(word >> (offset % 8 * 8));
}

/* A word of a table of up to `n` at `table` that equals `value`: its index; UINT64_MAX: none. Tables are read up to 64 MiB. */
uint64_t word_find(struct type_table *types, raddr table, uint64_t n, uint64_t value);

#endif
