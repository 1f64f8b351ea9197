/*
 * segment_world: what mimalloc does to its memory, as far as the walk reads it. Of a page's blocks
 * the first are in use; of the others each second is on local_free, the rest on free.
 */
#include "segment_world.h"

#include "base/bytes.h"

#include <assert.h>
#include <sys/mman.h>

#define SEGMENT_SIZE MIMALLOC_SEGMENT_ALIGNMENT

raddr segment_world_start(uint32_t segment)
{
	return raddr_at(WORLD_START + segment * SEGMENT_SIZE);
}

/* ---- the space ------------------------------------------------------------------------- */

static struct error *read_world(void *source, raddr at, void *buffer, size_t size)
{
	struct segment_world *w = source;
	uint64_t in_segments = raddr_distance(raddr_at(WORLD_START), at);
	if (at.value >= WORLD_HEAP)
		memcpy(buffer, w->heap + (at.value - WORLD_HEAP), size);
	else
		memcpy(buffer, w->memory + in_segments, size);
	return NULL;
}

static struct error *residency_world(void *source, raddr start, uint64_t size,
				     struct residency *ret)
{
	(void)source;
	/* The last three pages of each slice are not there: no block of these worlds was made there. */
	for (uint64_t at = start.value; at < start.value + size; at += 4096)
		if (at % SEGMENT_SIZE < MIMALLOC_SLICE || at / 4096 % 16 < 13)
			(void)residency_add(ret, raddr_at(at), 4096, false);
	return NULL;
}

static const struct space_ops ops = {.read = read_world};
static const struct space_ops telling_ops = {.read = read_world, .residency = residency_world};

static void map(struct segment_world *w)
{
	w->regions[0] = (struct region){.start = raddr_at(WORLD_START),
					.size = w->n_segments * SEGMENT_SIZE,
					.readable = true,
					.writable = true,
					.kind = REGION_ANON};
	w->regions[1] = (struct region){.start = raddr_at(WORLD_HEAP),
					.size = sizeof(w->heap),
					.readable = true,
					.writable = true,
					.kind = REGION_FILE};
	w->space.regions.items = w->regions;
	w->space.regions.count = 2;
	w->space.mapped_size = w->regions[0].size + w->regions[1].size;
	w->space.ops = w->tells_residency ? &telling_ops : &ops;
	w->space.source = w;
}

/* ---- writing --------------------------------------------------------------------------- */

void segment_world_word(struct segment_world *w, raddr at, uint64_t value)
{
	memcpy(w->memory + raddr_distance(raddr_at(WORLD_START), at), &value, sizeof(value));
}

static void put(const struct mimalloc_shape *s, uint8_t *bytes, enum mimalloc_field field,
		uint64_t value)
{
	(void)bytes_put(bytes, 8192, s->fields[field].offset, s->fields[field].width, value);
}

void segment_world_put(struct segment_world *w, uint32_t segment, enum mimalloc_field field,
		       uint64_t value)
{
	put(&w->shape, w->memory + segment * SEGMENT_SIZE, field, value);
}

static uint8_t *slot(struct segment_world *w, uint32_t segment, uint32_t slice)
{
	return w->memory + segment * SEGMENT_SIZE + w->shape.header_size +
	       (size_t)slice * w->shape.page_size;
}

void segment_world_put_page(struct segment_world *w, uint32_t segment, uint32_t slice,
			    enum mimalloc_field field, uint64_t value)
{
	if (mimalloc_has(&w->shape, field))
		put(&w->shape, slot(w, segment, slice), field, value);
}

const struct segment_kind segment_kinds[SEGMENT_KINDS] = {
	{{false, false, 0x030d05f0}, false}, {{false, true, 0x030d05f0}, false},
	{{true, false, 0x030d05f0}, false},  {{true, true, 0x030d05f0}, false},
	{{false, false, 0x030e0af0}, false}, {{false, false, 0x030e0af0}, true},
	{{false, true, 0x030e0af0}, true},
};

