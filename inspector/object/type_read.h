/*
 * type_read: one candidate for a type, copied once and then looked at.
 */
#ifndef INSPECTOR_OBJECT_TYPE_READ_H
#define INSPECTOR_OBJECT_TYPE_READ_H

#include "base/text.h"
#include "inspector/object/type_table.h"

#define TYPE_READ_MAX 448 /* of PyTypeObject, the largest: 3.15 without the GIL */

struct type_read {
	raddr at;
	uint8_t bytes[TYPE_READ_MAX];
};

/* Copies it, if it may be a type at all: in memory that can be written, of plausible sizes, and either the first of its own
 * tp_mro, or a static type that nobody readied. Says nothing of its metatype. */
bool type_read(const struct type_table *table, raddr at, struct type_read *ret);

/* The word of PyTypeObject at an offset of shapes.type. */
uint64_t type_read_word(const struct type_read *read, uint64_t offset);

/* What it says of itself: flags, sizes, offsets, kind by its own flags and name. Index, metatype, base's kind and name are
 * left to the table. */
void type_read_fill(const struct type_table *table, const struct type_read *read, struct type *ret);

/* Bytes between the block's start, or the debug hooks' header, and an instance: a pure function of the type's flags and of
 * table->gc_size. (Include/internal/pycore_object.h: _PyType_PreHeaderSize, 3.11 on; before, the GC head alone.) */
uint16_t type_read_before(const struct type_table *table, const struct type *type);

/* Takes over what a type that says nothing of its kind inherits from its base. */
void type_read_inherit(struct type *type, const struct type *base);

/* The foreign C string at an address, up to `max` bytes of it, appended. False: it cannot be read. *ret_whole: its end was
 * reached. */
bool type_read_string(struct burst *burst, raddr at, size_t max, struct text *ret, bool *ret_whole);

#endif
