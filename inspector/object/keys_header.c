/*
 * keys_header: sizes in bytes, or their logarithms.
 *
 *	3.6 … 3.10   [refcount │ size │ lookup │ usable │ used][indices: 1, 2, 4 or 8 bytes a place][hash key value] …
 *	3.11 …       [refcount │ log2 of size, of bytes of indices, kind │ usable │ used][indices][…] …
 *
 * The kind tells whether all keys are str: those know their hash, and the entries go without.
 */
#include "inspector/object/keys_header.h"

#include "base/size.h"

#define LOG2_MAX 40
#define SLACK    32 /* rounding, hooks' tail, shared keys of which fewer are used */

static uint64_t width_for(uint64_t size)
{
	return size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= UINT32_MAX ? 4 : 8;
}

static bool read_old(const struct shapes *s, struct bytes *b, struct keys_header *ret)
{
	ret->size = bytes_u64(b, (size_t)s->keys.size);
	if (!size_is_power_of_two(ret->size) || ret->size >> LOG2_MAX)
		return false;
	ret->entries = s->keys.header + ret->size * width_for(ret->size);
	ret->stride = KEYS_LONG;
	return true;
}

static bool read_new(const struct shapes *s, struct bytes *b, struct keys_header *ret)
{
	uint64_t log2_size = bytes_unsigned(b, (size_t)s->keys.log2_size, 1);
	uint64_t log2_bytes = bytes_unsigned(b, (size_t)s->keys.log2_index_bytes, 1);
	uint64_t kind = bytes_unsigned(b, (size_t)s->keys.kind, 1);
	if (log2_size > LOG2_MAX || log2_bytes < log2_size || log2_bytes > log2_size + 3 ||
	    kind > 2)
		return false;
	ret->size = UINT64_C(1) << log2_size;
	ret->entries = s->keys.header + (UINT64_C(1) << log2_bytes);
	ret->stride = kind == 0 ? KEYS_LONG : KEYS_SHORT;
	return true;
}

bool keys_header_read(const struct shapes *shapes, struct bytes *bytes, struct keys_header *ret)
{
	struct keys_header header;
	if (!(shapes->keys.kind ? read_new : read_old)(shapes, bytes, &header))
		return false;
	header.usable = bytes_u64(bytes, (size_t)shapes->keys.usable);
	header.used = bytes_u64(bytes, (size_t)shapes->keys.nentries);
	if (header.used > header.size)
		return false;
	*ret = header;
	return true;
}

bool keys_header_fills(const struct keys_header *header, uint64_t size)
{
	const struct keys_header *h = header;
	uint64_t most = h->size * 2 / 3;
	uint64_t whole = size_add(h->entries, size_multiply(most, h->stride));
	return h->size >= 8 && h->used <= most && h->usable <= most &&
	       h->usable + h->used <= most && whole <= size && size - whole < SLACK;
}
