/* fixture: a heap from a fixed row of numbers. */
#include "fixture.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define POOL_OVERHEAD 48
#define SLICE         (UINT64_C(64) << 10)
#define TAKEN_AT      1772461927 /* 2026-03-02 14:32:07 UTC */

/* Always the same row, of no pattern that the eye sees (Knuth's MMIX generator). */
static uint64_t scatter(uint64_t seed)
{
	uint64_t value = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	value = (value ^ value >> 29) * UINT64_C(6364136223846793005);
	return value >> 33;
}

struct snapshot *fixture_process(void)
{
	struct snapshot *s = snapshot_new();
	assert_non_null(s);
	s->target.pid = 4127;
	s->target.comm = strdup("celery");
	s->target.command = strdup("celery ForkPoolWorker-3");
	s->target.exe = strdup("/usr/bin/python3.12");
	strcpy(s->target.version, "3.12.1");
	s->target.allocator = ALLOCATOR_PYMALLOC;
	s->target.taken_at.tv_sec = TAKEN_AT;
	s->target.started_at.tv_sec = TAKEN_AT - 19 * 3600;
	s->target.rss = UINT64_C(1930) << 20;
	s->target.peak_rss = UINT64_C(2310) << 20;
	s->target.n_threads = 4;
	return s;
}

size_t fixture_interpreter(struct snapshot *s, int64_t id)
{
	struct snapshot_interpreter *one = vec_push(&s->interpreters);
	assert_non_null(one);
	one->id = id;
	one->readable = true;
	struct pymalloc *heap = &one->pymalloc;
	heap->alignment = 16;
	heap->threshold = 512;
	heap->n_classes = 32;
	heap->pool_size = FIXTURE_POOL_SIZE;
	heap->arena_size = FIXTURE_ARENA_SIZE;
	heap->pool_overhead = POOL_OVERHEAD;
	heap->has_residency = true;
	for (size_t i = 0; i < heap->n_classes; i++)
		heap->classes[i].size = (i + 1) * heap->alignment;
	return s->interpreters.count - 1;
}

static void pool_fill(struct pymalloc *heap, struct pymalloc_arena *arena, double share,
		      uint64_t number)
{
	struct pymalloc_pool *pool = vec_push(&heap->pools);
	assert_non_null(pool);
	uint64_t class = number % heap->n_classes, size = (class + 1) * heap->alignment;
	uint64_t capacity = (heap->pool_size - heap->pool_overhead) / size;
	/* A nearly empty arena has one block in every eighth pool, the others are free. */
	bool sparse = share < 0.05;
	uint64_t used = sparse ? number / 64 % 8 == 0 && share > 0
			       : (uint64_t)((double)capacity * share + 0.5);
	if (!used) {
		pool->state = POOL_EMPTY;
		arena->n_free++;
		heap->unused_pools++;
		return;
	}
	pool->state = used == capacity ? POOL_FULL : POOL_PARTIAL;
	pool->class = (uint8_t) class;
	pool->used = (uint16_t)used;
	pool->capacity = (uint16_t)capacity;
	heap->classes[class].pools++;
	heap->classes[class].used_blocks += used;
	heap->classes[class].free_blocks += capacity - used;
	arena->used_blocks += used;
	arena->used_bytes += used * size;
}

void fixture_arena(struct snapshot *s, size_t interpreter, uint64_t address, double share)
{
	struct pymalloc *heap = &s->interpreters.items[interpreter].pymalloc;
	struct pymalloc_arena *arena = vec_push(&heap->arenas);
	assert_non_null(arena);
	heap->used = true;
	arena->address = arena->first_pool = raddr_at(address);
	arena->index = (uint32_t)heap->arenas.count - 1;
	arena->n_pools = arena->n_carved = FIXTURE_POOLS;
	arena->pools_at = (uint32_t)heap->pools.count;
	arena->resident = FIXTURE_ARENA_SIZE;
	arena->settled = true;
	for (uint64_t i = 0; i < FIXTURE_POOLS; i++)
		pool_fill(heap, arena, share, scatter(address / FIXTURE_POOL_SIZE + i));
}

static void heap_finish(struct pymalloc *heap)
{
	for (size_t i = 0; i < heap->n_classes; i++) {
		const struct pymalloc_class *c = &heap->classes[i];
		uint64_t room = heap->pool_size - heap->pool_overhead;
		heap->allocated_bytes += c->used_blocks * c->size;
		heap->available_bytes += c->free_blocks * c->size;
		heap->pool_headers_bytes += c->pools * heap->pool_overhead;
		heap->quantization_bytes += c->pools * (room % c->size);
		heap->used_blocks += c->used_blocks;
	}
	heap->unused_pools_bytes = heap->unused_pools * heap->pool_size;
	heap->total_bytes = heap->arenas.count * heap->arena_size;
}

