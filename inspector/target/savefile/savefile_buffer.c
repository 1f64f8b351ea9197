/*
 * savefile_buffer: ┃ bytes put so far ┃ room ┃
 */
#include "inspector/target/savefile/savefile_buffer.h"

#include "base/bytes.h"

#include <string.h>

bool savefile_put_bytes(struct savefile_buffer *to, const void *data, size_t size)
{
	if (!vec_reserve(to, to->count + size))
		return false;
	memcpy(to->items + to->count, data, size);
	to->count += size;
	return true;
}

bool savefile_put_number(struct savefile_buffer *to, uint64_t value, unsigned width)
{
	uint8_t bytes[8];
	(void)bytes_put(bytes, sizeof(bytes), 0, width, value);
	return savefile_put_bytes(to, bytes, width);
}
