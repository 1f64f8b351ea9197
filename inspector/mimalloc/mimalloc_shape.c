/*
 * mimalloc_shape: one table of places, filled from the layout or from the record.
 *
 *	page, 2.1.2   slice_count slice_offset tag capacity reserved free used size local_free [keys] thread_free heap …
 *	page, 2.2     slice_count slice_offset     capacity reserved free local_free used tag size start [keys] …
 *
 * Keys are there where free lists are encoded (debug builds); they and the QSBR node at the end, which
 * only free-threaded builds have, make up all that differs between builds of one version.
 */
#include "inspector/mimalloc/mimalloc_shape.h"

#include "base/bytes.h"
#include "base/size.h"

#define KEYS_SIZE    16
#define VERSION_3_14 0x030e0000u

struct field_row {
	enum mimalloc_struct of;
	enum layout_entry_id entry;
	bool optional;
};

static const struct field_row rows[MIMALLOC_FIELD_COUNT] = {
#define MIMALLOC_FIELD_ROW(name, of, entry, optional) {MIMALLOC_OF_##of, LAYOUT_##entry, optional},
	MIMALLOC_FIELDS(MIMALLOC_FIELD_ROW)
#undef MIMALLOC_FIELD_ROW
};

/* ---- the record ------------------------------------------------------------------------ */

/* Of a build with the GIL and without keys; key fields stand where the keys would. */
struct recorded {
	struct mimalloc_place fields[MIMALLOC_FIELD_COUNT];
	uint32_t header_size, page_size, heap_size;
	uint32_t heap_shift; /* what encoding adds to a heap from `heap_above` on */
	uint32_t heap_above;
};

static const struct recorded recorded_2_1 = {
	.fields =
		{
			[MIMALLOC_SEGMENT_BYTES] = {32, 8},
			[MIMALLOC_SEGMENT_ABANDONED_NEXT] = {176, 8},
			[MIMALLOC_SEGMENT_USED] = {208, 8},
			[MIMALLOC_SEGMENT_COOKIE] = {216, 8},
			[MIMALLOC_SEGMENT_SLICES] = {224, 8},
			[MIMALLOC_SEGMENT_INFO_SLICES] = {232, 8},
			[MIMALLOC_SEGMENT_KIND] = {240, 4},
			[MIMALLOC_SEGMENT_ENTRIES] = {248, 8},
			[MIMALLOC_SEGMENT_THREAD_ID] = {256, 8},
			[MIMALLOC_PAGE_SLICE_COUNT] = {0, 4},
			[MIMALLOC_PAGE_SLICE_OFFSET] = {4, 4},
			[MIMALLOC_PAGE_CAPACITY] = {10, 2},
			[MIMALLOC_PAGE_RESERVED] = {12, 2},
			[MIMALLOC_PAGE_FREE] = {16, 8},
			[MIMALLOC_PAGE_USED] = {24, 4},
			[MIMALLOC_PAGE_BLOCK_SIZE] = {28, 4},
			[MIMALLOC_PAGE_LOCAL_FREE] = {32, 8},
			[MIMALLOC_PAGE_KEYS] = {40, 8},
			[MIMALLOC_PAGE_THREAD_FREE] = {40, 8},
			[MIMALLOC_PAGE_HEAP] = {48, 8},
			[MIMALLOC_HEAP_DELAYED_FREE] = {2840, 8},
			[MIMALLOC_HEAP_THREAD_ID] = {2848, 8},
			[MIMALLOC_HEAP_COOKIE] = {2864, 8},
			[MIMALLOC_HEAP_KEYS] = {2872, 8},
			[MIMALLOC_HEAP_PAGE_COUNT] = {3024, 8},
			[MIMALLOC_HEAP_TAG] = {3057, 1},
		},
	.header_size = 264,
	.page_size = 80,
	.heap_size = 3064,
	.heap_shift = 8, /* one more entry of pages_free_direct */
	.heap_above = 1040,
};

