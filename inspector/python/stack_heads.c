/*
 * stack_heads: the kernel joins chunks with arenas and whatever else was mapped beside them, so that only the first words of
 * each page tell.
 *
 *	mapping   [ arena ][ chunk │ chunk │ ··· │ chunk ][ arena ]
 *	           page  page  ▲ previous, size, top
 */
#include "inspector/python/stack_heads.h"

#include "base/bytes.h"

#include <string.h>

#define PAGE  UINT64_C(4096)
#define PAGES 512
#define CHUNK_MOST \
	MIB /* one that is larger is of a thread that calls deeper than any greenlet does */
#define LOOKED_AT (8 * GIB) /* of all mappings */

static struct error *add(struct stack_heads *heads, raddr start, uint64_t size)
{
	struct frames_chunk *chunk = vec_push(&heads->list);
	if (!chunk)
		return error_out_of_memory();
	*chunk = (struct frames_chunk){.start = start, .size = size, .used_end = start};
	return NULL;
}

/* greenlet's module: _greenlet.cpython-311-x86_64-linux-gnu.so, _greenlet.so. */
static bool has_greenlets(const struct space *space)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		if (r->kind == REGION_FILE && r->label && strstr(r->label, "/_greenlet."))
			return true;
	}
	return false;
}

static bool may_begin(const uint8_t *head, raddr at, uint64_t room, uint64_t *ret_size)
{
	struct bytes b = bytes_of(head, FRAMES_CHUNK_HEADER);
	uint64_t size = bytes_u64(&b, 8);
	if (size > room || size > CHUNK_MOST || bytes_u64(&b, 0) % 8 != 0 ||
	    bytes_u64(&b, 16) > size / 8)
		return false;
	raddr end = raddr_plus(at, size);
	*ret_size = size;
	return frames_stack_possible(&(struct frames_stack){at, end, end});
}

static struct error *add_pages(struct space *space, raddr at, size_t n, raddr end,
			       const struct residency *residency, struct stack_heads *ret)
{
	uint8_t heads[PAGES * FRAMES_CHUNK_HEADER], got[PAGES] = {SLICE_UNREADABLE};
	struct space_slice slice = {.start = at,
				    .stride = PAGE,
				    .size = FRAMES_CHUNK_HEADER,
				    .count = n,
				    .bytes = heads,
				    .got = got};
	struct error *err = space_gather(space, &slice, 1, residency);
	for (size_t i = 0; i < n && !err; i++) {
		raddr page = raddr_plus(at, i * PAGE);
		uint64_t size;
		if (got[i] == SLICE_READ && may_begin(heads + i * FRAMES_CHUNK_HEADER, page,
						      raddr_distance(page, end), &size))
			err = add(ret, page, size);
	}
	return err;
}

/* Only pages that are present, where that can be told. */
static struct error *add_mapping(struct space *space, const struct region *r,
				 struct residency *present, struct stack_heads *ret)
{
	bool tells = space_has_residency(space);
	raddr end = raddr_plus(r->start, r->size);
	struct error *err = NULL;
	for (uint64_t done = 0; done < r->size && !err; done += PAGES * PAGE) {
		uint64_t some = size_min(r->size - done, PAGES * PAGE);
		raddr at = raddr_plus(r->start, done);
		residency_clear(present);
		if (tells)
			err = space_residency(space, at, some, present);
		if (error_catch(&err, ERROR_FAULT))
			return NULL;
		err = err
			      ?: add_pages(space, at, (size_t)(some / PAGE), end,
					   tells ? present : NULL, ret);
	}
	return err;
}

struct error *stack_heads_find(struct space *space, struct stack_heads *ret)
{
	struct residency present = RESIDENCY_EMPTY;
	struct error *err = NULL;
	uint64_t left = has_greenlets(space) ? LOOKED_AT : 0;
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		const struct region *r = &space->regions.items[i];
		if (r->kind != REGION_ANON || !r->readable || !r->writable || r->shared ||
		    r->size > left)
			continue;
		left -= r->size;
		err = add_mapping(space, r, &present, ret);
	}
	residency_fini(&present);
	return err;
}

void stack_heads_fini(struct stack_heads *heads)
{
	vec_fini(&heads->list);
}
