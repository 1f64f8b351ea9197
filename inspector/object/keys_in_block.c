/*
 * keys_in_block: the header says how many indices and entries there are, and so how long the whole is.
 *
 *	[hooks][refcount sizes usable used │ indices │ entries: two thirds of the size]
 *	       ◀───────────────── as long as the block, but for rounding ──────────────▶
 */
#include "inspector/object/keys_in_block.h"

#include "base/bytes.h"

#define COUNT_MAX   (UINT64_C(1) << 40)
#define ENTRY_LONG  24 /* hash, key, value */
#define ENTRY_SHORT 16 /* key, value */
#define SLACK       32 /* rounding, hooks' tail, shared keys of which fewer are used */

struct header {
	uint64_t size;    /* places of the hash table */
	uint64_t indices; /* bytes */
	uint64_t entry;   /* bytes of one */
	uint64_t usable, used;
};

static uint64_t width_for(uint64_t size)
{
	return size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= UINT32_MAX ? 4 : 8;
}

/* 3.6 to 3.10. */
static bool read_old(const struct shapes *s, struct bytes *b, struct header *ret)
{
	ret->size = bytes_u64(b, (size_t)s->keys.size);
	ret->indices = size_multiply(ret->size, width_for(ret->size));
	ret->entry = ENTRY_LONG;
	return true;
}

/* 3.11 on. */
static bool read_new(const struct shapes *s, struct bytes *b, struct header *ret)
{
	uint64_t log2_size = bytes_unsigned(b, (size_t)s->keys.log2_size, 1);
	uint64_t log2_bytes = bytes_unsigned(b, (size_t)s->keys.log2_index_bytes, 1);
	uint64_t kind = bytes_unsigned(b, (size_t)s->keys.kind, 1);
	if (log2_size > 40 || log2_bytes < log2_size || log2_bytes > log2_size + 3 || kind > 2)
		return false;
	ret->size = UINT64_C(1) << log2_size;
	ret->indices = UINT64_C(1) << log2_bytes;
	ret->entry = kind == 0 ? ENTRY_LONG : ENTRY_SHORT;
	return true;
}

static bool agrees(const struct shapes *s, const struct header *h, uint64_t room)
{
	uint64_t most = h->size * 2 / 3;
	uint64_t whole = size_add(s->keys.header + h->indices, size_multiply(most, h->entry));
	return h->size >= 8 && h->size < COUNT_MAX && size_is_power_of_two(h->size) &&
	       h->used <= most && h->usable <= most && h->usable + h->used <= most &&
	       whole <= room && room - whole < SLACK;
}

bool keys_in_block(struct type_table *types, raddr block, uint64_t size)
{
	const struct shapes *s = types->shapes;
	uint64_t hook = s->hook_size;
	struct header h = {0};
	if (!s->dict.values || size < hook + KEYS_HEAD)
		return false;
	const uint8_t *bytes = burst_bytes(types->burst, raddr_plus(block, hook), KEYS_HEAD);
	if (!bytes)
		return false;
	struct bytes b = bytes_of(bytes, KEYS_HEAD);
	uint64_t refcount = bytes_u64(&b, 0);
	if (refcount == 0 || refcount >= COUNT_MAX ||
	    !(s->keys.kind ? read_new(s, &b, &h) : read_old(s, &b, &h)))
		return false;
	h.usable = bytes_u64(&b, (size_t)s->keys.usable);
	h.used = bytes_u64(&b, (size_t)s->keys.nentries);
	return agrees(s, &h, size - hook);
}

uint64_t keys_used_size(const struct shapes *shapes, const uint8_t head[KEYS_HEAD])
{
	struct bytes b = bytes_of(head, KEYS_HEAD);
	struct header h = {0};
	if (!shapes->keys.header ||
	    !(shapes->keys.kind ? read_new(shapes, &b, &h) : read_old(shapes, &b, &h)))
		return 0;
	h.used = bytes_u64(&b, (size_t)shapes->keys.nentries);
	if (h.size < 8 || h.size >= COUNT_MAX || !size_is_power_of_two(h.size) || h.used > h.size)
		return 0;
	return shapes->keys.header + h.indices + h.used * h.entry;
}