static const struct recorded recorded_2_2 = {
	.fields =
		{
			[MIMALLOC_SEGMENT_BYTES] = {32, 8},
			[MIMALLOC_SEGMENT_USED] = {216, 8},
			[MIMALLOC_SEGMENT_COOKIE] = {224, 8},
			[MIMALLOC_SEGMENT_SLICES] = {248, 8},
			[MIMALLOC_SEGMENT_INFO_SLICES] = {256, 8},
			[MIMALLOC_SEGMENT_KIND] = {264, 4},
			[MIMALLOC_SEGMENT_ENTRIES] = {272, 8},
			[MIMALLOC_SEGMENT_THREAD_ID] = {280, 8},
			[MIMALLOC_PAGE_SLICE_COUNT] = {0, 4},
			[MIMALLOC_PAGE_SLICE_OFFSET] = {4, 4},
			[MIMALLOC_PAGE_CAPACITY] = {10, 2},
			[MIMALLOC_PAGE_RESERVED] = {12, 2},
			[MIMALLOC_PAGE_FREE] = {16, 8},
			[MIMALLOC_PAGE_LOCAL_FREE] = {24, 8},
			[MIMALLOC_PAGE_USED] = {32, 2},
			[MIMALLOC_PAGE_HEAP_TAG] = {35, 1},
			[MIMALLOC_PAGE_BLOCK_SIZE] = {40, 8},
			[MIMALLOC_PAGE_START] = {48, 8},
			[MIMALLOC_PAGE_KEYS] = {56, 8},
			[MIMALLOC_PAGE_THREAD_FREE] = {56, 8},
			[MIMALLOC_PAGE_HEAP] = {64, 8},
			[MIMALLOC_HEAP_DELAYED_FREE] = {8, 8},
			[MIMALLOC_HEAP_THREAD_ID] = {16, 8},
			[MIMALLOC_HEAP_COOKIE] = {32, 8},
			[MIMALLOC_HEAP_KEYS] = {40, 8},
			[MIMALLOC_HEAP_PAGE_COUNT] = {192, 8},
			[MIMALLOC_HEAP_TAG] = {249, 1},
		},
	.header_size = 288,
	.page_size = 96,
	.heap_size = 3088,
	.heap_shift = 8,
	.heap_above = 1288,
};

/* What of a page's struct comes behind the keys, and of a heap's behind its direct table, moves. */
static uint32_t moved_by(const struct recorded *from, enum mimalloc_field field, bool keys)
{
	uint16_t at = from->fields[field].offset;
	if (!keys || field == MIMALLOC_PAGE_KEYS)
		return 0;
	if (rows[field].of == MIMALLOC_OF_PAGE)
		return at >= from->fields[MIMALLOC_PAGE_KEYS].offset ? KEYS_SIZE : 0;
	return rows[field].of == MIMALLOC_OF_HEAP && at >= from->heap_above ? from->heap_shift : 0;
}

static void from_record(const struct recorded *from, const struct mimalloc_flavour *flavour,
			struct mimalloc_shape *ret)
{
	bool keys = flavour->debug_build;
	*ret = (struct mimalloc_shape){
		.header_size = from->header_size,
		.page_size = from->page_size + (keys ? KEYS_SIZE : 0),
		.heap_size = from->heap_size + (keys ? from->heap_shift : 0),
	};
	for (unsigned i = 0; i < MIMALLOC_FIELD_COUNT; i++) {
		ret->fields[i] = from->fields[i];
		ret->fields[i].offset += (uint16_t)moved_by(from, i, keys);
	}
	if (!keys)
		ret->fields[MIMALLOC_PAGE_KEYS] = (struct mimalloc_place){0};
	if (flavour->free_threaded) { /* qsbr_node and qsbr_goal instead of a word of padding */
		ret->fields[MIMALLOC_PAGE_QSBR_GOAL] =
			(struct mimalloc_place){(uint16_t)(ret->page_size + 8), 8};
		ret->page_size += 16;
	}
}

/* ---- the layout ------------------------------------------------------------------------ */

static uint64_t size_of(const struct mimalloc_shape *s, enum mimalloc_struct of)
{
	return of == MIMALLOC_OF_SEGMENT ? s->header_size
	       : of == MIMALLOC_OF_PAGE  ? s->page_size
					 : s->heap_size;
}

