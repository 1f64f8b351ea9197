/*
 * greenlet_extents: numbers that look like a chunk's head may be anybody's; a code object behind them is not.
 *
 *	chunk  [ previous │ size │ top ][ passed over, where previous is null ][ frame ··· ]
 *	                                                                             └─▷ code ─▷ type ─▷ "code"
 */
#include "inspector/ledger/greenlet_extents.h"

#include "base/cleanup.h"
#include "inspector/python/stack_heads.h"

#include <string.h>

#define HEX_3_11      0x030b0000
#define HEX_3_12      0x030c0000
#define CODE_IN_3_11  32 /* where a frame names its code; later in its first word */
#define OB_TYPE       8
#define TP_NAME       24
#define REFERENCE_TAG UINT64_C(3) /* 3.14 on */

struct check {
	struct space *space;
	uint32_t version_hex;
	uint64_t code_type; /* of the last that was one; 0: none yet */
};

/* What is unreadable is zeros. */
static struct error *read_bytes(struct check *c, uint64_t at, void *buffer, size_t size)
{
	memset(buffer, 0, size);
	struct error *err = space_read(c->space, raddr_at(at), buffer, size);
	if (!error_catch(&err, ERROR_FAULT))
		return err;
	memset(buffer, 0, size);
	return NULL;
}

static struct error *is_code(struct check *c, uint64_t at, bool *ret)
{
	uint64_t type, name = 0;
	char text[8] = "";
	struct error *err = read_bytes(c, at + OB_TYPE, &type, sizeof(type));
	*ret = type && type == c->code_type;
	if (err || *ret || !type)
		return err;
	err = read_bytes(c, type + TP_NAME, &name, sizeof(name));
	if (!err && name)
		err = read_bytes(c, name, text, sizeof(text));
	*ret = !err && memcmp(text, "code", sizeof("code")) == 0;
	if (*ret)
		c->code_type = type;
	return err;
}

static struct error *check_chunk(struct check *c, const struct frames_chunk *chunk, bool *ret)
{
	uint64_t previous, code;
	struct error *err = read_bytes(c, chunk->start.value, &previous, sizeof(previous));
	uint64_t frame = chunk->start.value + FRAMES_CHUNK_HEADER + (previous ? 0 : 8);
	err = err
		      ?: read_bytes(c, frame + (c->version_hex < HEX_3_12 ? CODE_IN_3_11 : 0),
				    &code, sizeof(code));
	*ret = false;
	if (err || !code || code % 8 > REFERENCE_TAG)
		return err;
	return is_code(c, code & ~REFERENCE_TAG, ret);
}

static int compare(const void *a, const void *b)
{
	return raddr_compare(*(const raddr *)a, *(const raddr *)b);
}

/* Where the chunks of threads begin, ascending. */
static struct error *sort_starts(const struct frames *frames, raddr **ret)
{
	raddr *starts = calloc(frames->chunks.count + 1, sizeof(*starts));
	if (!starts)
		return error_out_of_memory();
	for (size_t i = 0; i < frames->chunks.count; i++)
		starts[i] = frames->chunks.items[i].start;
	qsort(starts, frames->chunks.count, sizeof(*starts), compare);
	*ret = starts;
	return NULL;
}

static struct error *add_chunk(struct check *c, const struct frames_chunk *chunk,
			       struct extents *extents)
{
	bool is = false;
	struct error *err = check_chunk(c, chunk, &is);
	if (err || !is)
		return err;
	return extents_add(extents, chunk->start, chunk->size, LEAF_PYTHON_FRAMES, "greenlets");
}

struct error *greenlet_extents(struct space *space, const struct python_build *build,
			       const struct frames *frames, struct extents *extents)
{
	_cleanup_(stack_heads_fini) struct stack_heads heads = {VEC_EMPTY};
	struct check check = {.space = space, .version_hex = build->version_hex};
	if (build->version_hex < HEX_3_11 || build->free_threaded)
		return NULL;
	struct error *err = stack_heads_find(space, &heads);
	if (err || !heads.list.count)
		return err;
	_cleanup_(free_pointer) raddr *starts = NULL;
	err = sort_starts(frames, &starts);
	for (size_t i = 0; i < heads.list.count && !err; i++) {
		const struct frames_chunk *chunk = &heads.list.items[i];
		if (!bsearch(&chunk->start, starts, frames->chunks.count, sizeof(*starts), compare))
			err = add_chunk(&check, chunk, extents);
	}
	return err;
}
