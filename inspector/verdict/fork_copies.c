/*
 * fork_copies: after a fork both share all pages, until one of them writes; a refcount is enough.
 *
 *	parent   [next prev │ refs type … ][next prev │ refs type … ]
 *	child    [next prev │ refs type … ][next prev │ refs type … ]
 *	                      ▲ differs: a small number before the same type, in both
 *	          ▲    ▲ differ: pointers, before an object in both
 *
 * A page whose only differences are such was copied for nothing: the child means the same by it. A page that is equal again was
 * copied for even less. What else differs the child has really changed, or the parent has.
 */
#include "inspector/verdict/fork_copies.h"

#include "base/cleanup.h"

#include <string.h>

#define PAGE        UINT64_C(4096)
#define PAGE_WORDS  (PAGE / 8)
#define CHUNK_PAGES 16
#define CHUNK       (CHUNK_PAGES * PAGE)

/* ---- one page ----------------------------------------------------------------------------------------- */

struct pair {
	const uint64_t *mine, *its;
	size_t n;
	const struct fork_copies_request *request;
};

static bool is_pointer(const struct pair *p, uint64_t word)
{
	return word && word % 8 == 0 && space_region(p->request->child, raddr_at(word));
}

/* The collector keeps flags in the low bits; 0: an object it does not track. */
static bool is_link(const struct pair *p, uint64_t word)
{
	return word == 0 || is_pointer(p, word & ~UINT64_C(7));
}

/* Neither an address nor a large number; from 3.14 on flags stand in the highest bits, and stay. */
static bool is_count(const struct pair *p, size_t i)
{
	const uint64_t middle = UINT64_C(0xffff00000000);
	uint64_t mine = p->mine[i], its = p->its[i];
	return !((mine | its) & middle) && mine >> 48 == its >> 48 &&
	       !(is_pointer(p, mine) && is_pointer(p, its));
}

/* Whether an object begins at word i, in both. */
static bool is_object(const struct pair *p, size_t i)
{
	size_t type = i + p->request->ob_type / 8;
	return type < p->n && p->mine[type] == p->its[type] && is_pointer(p, p->mine[type]) &&
	       (p->request->ob_type > 8 || is_count(p, i));
}

static bool is_refcount(const struct pair *p, size_t i)
{
	size_t head = p->request->ob_type / 8; /* words before the type, counts all */
	for (size_t k = 0; k < head && k <= i; k++) {
		if (is_object(p, i - k))
			return true;
	}
	return false;
}

/* One of the two links in front of an object; of the larger heads up to 3.7 the third word counts. */
static bool is_gc_word(const struct pair *p, size_t i)
{
	size_t size = p->request->gc_size / 8;
	for (size_t k = 0; k < size && k < 3; k++) {
		if (!is_object(p, i + size - k))
			continue;
		return k == 2 || (is_link(p, p->mine[i]) && is_link(p, p->its[i]));
	}
	return false;
}

enum page_change fork_copies_page(const uint64_t *mine, const uint64_t *its, size_t n,
				  size_t n_known, const struct fork_copies_request *request)
{
	const struct pair pair = {mine, its, n_known, request};
	enum page_change change = PAGE_IDENTICAL;
	for (size_t i = 0; i < n; i++) {
		if (mine[i] == its[i])
			continue;
		if (is_refcount(&pair, i))
			change = change == PAGE_IDENTICAL ? PAGE_REFCOUNTS : change;
		else if (is_gc_word(&pair, i))
			change = PAGE_GC_LINKS;
		else
			return PAGE_CHANGED;
	}
	return change;
}

/* ---- a stretch of pages ------------------------------------------------------------------------------- */

struct comparison {
	const struct fork_copies_request *request;
	uint64_t *mine, *its; /* CHUNK bytes each */
	uint64_t pages[PAGE_CHANGED + 1];
	uint64_t seen, taken; /* stretches that could be compared, and that were */
	uint64_t every;       /* one in so many is */
};

static struct error *read_pages(struct space *space, raddr at, size_t n,
				const struct residency *residency, uint64_t *bytes, uint8_t *got)
{
	struct space_slice slice = {.start = at,
				    .stride = PAGE,
				    .size = PAGE,
				    .count = n,
				    .bytes = (uint8_t *)bytes,
				    .got = got};
	return space_gather(space, &slice, 1, residency);
}

