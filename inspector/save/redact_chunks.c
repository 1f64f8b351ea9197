/*
 * redact_chunks: from size to size, as malloc itself goes.
 *
 *	heap    [size │ cell … ][size │ cell … ] …        sizes kept; where the chain breaks, words
 *	mapped  [0, size │ cell …                 ]       begins with a page, and is whole pages
 */
#include "inspector/save/redact_chunks.h"

#include "base/cleanup.h"

#define CHUNK_HEADER  16
#define CHUNK_MIN     32
#define CHUNK_MMAPPED 2
#define CHUNK_THREAD  4
#define ARENA_STATE   2208 /* the largest malloc_state, glibc 2.26 to 2.43 */
#define HEAP_INFO     48

/* Where the size of the first chunk stands, when a heap begins at `at`; 0: not known. */
static uint64_t first_chunk(const struct redact_window *w, const struct ground_range *g,
			    uint64_t at)
{
	if (g->ground == GROUND_BRK)
		return size_align_up(at, 16) + 8;
	uint64_t arena = redact_window_word(w, at),
		 header = redact_window_word(w, at + 32) == 4096 ? 48 : 32;
	redact_window_keep(w, at, at + HEAP_INFO);
	if (arena < at + 32 || arena > at + HEAP_INFO)
		return at + header + 8; /* a later heap of its arena */
	redact_window_keep(w, at, arena + ARENA_STATE);
	static const uint64_t states[] = {2200, 2112, 2192};
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		uint64_t size_at = size_align_up(arena + states[i], 16) + 8;
		uint64_t size = redact_window_word(w, size_at);
		if ((size & (CHUNK_MMAPPED | 1)) == 1 && (size & ~UINT64_C(7)) >= CHUNK_MIN)
			return size_at;
	}
	return 0;
}

/*
 * The chunk whose size stands at `at`: that is kept, and the cell reaches from there to the next one's
 * size. Its last word belongs to it while it is in use; of a free chunk it is the size once more.
 */
static bool begin_chunk(struct redact_chunks *c, struct redact_window *w,
			const struct ground_range *g, uint64_t at, uint64_t to)
{
	uint64_t word = redact_window_word(w, at), size = word & ~UINT64_C(15);
	/* A free chunk of a thread's heap does not say whose it is. */
	uint64_t odd = g->ground == GROUND_HEAP ? 14 & ~(uint64_t)CHUNK_THREAD : 14;
	c->size_at = 0;
	if ((word & odd) != 0 || size < CHUNK_MIN || size > g->end - (at - 8))
		return false;
	redact_window_keep(w, at, at + 8);
	if (!(word & 1) && redact_window_word(w, at - 8) == c->last_size)
		redact_window_keep(w, at - 8, at);
	redact_window_begin_cell(w, at + 8, size_min(at + size, g->end), to);
	c->last_size = size;
	c->size_at = at + size < g->end ? at + size : 0;
	return true;
}

uint64_t redact_chunks_step(struct redact_chunks *c, struct redact_window *w,
			    const struct ground_range *g, uint64_t at, uint64_t to)
{
	if (at == g->start) {
		c->size_at = first_chunk(w, g, at);
		c->last_size = 0;
	}
	if (c->size_at == at && begin_chunk(c, w, g, at, to))
		return at + 8;
	uint64_t next = c->size_at > at ? size_min(c->size_at, to) : to;
	if (at != g->start || g->ground == GROUND_BRK) /* else its header was kept */
		redact_window_keep_words(w, at, next);
	return next;
}

/* A block that malloc mapped by itself: its header at a page's start tells of whole pages. From
 * 2.43 on it stores what lies before it, and 16 bytes follow it. */
static bool is_mapped_chunk(const struct redact_window *w, uint64_t at, uint64_t limit,
			    uint64_t *ret_size)
{
	uint64_t before = redact_window_word(w, at), size = redact_window_word(w, at + 8);
	if ((size & 7) != CHUNK_MMAPPED)
		return false;
	size &= ~UINT64_C(7);
	if (before >> 1 != 0 || size < 4096 - 16 || size > limit - at)
		return false;
	*ret_size = size % 4096 == 0 ? size : size + 16;
	return *ret_size % 4096 == 0 && *ret_size <= limit - at;
}

bool redact_chunks_begin_mapped(struct redact_window *w, uint64_t at, uint64_t limit, uint64_t to,
				uint64_t *ret_next)
{
	uint64_t size;
	if (!is_mapped_chunk(w, at, limit, &size))
		return false;
	redact_window_keep(w, at, at + CHUNK_HEADER);
	redact_window_begin_cell(w, at + CHUNK_HEADER, at + size, to);
	*ret_next = at + CHUNK_HEADER;
	return true;
}
