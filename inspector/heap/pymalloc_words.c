/*
 * pymalloc_words: a dozen variables, up to 3.11 scattered over a data segment, from
 * 3.12 side by side in one state. Each becomes one piece of one gather.
 */
#include "inspector/heap/pymalloc_words.h"

#include "inspector/heap/pymalloc_map.h"

#include <string.h>

/* The words, usedpools and nfp2lasta. */
#define PIECES_MAX (WORD_COUNT + 2)

struct pieces {
	struct space_slice slices[PIECES_MAX];
	uint8_t got[PIECES_MAX];
	size_t n;
};

/* A variable that this build has not is no piece: its index is then PIECES_MAX. */
static size_t add_piece(struct pieces *p, raddr at, size_t size, void *to)
{
	if (raddr_is_null(at) || size == 0)
		return PIECES_MAX;
	p->slices[p->n] = (struct space_slice){
		.start = at,
		.stride = size,
		.size = size,
		.count = 1,
		.bytes = to,
		.got = &p->got[p->n],
	};
	return p->n++;
}

static struct error *read_one_by_one(struct space *space, struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct space_slice *s = &p->slices[i];
		struct error *err = space_read(space, s->start, s->bytes, s->size);
		p->got[i] = err ? SLICE_UNREADABLE : SLICE_READ;
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
	}
	return NULL;
}

static size_t bounded(uint64_t n, size_t max)
{
	return n <= max ? (size_t)n : max;
}

/* Where there is a radix tree, and nothing says how large it is: it is counted. */
static struct error *count_map(struct space *space, const struct pymalloc_roots *roots,
			       struct pymalloc_words *ret)
{
	bool counted = ret->got[WORD_MAP_MIDS] && ret->got[WORD_MAP_BOTS];
	bool known = false;
	if (raddr_is_null(roots->arena_map_root) || counted || !roots->arena_map_node_size)
		return NULL;
	struct error *err =
		pymalloc_map_count(space, roots->arena_map_root, roots->arena_map_node_size,
				   &ret->word[WORD_MAP_MIDS], &ret->word[WORD_MAP_BOTS], &known);
	ret->got[WORD_MAP_MIDS] = ret->got[WORD_MAP_BOTS] = !err && known;
	return err;
}

struct error *pymalloc_words_read(struct space *space, const struct pymalloc_roots *roots,
				  bool frozen, struct pymalloc_words *ret)
{
	const raddr at[WORD_COUNT] = {
		[WORD_ARENAS] = roots->arenas,
		[WORD_MAXARENAS] = roots->maxarenas,
		[WORD_UNUSED_ARENA_OBJECTS] = roots->unused_arena_objects,
		[WORD_USABLE_ARENAS] = roots->usable_arenas,
		[WORD_ARENAS_CURRENT] = roots->arenas_current,
		[WORD_ARENAS_TOTAL] = roots->arenas_total,
		[WORD_ARENAS_HIGHWATER] = roots->arenas_highwater,
		[WORD_RAW_ALLOCATED_BLOCKS] = roots->raw_allocated_blocks,
		[WORD_MAP_MIDS] = roots->arena_map_mid_count,
		[WORD_MAP_BOTS] = roots->arena_map_bot_count,
	};
	struct pieces p = {.n = 0};
	size_t piece[WORD_COUNT];
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < WORD_COUNT; i++) {
		bool is_int = i == WORD_MAXARENAS || i == WORD_MAP_MIDS || i == WORD_MAP_BOTS;
		piece[i] = add_piece(&p, at[i], is_int ? 4 : 8, &ret->word[i]);
	}
	size_t n_used = bounded(roots->n_usedpools, ARRAY_SIZE(ret->used)) & ~(size_t)1;
	size_t n_nfp2lasta = bounded(roots->n_nfp2lasta, ARRAY_SIZE(ret->nfp2lasta));
	size_t used = add_piece(&p, roots->usedpools, n_used * 8, ret->used);
	size_t nfp2lasta = add_piece(&p, roots->nfp2lasta, n_nfp2lasta * 8, ret->nfp2lasta);

	struct error *err =
		frozen ? space_gather(space, p.slices, p.n, NULL) : read_one_by_one(space, &p);
	if (err)
		return err;
	for (size_t i = 0; i < WORD_COUNT; i++)
		ret->got[i] = piece[i] < PIECES_MAX && p.got[piece[i]] == SLICE_READ;
	ret->got_used = used < PIECES_MAX && p.got[used] == SLICE_READ;
	ret->got_nfp2lasta = nfp2lasta < PIECES_MAX && p.got[nfp2lasta] == SLICE_READ;
	ret->n_used = (uint32_t)n_used;
	ret->n_nfp2lasta = (uint32_t)n_nfp2lasta;
	return count_map(space, roots, ret);
}

bool pymalloc_words_equal(const struct pymalloc_words *a, const struct pymalloc_words *b)
{
	return memcmp(a->word, b->word, sizeof(a->word)) == 0 &&
	       memcmp(a->used, b->used, sizeof(a->used)) == 0 &&
	       memcmp(a->nfp2lasta, b->nfp2lasta, sizeof(a->nfp2lasta)) == 0;
}

struct maybe pymalloc_words_maybe(const struct pymalloc_words *words, enum pymalloc_word which,
				  bool expected)
{
	if (words->got[which])
		return maybe_known(words->word[which]);
	return (struct maybe){.absent = !expected};
}