const struct segment_page segment_pages[SEGMENT_PAGES] = {
	[SEGMENT_SMALL] = {.slice = 1,
			   .count = 1,
			   .block_size = 48,
			   .capacity = 1000,
			   .reserved = 1360,
			   .used = 700,
			   .by_others = 30,
			   .delayed = 4,
			   .tag = 2},
	[SEGMENT_MEDIUM] = {.slice = 2,
			    .count = 8,
			    .block_size = 32768,
			    .capacity = 9,
			    .reserved = 16,
			    .used = 5,
			    .by_others = 1,
			    .tag = 2},
	[SEGMENT_LEFT_BEHIND] = {.slice = 12,
				 .count = 1,
				 .block_size = 1024,
				 .capacity = 64,
				 .reserved = 64,
				 .used = 64,
				 .abandoned = true,
				 .tag = 1},
};

void segment_world_init(struct segment_world *w, const struct segment_kind *kind,
			bool tells_residency)
{
	struct mimalloc_shape shapes[MIMALLOC_SHAPES_MAX];
	*w = (struct segment_world){.flavour = kind->flavour, .tells_residency = tells_residency};
	size_t n __attribute__((unused)) = mimalloc_shapes(&w->layout, &kind->flavour, shapes);
	assert(n > (kind->edition_2_2 ? 1 : 0));
	w->shape = shapes[kind->edition_2_2 ? 1 : 0];
	/* not of malloc's: a sanitizer would mark all of it */
	w->memory = mmap(NULL, SEGMENTS_MAX * SEGMENT_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(w->memory != MAP_FAILED);
	w->heap_keys[0] = 0x1357;
	w->heap_keys[1] = 0x2468ace0;
	w->runtime.interpreters.items = &w->interpreter;
	w->runtime.interpreters.count = 1;
}

void segment_world_add(struct segment_world *w)
{
	uint32_t i = w->n_segments++;
	segment_world_put(w, i, MIMALLOC_SEGMENT_BYTES, SEGMENT_SIZE);
	segment_world_put(w, i, MIMALLOC_SEGMENT_SLICES, MIMALLOC_SLICES);
	segment_world_put(w, i, MIMALLOC_SEGMENT_INFO_SLICES, 1);
	segment_world_put(w, i, MIMALLOC_SEGMENT_ENTRIES, MIMALLOC_SLICES);
	segment_world_put(w, i, MIMALLOC_SEGMENT_THREAD_ID, 0x7000);
	segment_world_put(w, i, MIMALLOC_SEGMENT_COOKIE, segment_world_start(i).value ^ WORLD_KEY);
	segment_world_put_page(w, i, 0, MIMALLOC_PAGE_SLICE_COUNT, 1);
	segment_world_put_page(w, i, 0, MIMALLOC_PAGE_BLOCK_SIZE, 1);
}

static uint64_t encode(uint64_t link, const uint64_t keys[2], uint64_t null)
{
	uint64_t mixed = (link ? link : null) ^ keys[1];
	unsigned turn = (unsigned)(keys[0] & 63);
	return (turn ? mixed << turn | mixed >> (64 - turn) : mixed) + keys[0];
}

struct list {
	uint64_t head, null;
	const uint64_t *keys; /* NULL: as they are */
};

static void push(struct segment_world *w, struct list *list, raddr block)
{
	segment_world_word(w, block,
			   list->keys ? encode(list->head, list->keys, list->null) : list->head);
	list->head = block.value;
}

static void link_blocks(struct segment_world *w, uint32_t segment, const struct segment_page *page,
			raddr start, struct list lists[3], struct list *delayed)
{
	for (uint32_t i = 0; i < page->capacity; i++) {
		raddr block = raddr_plus(start, i * page->block_size);
		if (i < page->used - page->by_others - page->delayed)
			segment_world_word(w, block, 0x0123456789abcdef); /* the program's */
		else if (i < page->used - page->delayed)
			push(w, &lists[2], block);
		else if (i < page->used)
			push(w, delayed, block);
		else
			push(w, &lists[i % 2], block);
	}
	segment_world_put_page(w, segment, page->slice, MIMALLOC_PAGE_FREE, lists[0].head);
	segment_world_put_page(w, segment, page->slice, MIMALLOC_PAGE_LOCAL_FREE, lists[1].head);
	segment_world_put_page(w, segment, page->slice, MIMALLOC_PAGE_THREAD_FREE,
			       lists[2].head | 2);
}

void segment_world_page(struct segment_world *w, uint32_t segment, const struct segment_page *page)
{
	const uint64_t keys[2] = {0xabcdef12345 + page->slice, 0x9988};
	bool encoded = mimalloc_has(&w->shape, MIMALLOC_PAGE_KEYS);
	uint64_t size = page->block_size;
	uint64_t before = size <= 64 ? 3 * size : size <= 512 ? size : 0;
	raddr start =
		raddr_plus(segment_world_start(segment), page->slice * MIMALLOC_SLICE + before);
	uint64_t null = segment_world_start(segment).value + w->shape.header_size +
			(uint64_t)page->slice * w->shape.page_size;
	struct list list = {0, null, encoded ? keys : NULL};
	struct list lists[3] = {list, list, list};
	struct list delayed = {
		mimalloc_get(&w->shape, MIMALLOC_HEAP_DELAYED_FREE, w->heap, sizeof(w->heap)),
		WORLD_HEAP, encoded ? w->heap_keys : NULL};
	const struct {
		enum mimalloc_field field;
		uint64_t value;
	} fields[] = {
		{MIMALLOC_PAGE_SLICE_COUNT, page->count},
		{MIMALLOC_PAGE_CAPACITY, page->capacity},
		{MIMALLOC_PAGE_RESERVED, page->reserved},
		{MIMALLOC_PAGE_USED, page->used},
		{MIMALLOC_PAGE_BLOCK_SIZE, size},
		{MIMALLOC_PAGE_START, start.value},
		{MIMALLOC_PAGE_HEAP_TAG, page->tag},
		{MIMALLOC_PAGE_KEYS, keys[0]},
		{MIMALLOC_PAGE_QSBR_GOAL, page->waits},
		{MIMALLOC_PAGE_HEAP, page->abandoned ? 0 : WORLD_HEAP},
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		segment_world_put_page(w, segment, page->slice, fields[i].field, fields[i].value);
	uint8_t *bytes = slot(w, segment, page->slice);
	if (encoded)
		memcpy(bytes + w->shape.fields[MIMALLOC_PAGE_KEYS].offset, keys, sizeof(keys));
	if (!mimalloc_has(&w->shape, MIMALLOC_PAGE_HEAP_TAG))
		bytes[8] = (uint8_t)(page->tag << 3 | 1);
	link_blocks(w, segment, page, start, lists, &delayed);
	put(&w->shape, w->heap, MIMALLOC_HEAP_DELAYED_FREE, delayed.head);
	w->n_pages += !page->abandoned;
}

/* Between the pages, runs of free slices; and the counts. */
static void finish_segment(struct segment_world *w, uint32_t segment)
{
	const struct mimalloc_shape *s = &w->shape;
	uint32_t used = 0, free_from = 0;
	for (uint32_t slice = 1; slice <= MIMALLOC_SLICES;) {
		uint64_t count = slice < MIMALLOC_SLICES
					 ? mimalloc_get(s, MIMALLOC_PAGE_SLICE_COUNT,
							slot(w, segment, slice), s->page_size)
					 : 1;
		if (count && free_from)
			segment_world_put_page(w, segment, free_from, MIMALLOC_PAGE_SLICE_COUNT,
					       slice - free_from);
		if (!count && !free_from)
			free_from = slice;
		used += count && slice < MIMALLOC_SLICES &&
			mimalloc_get(s, MIMALLOC_PAGE_BLOCK_SIZE, slot(w, segment, slice),
				     s->page_size);
		free_from = count ? 0 : free_from;
		slice += count ? (uint32_t)count : 1;
	}
	segment_world_put(w, segment, MIMALLOC_SEGMENT_USED, used);
}

void segment_world_finish(struct segment_world *w)
{
	for (uint32_t i = 0; i < w->n_segments; i++)
		finish_segment(w, i);
	put(&w->shape, w->heap, MIMALLOC_HEAP_THREAD_ID, 0x7000);
	put(&w->shape, w->heap, MIMALLOC_HEAP_PAGE_COUNT, w->n_pages);
	memcpy(w->heap + w->shape.fields[MIMALLOC_HEAP_KEYS].offset, w->heap_keys,
	       sizeof(w->heap_keys));
	map(w);
}

void segment_world_fini(struct segment_world *w)
{
	munmap(w->memory, SEGMENTS_MAX * SEGMENT_SIZE);
}

struct mimalloc_request segment_world_request(const struct segment_world *w)
{
	return (struct mimalloc_request){.layout = &w->layout,
					 .runtime = &w->runtime,
					 .flavour = w->flavour,
					 .in_detail = w->tells_residency};
}