static struct error *compare_pages(struct comparison *c, raddr at, size_t n)
{
	const struct fork_copies_request *r = c->request;
	_cleanup_(residency_fini) struct residency there = RESIDENCY_EMPTY;
	uint8_t got[CHUNK_PAGES], has[CHUNK_PAGES];
	if (!n)
		return NULL;
	struct error *err = space_residency(r->parent, at, n * PAGE, &there);
	err = err ?: read_pages(r->child, at, n, r->residency, c->mine, got);
	err = err ?: read_pages(r->parent, at, n, &there, c->its, has);
	if (err)
		return err;
	for (size_t i = 0, known = 0; i < n; i++) {
		for (known = size_max(known, i);
		     known < n && got[known] == SLICE_READ && has[known] == SLICE_READ;)
			known++;
		if (known > i)
			c->pages[fork_copies_page(c->mine + i * PAGE_WORDS, c->its + i * PAGE_WORDS,
						  PAGE_WORDS, (known - i) * PAGE_WORDS, r)]++;
	}
	return NULL;
}

/* A mapping of the parent's that may hold the same pages. */
static bool is_inherited(const struct region *mine, const struct region *its)
{
	return its && !its->shared && its->writable && its->kind == mine->kind &&
	       its->inode == mine->inode && its->device == mine->device;
}

static struct error *compare_range(struct comparison *c, raddr start, uint64_t size)
{
	raddr end = raddr_plus(start, size);
	for (raddr at = start; at.value < end.value; at = raddr_plus(at, CHUNK)) {
		const struct region *mine = space_region(c->request->child, at);
		const struct region *its = space_region(c->request->parent, at);
		uint64_t left = size_min(raddr_distance(at, end), CHUNK);
		if (!mine || mine->shared || !is_inherited(mine, its))
			continue;
		left = size_min(left, raddr_distance(at, raddr_plus(its->start, its->size)));
		if (c->seen++ % c->every)
			continue;
		c->taken++;
		struct error *err = compare_pages(c, at, left / PAGE);
		/* A page may have gone meanwhile. */
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
	}
	return NULL;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static bool is_private(const struct residency_range *range)
{
	return !range->swapped && !(range->traits & (RESIDENCY_FILE | RESIDENCY_SHARED));
}

static uint64_t scaled(const struct comparison *c, uint64_t pages)
{
	return c->taken ? (uint64_t)((unsigned __int128)pages * PAGE * c->seen / c->taken) : 0;
}

static struct error *compare_all(struct comparison *c)
{
	const struct residency *residency = c->request->residency;
	uint64_t all = 0;
	for (size_t i = 0; i < residency->ranges.count; i++) {
		if (is_private(&residency->ranges.items[i]))
			all = size_add(all, residency->ranges.items[i].size);
	}
	c->every = 1 + all / size_max(c->request->max_compared, PAGE);
	for (size_t i = 0; i < residency->ranges.count; i++) {
		const struct residency_range *range = &residency->ranges.items[i];
		struct error *err =
			is_private(range) ? compare_range(c, range->start, range->size) : NULL;
		if (err)
			return err;
	}
	return NULL;
}

bool fork_copies_related(const struct space *child, const struct space *parent, raddr at)
{
	const struct region *mine = space_region(child, at), *its = space_region(parent, at);
	return mine && its && mine->kind == REGION_FILE && its->kind == REGION_FILE &&
	       raddr_equal(mine->start, its->start) && mine->inode == its->inode &&
	       mine->device == its->device;
}

struct error *fork_copies_compare(const struct fork_copies_request *request,
				  struct fork_copies *ret)
{
	struct comparison c = {.request = request, .every = 1};
	_cleanup_(free_pointer) uint64_t *mine = malloc(CHUNK);
	_cleanup_(free_pointer) uint64_t *its = malloc(CHUNK);
	if (!mine || !its)
		return error_out_of_memory();
	c.mine = mine;
	c.its = its;
	struct error *err = compare_all(&c);
	if (err && !error_catch(&err, ERROR_GONE))
		return err;
	*ret = (struct fork_copies){
		.filled = c.taken > 0,
		.parent = request->parent_pid,
		.identical = scaled(&c, c.pages[PAGE_IDENTICAL]),
		.refcounts_only = scaled(&c, c.pages[PAGE_REFCOUNTS]),
		.gc_links_only = scaled(&c, c.pages[PAGE_GC_LINKS]),
		.changed = scaled(&c, c.pages[PAGE_CHANGED]),
	};
	for (size_t i = 0; i < ARRAY_SIZE(c.pages); i++)
		ret->compared += c.pages[i] * PAGE;
	ret->private_bytes =
		ret->identical + ret->refcounts_only + ret->gc_links_only + ret->changed;
	return NULL;
}
