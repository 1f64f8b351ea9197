/*
 * plot_malloc: chunks in use, as the walk over the burst meets them.
 *
 *	arenas   [main: ▒▒▒▒▒][heap of a thread's: ▒▒▒▒][▒▒▒ main goes on][▒ other]      each upwards, all in no order
 *	mapped   chunks with mappings of their own lie between them, wherever
 *	chunks   pieces that ascend, put in order as wholes; one by one where a piece lies in another
 */
#include "inspector/census/plotting/plot_build.h"

#include "base/cleanup.h"
#include "inspector/look/look.h"
#include "inspector/malloc/malloc_chunks.h"

struct hearing {
	struct plot *plot;
	size_t n_before; /* chunks of arenas before this one */
};

static void begin(void *context, bool again)
{
	struct hearing *h = context;
	if (again)
		h->plot->chunks.count = h->n_before;
	h->n_before = h->plot->chunks.count;
}

static bool hear(void *context, uint64_t at, uint64_t size, bool in_use)
{
	struct hearing *h = context;
	if (!in_use || size < MALLOC_CHUNK_LOSS)
		return true;
	struct plot_chunk *chunk = vec_push(&h->plot->chunks);
	if (chunk)
		*chunk = (struct plot_chunk){at + MALLOC_CHUNK_HEAD, size - MALLOC_CHUNK_LOSS};
	return chunk;
}

/* ---- order ------------------------------------------------------------------------------ */

struct piece {
	uint64_t start;      /* of its first chunk */
	size_t first, count; /* in chunks */
};

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

struct pieces {
	VEC(struct piece) list;
};

static void pieces_fini(struct pieces *pieces)
{
	vec_fini(&pieces->list);
}

static struct error *find_pieces(const struct plot *p, struct pieces *ret)
{
	for (size_t i = 0; i < p->chunks.count; i++) {
		const struct plot_chunk *c = &p->chunks.items[i];
		if (i == 0 || c->start < c[-1].start) {
			struct piece *one = vec_push(&ret->list);
			if (!one)
				return error_out_of_memory();
			*one = (struct piece){.start = c->start, .first = i};
		}
		ret->list.items[ret->list.count - 1].count++;
	}
	return NULL;
}

static int compare_chunks(const void *a, const void *b)
{
	const struct plot_chunk *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* Whether a piece ends before the next begins, in order of their starts. */
static bool are_apart(const struct plot *p, const struct pieces *pieces)
{
	for (size_t i = 1; i < pieces->list.count; i++) {
		const struct piece *before = &pieces->list.items[i - 1];
		const struct plot_chunk *last = &p->chunks.items[before->first + before->count - 1];
		if (last->start >= pieces->list.items[i].start)
			return false;
	}
	return true;
}

static struct error *put_in_order(struct plot *p)
{
	_cleanup_(pieces_fini) struct pieces pieces = {VEC_EMPTY};
	struct error *err = find_pieces(p, &pieces);
	if (err || pieces.list.count < 2)
		return err;
	qsort(pieces.list.items, pieces.list.count, sizeof(*pieces.list.items), compare_pieces);
	if (!are_apart(p, &pieces)) {
		qsort(p->chunks.items, p->chunks.count, sizeof(*p->chunks.items), compare_chunks);
		return NULL;
	}
	struct plot_chunk *sorted = malloc(p->chunks.count * sizeof(*sorted));
	if (!sorted)
		return error_out_of_memory();
	size_t n = 0;
	for (size_t i = 0; i < pieces.list.count; i++) {
		const struct piece *one = &pieces.list.items[i];
		memcpy(&sorted[n], &p->chunks.items[one->first], one->count * sizeof(*sorted));
		n += one->count;
	}
	free(p->chunks.items);
	p->chunks.items = sorted;
	p->chunks.room = n;
	return NULL;
}

/* Whether all of a chunk is mapped, asked upwards: *near is the first region that may hold it. */
static bool is_mapped(const struct space *space, const struct plot_chunk *c, size_t *near)
{
	size_t i = *near, n = space->regions.count;
	const struct region *regions = space->regions.items;
	while (i < n && c->start - regions[i].start.value >= regions[i].size &&
	       regions[i].start.value <= c->start)
		i++;
	*near = i;
	if (i == n || regions[i].start.value > c->start)
		return false;
	uint64_t end = regions[i].start.value + regions[i].size;
	while (end < c->start + c->size && ++i < n && regions[i].start.value == end)
		end += regions[i].size;
	return end >= c->start + c->size;
}

/* Chunks share no memory and are mapped; of a heap that is damaged, or was copied while it grew, some may not be so. */
static void drop_impossible(struct plot *p, const struct space *space)
{
	size_t n = 0, near = 0;
	uint64_t above = 0;
	for (size_t i = 0; i < p->chunks.count; i++) {
		struct plot_chunk c = p->chunks.items[i];
		if (c.start < above || c.size == 0 || c.size > UINT64_MAX - c.start ||
		    !is_mapped(space, &c, &near))
			continue;
		above = c.start + c.size;
		p->chunks.items[n++] = c;
	}
	p->chunks.count = n;
}

/* ---- the door --------------------------------------------------------------------------- */

struct error *plot_malloc_chunks(struct plot_build *b)
{
	const struct malloc_look *look = b->request->look->malloc;
	struct hearing hearing = {.plot = &b->plot};
	const struct glibc_listener listener = {begin, hear, &hearing};
	bool whole = true;
	if (!look)
		return NULL;
	struct space space = burst_space(b->burst);
	struct error *err = malloc_chunks_tell(look, &space, &listener, &whole);
	err = err ?: put_in_order(&b->plot);
	if (err)
		return err;
	drop_impossible(&b->plot, &space);
	b->plot.n_damaged += !whole;
	return NULL;
}
