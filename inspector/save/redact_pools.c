/*
 * redact_pools: only a pool that was carved has a header, and that tells how large its blocks are.
 *
 *	arena   ┆ pool [header][block][block] … ┆ pool [header] nothing in use ┆ never carved
 *	         kept          a cell each               words                 words
 */
#include "inspector/save/redact_pools.h"

struct error *redact_pools_init(const struct layout *layout,
				const struct pymalloc_saved_arenas *arenas,
				struct redact_pools *ret)
{
	*ret = (struct redact_pools){.arenas = arenas,
				     .pool_size = pymalloc_saved_pool_size(arenas)};
	return ret->pool_size ? pymalloc_shape_init(layout, &ret->shape) : NULL;
}

const struct pymalloc_saved_arena *redact_pools_above(const struct redact_pools *p, uint64_t at)
{
	size_t i = p->pool_size ? pymalloc_saved_above(p->arenas, raddr_at(at)) : SIZE_MAX;
	return i < p->arenas->list.count ? &p->arenas->list.items[i] : NULL;
}

static void blank_blocks(const struct redact_pools *p, struct redact_window *w, uint64_t pool,
			 const struct pymalloc_header *h)
{
	uint64_t end = pool + p->pool_size;
	uint64_t block =
		(uint64_t)h->maxnextoffset < p->pool_size ? p->pool_size - h->maxnextoffset : 0;
	uint64_t first = pool + size_align_up(p->shape.header_size, 16);
	if (block < 8 || block > 1024 || block % 8 != 0) {
		redact_window_keep_words(w, pool + p->shape.header_size, end);
		return;
	}
	for (uint64_t at = first; at < end; at = w->cell_end) {
		redact_window_begin_cell(w, at, size_min(at + block, end), end);
		redact_window_apply(w, at, w->cell_end);
	}
}

static void blank_pool(const struct redact_pools *p, struct redact_window *w, uint64_t pool)
{
	const uint8_t *bytes = w->in + (pool - w->base);
	struct pymalloc_header h = pymalloc_shape_header(&p->shape, bytes);
	redact_window_keep(w, pool, pool + p->shape.header_size);
	if (h.count == 0)
		redact_window_keep_words(w, pool + p->shape.header_size, pool + p->pool_size);
	else
		blank_blocks(p, w, pool, &h);
}

void redact_pools_blank(const struct redact_pools *p, struct redact_window *w,
			const struct pymalloc_saved_arena *a, uint64_t from, uint64_t to)
{
	uint64_t pool = size_align_up(from, p->pool_size);
	uint64_t carved = size_align_up(a->start.value, p->pool_size) + a->n_pools * p->pool_size;
	redact_window_keep_words(w, from, size_min(pool, to));
	for (; pool < to; pool += p->pool_size) {
		uint64_t end = pool + p->pool_size;
		if (end <= to && end <= carved)
			blank_pool(p, w, pool);
		else
			redact_window_keep_words(w, pool, size_min(end, to));
	}
}
