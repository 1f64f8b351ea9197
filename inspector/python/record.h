/*
 * record: one struct of the target, read once into a bounded local copy; then its
 * fields are looked at without failing.
 *
 *	struct record r;
 *	err = record_read(space, layout, LAYOUT_ALLOCATOR_SIZE, at, &r);
 *	raddr ctx = record_pointer(&r, LAYOUT_ALLOCATOR_CTX);
 *
 * Structs too large to copy (an interpreter has hundreds of kilobytes) are read in
 * windows around the fields that are wanted.
 */
#ifndef INSPECTOR_PYTHON_RECORD_H
#define INSPECTOR_PYTHON_RECORD_H

#include "inspector/target/space.h"
#include "symbols/layout.h"

#define RECORD_MAX 2048

struct record {
	const struct layout *layout; /* borrowed */
	uint64_t first;              /* offset in the struct of bytes[0] */
	size_t size;                 /* bytes held */
	uint8_t bytes[RECORD_MAX];
};

/* The whole struct at `at`, whose size is an entry of the layout. ERROR_SYMBOLS: the size is not
 * known or over RECORD_MAX; ERROR_FAULT; ERROR_GONE. */
struct error *record_read(struct space *space, const struct layout *layout,
			  enum layout_entry_id size, raddr at, struct record *ret) MUST_CHECK;

/* The part of the struct at `at` from the first to the last of these fields, arrays whole; absent
 * fields are passed over. ERROR_SYMBOLS: none is present, or they lie too far apart. */
struct error *record_read_window(struct space *space, const struct layout *layout,
				 const enum layout_entry_id *fields, size_t n, raddr at,
				 struct record *ret) MUST_CHECK;

/* The value of a field, or of an array's first element; 0 where it is absent or not in the window. */
uint64_t record_unsigned(const struct record *r, enum layout_entry_id field);

static inline raddr record_pointer(const struct record *r, enum layout_entry_id field)
{
	return raddr_at(record_unsigned(r, field));
}

#endif