void fixture_finish(struct snapshot *s)
{
	for (size_t i = 0; i < s->interpreters.count; i++)
		heap_finish(&s->interpreters.items[i].pymalloc);
}

struct snapshot *fixture_fragmented(size_t n)
{
	static const double shares[] = {0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02,
					0.02, 0.02, 0.02, 0.12, 0.12, 0.6,  0.9,  0};
	struct snapshot *s = fixture_process();
	size_t heap = fixture_interpreter(s, 0);
	for (size_t i = 0; i < n; i++) {
		double share = i < n / 5 ? 0.95 : shares[scatter(i) % ARRAY_SIZE(shares)];
		fixture_arena(s, heap, FIXTURE_BASE + i * FIXTURE_ARENA_SIZE, share);
	}
	fixture_finish(s);
	return s;
}

/* A process of CPython 3.13t whose interpreter 0 uses mimalloc, still without segments. */
static struct snapshot *free_threaded(void)
{
	struct snapshot *s = fixture_process();
	strcpy(s->target.version, "3.13.5");
	s->target.allocator = ALLOCATOR_MIMALLOC;
	s->target.free_threaded = true;
	struct snapshot_interpreter *one = vec_push(&s->interpreters);
	assert_non_null(one);
	one->readable = true;
	one->mimalloc.used = one->mimalloc.has_residency = true;
	struct mimalloc_heap *heap = vec_push(&one->mimalloc.heaps);
	assert_non_null(heap);
	heap->thread = s->target.pid;
	heap->kind = MIMALLOC_OBJECT;
	return s;
}

static void page_fill(struct mimalloc *m, raddr start, uint64_t slices, uint64_t block_size,
		      double share, uint64_t number)
{
	struct mimalloc_page *page = vec_push(&m->pages);
	assert_non_null(page);
	uint64_t room = slices * SLICE / block_size, made = room - room / 4;
	bool sparse = share < 0.05;
	*page = (struct mimalloc_page){
		.start = start,
		.block_size = block_size,
		.capacity = (uint32_t)made,
		.reserved = (uint32_t)room,
		.size = slices * SLICE,
		.agrees = true,
		.used = (uint32_t)(sparse ? number / 64 % 8 == 0 && share > 0
					  : (double)made * share + 0.5),
	};
	m->used_blocks += page->used;
	m->used_bytes += page->used * block_size;
	m->free_bytes += (page->capacity - page->used) * block_size;
}

static struct mimalloc_segment *segment_new(struct snapshot *s, uint64_t address, uint64_t size)
{
	struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	struct mimalloc_segment *segment = vec_push(&m->segments);
	assert_non_null(segment);
	segment->start = raddr_at(address);
	segment->size = size;
	segment->resident = size / 2;
	segment->first_page = (uint32_t)m->pages.count;
	return segment;
}

/* A segment at that address: pages of one to eight slices, each with `share` of its blocks used, a nearly
 * empty one few blocks in few pages; of every 16 pages one is followed by free slices. */
static void add_segment(struct snapshot *s, uint64_t address, double share)
{
	static const uint64_t sizes[] = {16, 48, 64, 80, 512, 2048, 20480, 98304};
	struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	struct mimalloc_segment *segment = segment_new(s, address, FIXTURE_SEGMENT_SIZE);
	uint64_t end = FIXTURE_SEGMENT_SIZE / SLICE;
	for (uint64_t at = 1; at + 8 <= end;) {
		uint64_t number = scatter(address / SLICE + at);
		uint64_t size = sizes[number % ARRAY_SIZE(sizes)], slices = size > 8192 ? 8 : 1;
		page_fill(m, raddr_plus(segment->start, at * SLICE), slices, size, share,
			  number / 8);
		segment->n_pages++;
		at += slices + (number / 8 % 16 ? 0 : 5);
	}
}

/* A segment of one block of so many bytes. */
static void add_huge(struct snapshot *s, uint64_t address, uint64_t size)
{
	uint64_t slices = (size + SLICE - 1) / SLICE;
	struct mimalloc_segment *segment = segment_new(s, address, (slices + 1) * SLICE);
	struct mimalloc *m = &s->interpreters.items[0].mimalloc;
	segment->n_pages = 1;
	page_fill(m, raddr_plus(segment->start, SLICE), slices, size, 0.9, 0);
	m->pages.items[m->pages.count - 1].capacity = 1;
}

