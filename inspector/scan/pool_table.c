/*
 * pool_table: self-reference is the mark.
 *
 *	A-16 ┌ ref ┬ freeblock ┐   a pool that is not there: its links are
 *	A    │ next = A-16     │   the pair at A. An empty list points to itself,
 *	A+8  │ prev = A-16     │   16 times 2 or 4 in a row, which is no accident;
 *	     └─────────────────┘   another leads to a pool whose prevpool is A-16
 *
 * A run of such pairs, as many as there are size classes and no more, in which the pools at
 * place i are of class i, and whose pools agree on one size and one alignment.
 */
#include "inspector/scan/pool_table.h"

#include "base/cleanup.h"

#define CLASSES_FEW  32
#define CLASSES_MANY 64
#define PAIR         UINT64_C(16)
#define PAGE         UINT64_C(4096)
#define RUN_MAX      256 /* pairs: longer is none of it */
#define TRIES        4   /* a list may change between two looks */

struct search {
	struct space *space;
	const struct pymalloc_shape *shape;
	struct pool_tables *found;
};

enum pair_kind {
	PAIR_NONE,
	PAIR_CLOSED,
	PAIR_OPEN,
	PAIR_UNSEEN, /* its pools cannot be read */
	PAIR_DENIED, /* its pools do not name it */
};

struct pair {
	enum pair_kind kind;
	struct pool_head next, prev;
};

/* ---- one pair ------------------------------------------------------------------------- */

static bool is_page(uint64_t word)
{
	return word != 0 && word % PAGE == 0 && word >> 47 == 0;
}

static enum pair_kind look_of(const struct pymalloc_shape *shape, raddr at, uint64_t next,
			      uint64_t prev)
{
	uint64_t head = at.value - shape->pool.next;
	if (next == head && prev == head)
		return PAIR_CLOSED;
	/* One word may be set already and the other not yet: then its pools will deny it. */
	bool links = (is_page(next) || next == head) && (is_page(prev) || prev == head);
	return links ? PAIR_OPEN : PAIR_NONE;
}

/* The header at `at`; *ret_seen false where it cannot be read. */
static struct error *read_head(const struct search *s, raddr at, bool *ret_seen,
			       struct pymalloc_header *ret)
{
	uint8_t bytes[PYMALLOC_STRUCT_MAX];
	struct error *err = space_read(s->space, at, bytes, s->shape->header_size);
	*ret_seen = !err;
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	*ret = pymalloc_shape_header(s->shape, bytes);
	return NULL;
}

static struct pool_head head_of(raddr at, const struct pymalloc_header *h)
{
	return (struct pool_head){at, h->arenaindex, h->szidx, h->maxnextoffset};
}

/* Asks the pools that an open pair names, once. */
static struct error *ask_pools(const struct search *s, raddr at, const uint64_t word[2],
			       struct pair *ret)
{
	struct pymalloc_header next, prev;
	raddr head = raddr_minus(at, s->shape->pool.next);
	bool seen;
	*ret = (struct pair){.kind = PAIR_UNSEEN};
	struct error *err = read_head(s, raddr_at(word[0]), &seen, &next);
	if (err || !seen)
		return err;
	err = read_head(s, raddr_at(word[1]), &seen, &prev);
	if (err || !seen)
		return err;
	bool mutual = raddr_equal(next.prev, head) && raddr_equal(prev.next, head);
	bool alike = next.szidx == prev.szidx && next.maxnextoffset == prev.maxnextoffset;
	*ret = (struct pair){
		.kind = mutual && alike && next.count && prev.count ? PAIR_OPEN : PAIR_DENIED,
		.next = head_of(raddr_at(word[0]), &next),
		.prev = head_of(raddr_at(word[1]), &prev),
	};
	return NULL;
}

