/*
 * mimalloc_block: from an address to the slot of its slice, and back to where the page begins.
 *
 *	segment [header][slot][slot][slot ◁┄ slice_offset ┄ slot][slot] …      at ─▷ its slice's slot
 *	                              │
 *	                              └─▷ page: [block][block][block ← at?] …
 *
 * Source: _mi_segment_page_of() in Include/internal/mimalloc/mimalloc/internal.h, 3.13 to 3.15: the offset is in bytes of the
 * table.
 */
#include "inspector/mimalloc/mimalloc_block.h"

#include "base/size.h"

/* Sizes of blocks are an eighth apart; debug builds ask for some bytes more. */
#define SPARE(size) ((size) / 4 + 32)

struct asking {
	const struct mimalloc_reader *reader;
	const struct mimalloc_shape *shape;
	raddr segment;
};

static struct error *read_slot(const struct asking *a, uint64_t slot, uint8_t *ret, bool *ret_read)
{
	raddr at = raddr_plus(a->segment, a->shape->header_size + slot * a->shape->page_size);
	return a->reader->read(a->reader->context, at, ret, a->shape->page_size, ret_read);
}

static uint64_t field(const struct asking *a, const uint8_t *slot, enum mimalloc_field field)
{
	return mimalloc_get(a->shape, field, slot, a->shape->page_size);
}

/* Whether it is a segment of small things, as all are that have no block of megabytes. */
static struct error *is_segment(const struct asking *a, bool *ret)
{
	uint8_t bytes[MIMALLOC_HEADER_MAX];
	const struct mimalloc_shape *s = a->shape;
	struct error *err =
		a->reader->read(a->reader->context, a->segment, bytes, s->header_size, ret);
	if (err || !*ret)
		return err;
	*ret = mimalloc_get(s, MIMALLOC_SEGMENT_BYTES, bytes, s->header_size) ==
		       MIMALLOC_SEGMENT_ALIGNMENT &&
	       mimalloc_get(s, MIMALLOC_SEGMENT_SLICES, bytes, s->header_size) == MIMALLOC_SLICES &&
	       mimalloc_get(s, MIMALLOC_SEGMENT_KIND, bytes, s->header_size) == 0;
	return NULL;
}

/* The slot at which the page of another slot begins, in place of that. */
static struct error *find_first(const struct asking *a, uint64_t *slot, uint8_t *bytes, bool *ret)
{
	struct error *err = read_slot(a, *slot, bytes, ret);
	if (err || !*ret)
		return err;
	uint64_t back = field(a, bytes, MIMALLOC_PAGE_SLICE_OFFSET);
	*ret = back % a->shape->page_size == 0 && back / a->shape->page_size <= *slot;
	if (!*ret || !back)
		return NULL;
	*slot -= back / a->shape->page_size;
	return read_slot(a, *slot, bytes, ret);
}

static bool begins_block(const struct asking *a, uint64_t slot, const uint8_t *bytes, raddr at,
			 uint64_t size)
{
	uint64_t block = field(a, bytes, MIMALLOC_PAGE_BLOCK_SIZE);
	uint64_t capacity = field(a, bytes, MIMALLOC_PAGE_CAPACITY);
	raddr area = raddr_plus(a->segment, slot * MIMALLOC_SLICE);
	raddr start = mimalloc_has(a->shape, MIMALLOC_PAGE_START)
			      ? raddr_at(field(a, bytes, MIMALLOC_PAGE_START))
			      : raddr_plus(area, mimalloc_start_offset(block));
	if (block < size || block > size_add(size, SPARE(size)) || at.value < start.value)
		return false;
	uint64_t inside = raddr_distance(start, at);
	return inside % block == 0 && inside / block < capacity;
}

static struct error *try_shape(const struct asking *a, raddr at, uint64_t size, bool *ret)
{
	uint8_t bytes[MIMALLOC_PAGE_MAX];
	uint64_t slot = raddr_distance(a->segment, at) / MIMALLOC_SLICE;
	struct error *err = is_segment(a, ret);
	if (!err && *ret)
		err = find_first(a, &slot, bytes, ret);
	*ret = !err && *ret && begins_block(a, slot, bytes, at, size);
	return err;
}

struct error *mimalloc_block_fits(const struct mimalloc_reader *reader, const struct layout *layout,
				  const struct mimalloc_flavour *flavour, raddr at, uint64_t size,
				  bool *ret)
{
	struct mimalloc_shape shapes[MIMALLOC_SHAPES_MAX];
	size_t n = mimalloc_shapes(layout, flavour, shapes);
	bool fits = false;
	for (size_t i = 0; i < n && !fits; i++) {
		const struct asking asking = {reader, &shapes[i],
					      raddr_align_down(at, MIMALLOC_SEGMENT_ALIGNMENT)};
		struct error *err = try_shape(&asking, at, size, &fits);
		if (err)
			return err;
	}
	*ret = fits;
	return NULL;
}
