/*
 * bytes: a bounded look at a local copy of foreign data.
 *
 * Little-endian values at an offset of a buffer. A look past the end gives 0 and
 * says so once, in `overrun`: one check after many looks is enough.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/raddr.h"

#include <stddef.h>

struct bytes {
	const uint8_t *data; /* borrowed */
	size_t size;
	bool overrun; /* some look went past the end */
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){data, size, false};
}

/* The unsigned value of `width` (1 to 8) bytes at offset; 0 and overrun where it does not fit. */
uint64_t bytes_unsigned(struct bytes *b, size_t offset, unsigned width);

static inline uint32_t bytes_u32(struct bytes *b, size_t offset)
{
	return (uint32_t)bytes_unsigned(b, offset, 4);
}

static inline uint64_t bytes_u64(struct bytes *b, size_t offset)
{
	return bytes_unsigned(b, offset, 8);
}

static inline raddr bytes_raddr(struct bytes *b, size_t offset)
{
	return raddr_at(bytes_unsigned(b, offset, 8));
}

/* The same for writing a fixture; false where it does not fit. */
bool bytes_put(void *data, size_t size, size_t offset, unsigned width, uint64_t value);

#endif
