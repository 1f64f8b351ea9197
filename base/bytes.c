/*
 * bytes: every look is checked, because offsets come from files and lengths from
 * the target.
 */
#include "base/bytes.h"

#include <string.h>

static bool fits(size_t size, size_t offset, unsigned width)
{
	return width >= 1 && width <= 8 && offset <= size && width <= size - offset;
}

uint64_t bytes_unsigned(struct bytes *b, size_t offset, unsigned width)
{
	uint64_t value = 0;
	if (!fits(b->size, offset, width)) {
		b->overrun = true;
		return 0;
	}
	memcpy(&value, b->data + offset, width); /* x86-64: little-endian as the target is */
	return value;
}

bool bytes_put(void *data, size_t size, size_t offset, unsigned width, uint64_t value)
{
	if (!fits(size, offset, width))
		return false;
	memcpy((uint8_t *)data + offset, &value, width);
	return true;
}
