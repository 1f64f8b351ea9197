/*
 * keys_in_block: the header says how many indices and entries there are, and so how long the whole is.
 *
 *	[hooks][refcount sizes usable used │ indices │ entries: two thirds of the size]
 *	       ◀───────────────── as long as the block, but for rounding ──────────────▶
 */
#include "inspector/object/keys_in_block.h"

#include "inspector/object/keys_header.h"

#define COUNT_MAX (UINT64_C(1) << 40)

/* What a block's counts say, where they make up its size. */
static bool read_block(struct type_table *types, raddr block, uint64_t size, uint64_t *ret_refcount,
		       struct keys_header *ret)
{
	const struct shapes *s = types->shapes;
	uint64_t hook = s->hook_size;
	if (!s->dict.values || size < hook + KEYS_HEAD)
		return false;
	const uint8_t *bytes = burst_bytes(types->burst, raddr_plus(block, hook), KEYS_HEAD);
	if (!bytes)
		return false;
	struct bytes b = bytes_of(bytes, KEYS_HEAD);
	*ret_refcount = bytes_u64(&b, 0);
	return keys_header_read(s, &b, ret) && keys_header_fills(ret, size - hook);
}

bool keys_in_block(struct type_table *types, raddr block, uint64_t size)
{
	struct keys_header h;
	uint64_t refcount;
	return read_block(types, block, size, &refcount, &h) && refcount > 0 &&
	       refcount < COUNT_MAX;
}

bool keys_freed_in_block(struct type_table *types, raddr block, uint64_t size)
{
	struct keys_header h;
	uint64_t refcount;
	return read_block(types, block, size, &refcount, &h) && refcount == 0;
}

uint64_t keys_used_size(const struct shapes *shapes, const uint8_t head[KEYS_HEAD])
{
	struct bytes b = bytes_of(head, KEYS_HEAD);
	struct keys_header h;
	if (!shapes->keys.header || !keys_header_read(shapes, &b, &h) || h.size < 8)
		return 0;
	return h.entries + h.used * h.stride;
}