/* The pair as it is now, asked again where it changes under the look. */
static struct error *read_pair(const struct search *s, raddr at, struct pair *ret)
{
	*ret = (struct pair){.kind = PAIR_NONE};
	for (int i = 0; i < TRIES && (ret->kind == PAIR_NONE || ret->kind == PAIR_DENIED); i++) {
		uint64_t word[2];
		struct error *err = space_read(s->space, at, word, sizeof(word));
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		ret->kind = look_of(s->shape, at, word[0], word[1]);
		if (ret->kind == PAIR_OPEN)
			err = ask_pools(s, at, word, ret);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- a run of pairs --------------------------------------------------------------------- */

static void add_head(struct pool_table *table, const struct pool_head *head)
{
	table->heads[table->n_heads++] = *head;
}

/* The one pool size and alignment that all heads show; false: they contradict each other. */
static bool agree_on_sizes(struct pool_table *table)
{
	unsigned fits = 0;
	for (uint64_t size = 4 * KIB; size <= 64 * KIB; size *= 2) {
		for (uint64_t alignment = 8; alignment <= 16; alignment *= 2) {
			bool all = true;
			for (uint32_t i = 0; i < table->n_heads && all; i++)
				all = table->heads[i].at.value % size == 0 &&
				      table->heads[i].maxnextoffset ==
					      size - (table->heads[i].szidx + 1) * alignment;
			if (!all)
				continue;
			fits++;
			table->pool_size = size;
			table->alignment = alignment;
		}
	}
	return fits == 1;
}

/* Whether n pairs, all of them heads, are a table. One may be caught in the middle of a change, for as
 * long as its thread waits for a processor; `most` of them unseen, too many prove nothing. */
static bool make_table(raddr at, const struct pair *pairs, uint32_t n, uint32_t most,
		       struct pool_table *ret)
{
	struct pool_table table = {.at = at, .n_classes = n};
	uint32_t n_denied = 0;
	if (n != CLASSES_FEW && n != CLASSES_MANY)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		table.n_unseen += pairs[i].kind == PAIR_UNSEEN;
		n_denied += pairs[i].kind == PAIR_DENIED;
		if (pairs[i].kind != PAIR_OPEN)
			continue;
		if (pairs[i].next.szidx != i)
			return false;
		add_head(&table, &pairs[i].next);
		add_head(&table, &pairs[i].prev);
	}
	if (table.n_unseen > most || n_denied > 1 || (n_denied && !table.n_heads) ||
	    (table.n_heads && !agree_on_sizes(&table)))
		return false;
	*ret = table;
	return true;
}

/* A run that looks like heads, as copied: its pools are asked, and it is cut where they deny. */
static struct error *examine_run(const struct search *s, raddr at, uint32_t n)
{
	struct pair pairs[RUN_MAX];
	bool any = false;
	for (uint32_t i = 0; i < n; i++) {
		struct error *err = read_pair(s, raddr_plus(at, i * PAIR), &pairs[i]);
		if (err)
			return err;
	}
	for (uint32_t i = 0, start = 0; i <= n; i++) {
		if (i < n && pairs[i].kind != PAIR_NONE)
			continue;
		struct pool_table table;
		if (make_table(raddr_plus(at, start * PAIR), &pairs[start], i - start,
			       (i - start) / 2, &table)) {
			if (s->found->n_found++ == 0)
				s->found->first = table;
			any = true;
		}
		start = i + 1;
	}
	if (!any && s->found->n_refused++ == 0)
		s->found->refused = at;
	return NULL;
}

/* Every run of pairs at one of the two phases of the segment. */
static struct error *search_phase(const struct search *s, const struct data_segment *segment,
				  uint64_t phase)
{
	uint64_t run = 0;
	for (uint64_t offset = phase;; offset += PAIR) {
		bool inside = segment->size >= PAIR && offset <= segment->size - PAIR;
		raddr at = raddr_plus(segment->start, offset);
		if (inside && look_of(s->shape, at, data_segment_word(segment, offset),
				      data_segment_word(segment, offset + 8)) != PAIR_NONE) {
			run++;
			continue;
		}
		if (run >= CLASSES_FEW && run <= RUN_MAX) {
			struct error *err =
				examine_run(s, raddr_minus(at, run * PAIR), (uint32_t)run);
			if (err)
				return err;
		}
		if (!inside)
			return NULL;
		run = 0;
	}
}

struct error *pool_table_find(struct space *space, const struct pymalloc_shape *shape,
			      const struct data_segments *data, struct pool_tables *ret)
{
	struct pool_tables found = {0};
	const struct search s = {space, shape, &found};
	for (size_t i = 0; i < data->count; i++) {
		for (uint64_t phase = 0; phase < PAIR; phase += 8) {
			struct error *err = search_phase(&s, &data->items[i], phase);
			if (err)
				return err;
		}
	}
	*ret = found;
	return NULL;
}

/* Where nobody says how many there are, makes no table of more pairs than there can be classes: what
 * follows one is none, so that CLASSES_MANY + 1 of them are too many. */
struct error *pool_table_read(struct space *space, const struct pymalloc_shape *shape, raddr at,
			      uint32_t n_classes, bool *ret_found, struct pool_table *ret)
{
	struct pool_tables found = {0};
	const struct search s = {space, shape, &found};
	struct pair pairs[CLASSES_MANY + 1];
	uint32_t n = 0, end = n_classes ? n_classes : CLASSES_MANY + 1;
	*ret_found = false;
	for (; n < end && n < ARRAY_SIZE(pairs); n++) {
		struct error *err = read_pair(&s, raddr_plus(at, n * PAIR), &pairs[n]);
		if (err)
			return err;
		if (pairs[n].kind == PAIR_NONE)
			break;
	}
	*ret = (struct pool_table){.at = at};
	for (uint32_t i = 0; i < n; i++)
		ret->n_unseen += pairs[i].kind == PAIR_UNSEEN;
	*ret_found = (!n_classes || n == n_classes) &&
		     make_table(at, pairs, n, n_classes ? n : n / 2, ret);
	return NULL;
}
