/*
 * pymalloc_blocks: one pool's blocks, told apart.
 *
 *	header  │ used │ free ─┐│ used │ free ◀┘│ used │ virgin │ virgin │ loss
 *	freeblock ──────▶      └────────────▶   ── NULL ▲ nextoffset
 *
 * A block below nextoffset is free when the chain leads to it, else in use. The
 * chain lies in the blocks themselves, so whatever a program wrote past its end
 * may stand there: it is followed only inside the pool, each block once.
 */
#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/heap/pymalloc_copy.h"
#include "inspector/heap/pymalloc_shape.h"

#include <string.h>

#define POOL_MAX (1 * MIB)

/* The start of the carved pool that holds `address`. */
static struct error *find_pool(const struct pymalloc *p, raddr address, raddr *ret)
{
	const struct pymalloc_arena *a = pymalloc_find_arena(p, address);
	uint64_t pool = 0;
	if (a && p->pool_size)
		pool = raddr_distance(a->first_pool, address) / p->pool_size;
	if (!a || address.value < a->first_pool.value || pool >= a->n_carved)
		return error_new(ERROR_FAULT, RADDR_FORMAT " lies in no pool", address.value);
	*ret = pymalloc_pool_address(p, a, (uint32_t)pool);
	return NULL;
}

static struct error *check_header(const struct pymalloc *p, const struct pymalloc_header *h,
				  raddr pool)
{
	uint64_t block = ((uint64_t)h->szidx + 1) * p->alignment;
	if (h->szidx >= p->n_classes || h->nextoffset < p->pool_overhead ||
	    h->nextoffset > p->pool_size || h->maxnextoffset != p->pool_size - block)
		return error_new(ERROR_FAULT, "no pool in use at " RADDR_FORMAT, pool.value);
	return NULL;
}

/* Marks the free blocks; false where the chain leaves the carved blocks or comes round. */
static bool follow_chain(struct bytes *contents, raddr pool, uint64_t overhead,
			 const struct pymalloc_header *h, uint32_t n_carved,
			 struct pymalloc_blocks *blocks)
{
	raddr first = raddr_plus(pool, overhead);
	raddr at = h->freeblock;
	while (!raddr_is_null(at)) {
		uint64_t offset = raddr_distance(first, at);
		uint64_t i = offset / blocks->block_size;
		if (at.value < first.value || offset % blocks->block_size != 0 || i >= n_carved ||
		    blocks->states[i] == BLOCK_FREE)
			return false;
		blocks->states[i] = BLOCK_FREE;
		at = bytes_raddr(contents, (size_t)(overhead + offset));
	}
	return true;
}

static void count_blocks(struct pymalloc_blocks *blocks)
{
	for (uint32_t i = 0; i < blocks->n_blocks; i++) {
		blocks->n_used += blocks->states[i] == BLOCK_USED;
		blocks->n_free += blocks->states[i] == BLOCK_FREE;
		blocks->n_virgin += blocks->states[i] == BLOCK_VIRGIN;
	}
}

static struct error *tell_apart(const struct pymalloc *p, raddr pool, struct bytes *contents,
				const struct pymalloc_header *h, struct pymalloc_blocks *ret)
{
	struct pymalloc_blocks blocks = {.pool = pool};
	blocks.block_size = (h->szidx + 1) * p->alignment;
	blocks.n_blocks = (uint32_t)((p->pool_size - p->pool_overhead) / blocks.block_size);
	blocks.states = calloc((size_t)blocks.n_blocks + 1, 1);
	if (!blocks.states)
		return error_out_of_memory();
	uint64_t carved_bytes = h->nextoffset - p->pool_overhead;
	uint32_t n_carved = (uint32_t)size_min(carved_bytes / blocks.block_size, blocks.n_blocks);
	memset(blocks.states, BLOCK_VIRGIN, blocks.n_blocks);
	memset(blocks.states, BLOCK_USED, n_carved);
	bool whole = follow_chain(contents, pool, p->pool_overhead, h, n_carved, &blocks);
	count_blocks(&blocks);
	blocks.agrees = whole && carved_bytes % blocks.block_size == 0 && blocks.n_used == h->count;
	*ret = blocks;
	return NULL;
}

struct error *pymalloc_blocks_read(struct space *space, const struct layout *layout,
				   const struct pymalloc *pymalloc, raddr address,
				   struct pymalloc_blocks *ret)
{
	struct pymalloc_shape shape;
	raddr pool;
	struct error *err = pymalloc_shape_init(layout, &shape);
	if (!err)
		err = find_pool(pymalloc, address, &pool);
	if (err)
		return err;
	size_t size = (size_t)pymalloc->pool_size;
	if (size > POOL_MAX || size < shape.header_size || size < pymalloc->pool_overhead)
		return error_new(ERROR_BUG, "a pool of %zu bytes", size);
	_cleanup_(free_pointer) uint8_t *contents = malloc(size);
	if (!contents)
		return error_out_of_memory();
	err = space_read(space, pool, contents, size);
	if (err)
		return err;
	struct pymalloc_header header = pymalloc_shape_header(&shape, contents);
	err = check_header(pymalloc, &header, pool);
	if (err)
		return err;
	struct bytes bytes = bytes_of(contents, size);
	return tell_apart(pymalloc, pool, &bytes, &header, ret);
}