static bool is_possible(const struct mimalloc_shape *s)
{
	if (s->header_size > MIMALLOC_HEADER_MAX || s->page_size > MIMALLOC_PAGE_MAX ||
	    s->heap_size > MIMALLOC_HEAP_MAX)
		return false;
	for (unsigned i = 0; i < MIMALLOC_FIELD_COUNT; i++) {
		const struct mimalloc_place *f = &s->fields[i];
		uint64_t size =
			i == MIMALLOC_PAGE_KEYS || i == MIMALLOC_HEAP_KEYS ? KEYS_SIZE : f->width;
		if (f->width == 0 && !rows[i].optional)
			return false;
		if (f->width > 8 || f->offset + size > size_of(s, rows[i].of))
			return false;
	}
	return s->fields[MIMALLOC_PAGE_SLICE_OFFSET].offset + 5U <= s->page_size;
}

/* False: the layout has not all of it. */
static bool from_layout(const struct layout *layout, struct mimalloc_shape *ret)
{
	const struct layout_entry *table = &layout->entries[LAYOUT_MI_SEGMENT_TABLE];
	struct mimalloc_shape s = {0};
	if (!layout_has(layout, LAYOUT_MI_SEGMENT_TABLE) || table->offset > MIMALLOC_HEADER_MAX ||
	    table->stride > MIMALLOC_PAGE_MAX ||
	    layout_width(layout, LAYOUT_MI_HEAP_SIZE) > MIMALLOC_HEAP_MAX)
		return false;
	s.header_size = (uint32_t)table->offset;
	s.page_size = (uint32_t)table->stride;
	s.heap_size = (uint32_t)layout_width(layout, LAYOUT_MI_HEAP_SIZE);
	for (unsigned i = 0; i < MIMALLOC_FIELD_COUNT; i++) {
		const struct layout_entry *e = &layout->entries[rows[i].entry];
		if (e->provenance == PROVENANCE_ABSENT)
			continue;
		if (e->offset > MIMALLOC_HEAP_MAX || e->width > 8)
			return false;
		s.fields[i] = (struct mimalloc_place){(uint16_t)e->offset, (uint8_t)e->width};
	}
	*ret = s;
	return is_possible(&s);
}

size_t mimalloc_shapes(const struct layout *layout, const struct mimalloc_flavour *flavour,
		       struct mimalloc_shape ret[MIMALLOC_SHAPES_MAX])
{
	size_t n = 0;
	if (from_layout(layout, &ret[0]))
		return 1;
	from_record(&recorded_2_1, flavour, &ret[n++]);
	/* No free-threaded build with 2.2 was seen when this was recorded. */
	if (!flavour->free_threaded && flavour->version_hex >= VERSION_3_14)
		from_record(&recorded_2_2, flavour, &ret[n++]);
	return n;
}

/* ---- looking --------------------------------------------------------------------------- */

uint64_t mimalloc_get(const struct mimalloc_shape *shape, enum mimalloc_field field,
		      const uint8_t *bytes, size_t size)
{
	const struct mimalloc_place *f = &shape->fields[field];
	struct bytes b = bytes_of(bytes, size);
	return f->width ? bytes_unsigned(&b, f->offset, f->width) : 0;
}

void mimalloc_get_keys(const struct mimalloc_shape *shape, enum mimalloc_field field,
		       const uint8_t *bytes, size_t size, uint64_t ret[2])
{
	const struct mimalloc_place *f = &shape->fields[field];
	struct bytes b = bytes_of(bytes, size);
	ret[0] = f->width ? bytes_u64(&b, f->offset) : 0;
	ret[1] = f->width ? bytes_u64(&b, f->offset + 8U) : 0;
}

uint64_t mimalloc_start_offset(uint64_t block_size)
{
	if (block_size < 8)
		return 0;
	if (block_size <= 64)
		return 3 * block_size;
	return block_size <= 512 ? block_size : 0;
}

unsigned mimalloc_page_tag(const struct mimalloc_shape *shape, const uint8_t *bytes, size_t size)
{
	struct bytes b = bytes_of(bytes, size);
	if (mimalloc_has(shape, MIMALLOC_PAGE_HEAP_TAG))
		return (unsigned)mimalloc_get(shape, MIMALLOC_PAGE_HEAP_TAG, bytes, size);
	/* is_committed, is_zero_init, use_qsbr, then four bits of tag */
	return (unsigned)bytes_unsigned(&b, shape->fields[MIMALLOC_PAGE_SLICE_OFFSET].offset + 4U,
					1) >>
		       3 &
	       15;
}
