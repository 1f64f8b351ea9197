/*
 * savefile_buffer: bytes of a section before they are written.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_BUFFER_H
#define INSPECTOR_TARGET_SAVEFILE_BUFFER_H

#include "base/vec.h"

#include <stdint.h>

/* Grows; the caller's to free. */
struct savefile_buffer {
	uint8_t *items;
	size_t count, room;
};

/* Each adds to the buffer; false: out of memory. A number has 1 to 8 bytes, little-endian. */
bool savefile_put_bytes(struct savefile_buffer *to, const void *data, size_t size);
bool savefile_put_number(struct savefile_buffer *to, uint64_t value, unsigned width);

#endif
