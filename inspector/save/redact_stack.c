/*
 * redact_stack: numbers that look like a chunk's head may be anybody's; a code object behind them is not.
 *
 *	chunk  [ previous │ size │ top ][ passed over, where previous is null ][ frame ··· ]
 *	                                                                             └─▷ code ─▷ type `code`
 */
#include "inspector/save/redact_stack.h"

#include "base/bytes.h"
#include "inspector/python/frames.h"

#define HEX_3_11      0x030b0000
#define HEX_3_12      0x030c0000
#define CODE_IN_3_11  32          /* where a frame names its code; later in its first word */
#define REFERENCE_TAG UINT64_C(3) /* 3.14 on */

bool redact_stack_ends(uint64_t chunk, uint64_t top, uint64_t end)
{
	const struct frames_stack stack = {raddr_at(chunk), raddr_at(top), raddr_at(end)};
	return chunk && frames_stack_possible(&stack);
}

static bool is_code(struct redact_types *types, uint64_t at)
{
	uint64_t type = 0;
	if (!grounds_of(types->grounds, at))
		return false;
	struct error *err = space_read(types->space, raddr_at(at + types->shapes->ob_type), &type,
				       sizeof(type));
	bool read = !err;
	error_free(err);
	const struct redact_type *known = read ? redact_types_find(types, raddr_at(type)) : NULL;
	return known && known->kind == KIND_CODE;
}

bool redact_stack_begins(struct redact_types *types, uint64_t at, const uint8_t *bytes,
			 uint64_t room)
{
	struct bytes b = bytes_of(bytes, REDACT_STACK_HEAD);
	uint64_t previous = bytes_u64(&b, 0), size = bytes_u64(&b, 8), top = bytes_u64(&b, 16);
	uint64_t frame = FRAMES_CHUNK_HEADER + (previous ? 0 : 8);
	uint64_t code = frame + (types->shapes->version_hex < HEX_3_12 ? CODE_IN_3_11 : 0);
	if (types->shapes->version_hex < HEX_3_11 || room < REDACT_STACK_HEAD || size > room ||
	    top > size / 8 || !redact_stack_ends(at, at + size, at + size) ||
	    (previous && !grounds_of(types->grounds, previous)))
		return false;
	return is_code(types, bytes_u64(&b, (size_t)code) & ~REFERENCE_TAG);
}
