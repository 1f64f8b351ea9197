/*
 * keys_in_block: a dict's keys, known by themselves, with no dict at hand.
 */
#ifndef INSPECTOR_OBJECT_KEYS_IN_BLOCK_H
#define INSPECTOR_OBJECT_KEYS_IN_BLOCK_H

#include "inspector/object/type_table.h"

/*
 * Whether a block of `size` bytes holds PyDictKeysObject: its counts agree with each other, and make up its size (Objects/dictobject.c:
 * new_keys_object(), USABLE_FRACTION, 3.6 to 3.15). Never in 2.7, whose tables have no header.
 */
bool keys_in_block(struct type_table *types, raddr block, uint64_t size);

/* The same of keys that nobody refers to any more and that a free list keeps, up to 3.13: from 3.14 on a link stands where the
 * count was. */
bool keys_freed_in_block(struct type_table *types, raddr block, uint64_t size);

/* Bytes that tell how keys lie. */
#define KEYS_HEAD 48

/* Bytes from the start of PyDictKeysObject, of which `head` is the beginning, to the end of the last entry that is used; what lies behind
 * is from whoever had that memory before. 0: it has no header, or one that nobody can have written. */
uint64_t keys_used_size(const struct shapes *shapes, const uint8_t head[KEYS_HEAD]);

#endif