struct snapshot *fixture_segments(size_t n)
{
	static const double shares[] = {0.02, 0.02, 0.02, 0.02, 0.02, 0.12, 0.6, 0};
	struct snapshot *s = free_threaded();
	uint64_t at = FIXTURE_SEGMENTS;
	for (size_t i = 0; i < n; i++, at += FIXTURE_SEGMENT_SIZE)
		add_segment(s, at,
			    i < (n + 4) / 5 ? 0.95 : shares[scatter(i) % ARRAY_SIZE(shares)]);
	add_huge(s, at, UINT64_C(40) << 20);
	s->target.rss = (n + 4) * (FIXTURE_SEGMENT_SIZE / 2);
	s->target.peak_rss = 2 * s->target.rss;
	return s;
}

static struct error *blocks_read(void *context, const struct snapshot *snapshot, raddr address,
				 struct pymalloc_blocks *ret)
{
	(void)context;
	(void)snapshot;
	struct pymalloc_blocks blocks = {
		.pool = raddr_align_down(address, FIXTURE_POOL_SIZE),
		.block_size = 64,
		.n_blocks = 255,
		.agrees = true,
		.states = calloc(255, 1),
	};
	assert_non_null(blocks.states);
	for (uint32_t i = 0; i < blocks.n_blocks; i++) {
		uint8_t state = i >= 200 ? BLOCK_VIRGIN : i % 7 ? BLOCK_FREE : BLOCK_USED;
		blocks.states[i] = state;
		blocks.n_used += state == BLOCK_USED;
		blocks.n_free += state == BLOCK_FREE;
		blocks.n_virgin += state == BLOCK_VIRGIN;
	}
	*ret = blocks;
	return NULL;
}

void fixture_board(struct board *board)
{
	const struct board_options options = {.interval = 1, .blocks = blocks_read};
	board_init(board, &options);
}

void fixture_show(struct board *board, struct snapshot *s)
{
	assert_null(board_show(board, s));
	free(fixture_draw(board, 100, 30, true));
}

void fixture_press(struct board *board, const char *keys)
{
	static const struct {
		const char *name;
		int press;
	} named[] = {
		{"{enter}", PRESS_ENTER},    {"{esc}", PRESS_ESCAPE},     {"{tab}", PRESS_TAB},
		{"{up}", PRESS_UP},          {"{down}", PRESS_DOWN},      {"{left}", PRESS_LEFT},
		{"{right}", PRESS_RIGHT},    {"{pgdn}", PRESS_PAGE_DOWN}, {"{pgup}", PRESS_PAGE_UP},
		{"{back}", PRESS_BACKSPACE}, {"{btab}", PRESS_BACK_TAB},
	};
	while (*keys) {
		int press = (unsigned char)*keys;
		size_t length = 1;
		for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
			if (!strncmp(keys, named[i].name, strlen(named[i].name))) {
				press = named[i].press;
				length = strlen(named[i].name);
			}
		}
		board_press(board, press);
		keys += length;
		free(fixture_draw(board, 100, 30, true));
	}
}

char *fixture_draw(struct board *board, int width, int height, bool ascii)
{
	struct canvas canvas;
	struct text text = TEXT_EMPTY;
	assert_null(canvas_init(width, height, ascii, &canvas));
	board_draw(board, &canvas);
	canvas_to_text(&canvas, &text);
	canvas_fini(&canvas);
	return text_take(&text);
}

static char *file_read(const char *path)
{
	static char content[1 << 18];
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(content, 1, sizeof(content) - 1, file) : 0;
	content[size] = '\0';
	if (file)
		fclose(file);
	return content;
}

void fixture_golden(const char *name, const char *drawn)
{
	char path[4096];
	const char *folder = getenv("ARENASCOPE_GOLDENS"),
		   *update = getenv("ARENASCOPE_UPDATE_GOLDEN");
	assert_non_null(folder);
	snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
	if (update && *update) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(drawn, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	assert_string_equal(drawn, file_read(path));
}

void fixture_screens(struct board *board, const char *name)
{
	static const struct {
		int width, height;
		bool ascii;
		const char *suffix;
	} sizes[] = {
		{80, 24, true, "80x24-ascii"},
		{100, 30, false, "100x30"},
		{20, 5, true, "20x5-ascii"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char full[128];
		free(fixture_draw(board, sizes[i].width, sizes[i].height, sizes[i].ascii));
		_cleanup_(free_pointer) char *drawn =
			fixture_draw(board, sizes[i].width, sizes[i].height, sizes[i].ascii);
		snprintf(full, sizeof(full), "%s-%s", name, sizes[i].suffix);
		fixture_golden(full, drawn);
	}
}
