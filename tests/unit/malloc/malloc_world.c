/*
 * malloc_world: two arrays behind a space.
 *
 *	libc   [ banner ][ … main_arena … mp_ … ]     heap   [ chunk │ chunk │ … │ top ]
 */
#include "malloc_world.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

#define BINS   (WORLD_ARENA + 112)
#define TOP    (WORLD_ARENA + 96)
#define FAST   (WORLD_ARENA + 16)
#define SYSTEM (WORLD_ARENA + 2184)
#define LIBC   0x3000

static uint8_t *place(const struct malloc_world *w, uint64_t at, size_t size)
{
	if (at >= WORLD_LIBC && at + size <= WORLD_LIBC + LIBC)
		return w->libc + (at - WORLD_LIBC);
	if (at >= WORLD_HEAP && at + size <= WORLD_HEAP + WORLD_HEAP_SIZE)
		return w->heap + (at - WORLD_HEAP);
	return NULL;
}

static struct error *read_world(void *source, raddr at, void *buffer, size_t size)
{
	const uint8_t *from = place(source, at.value, size);
	if (!from)
		return error_new(ERROR_FAULT, "not of this world");
	memcpy(buffer, from, size);
	return NULL;
}

static struct error *tell_residency(void *source, raddr start, uint64_t size, struct residency *ret)
{
	(void)source;
	return residency_add(ret, start, size, false) ? NULL : error_out_of_memory();
}

static uint64_t word_at(const struct malloc_world *w, uint64_t at)
{
	const uint8_t *from = place(w, at, 8);
	uint64_t value = 0;
	if (from)
		memcpy(&value, from, 8);
	return value;
}

void malloc_world_put(struct malloc_world *w, uint64_t at, uint64_t value)
{
	uint8_t *to = place(w, at, 8);
	if (to)
		memcpy(to, &value, 8);
}

static void add_region(struct malloc_world *w, uint64_t start, uint64_t size, bool writable,
		       enum region_kind kind, const char *label)
{
	struct region *region = vec_push(&w->space.regions);
	assert(region);
	*region = (struct region){.start = raddr_at(start),
				  .size = size,
				  .readable = true,
				  .writable = writable,
				  .kind = kind,
				  .label = strdup(label)};
	w->space.mapped_size += size;
}

struct malloc_world *malloc_world_new(void)
{
	static const struct space_ops ops = {.read = read_world, .residency = tell_residency};
	static const char banner[] = "GNU C Library stable release version 2.36.";
	struct malloc_world *w = calloc(1, sizeof(*w));
	assert(w);
	w->libc = calloc(1, LIBC);
	w->heap = calloc(1, WORLD_HEAP_SIZE);
	assert(w->libc && w->heap);
	w->space.ops = &ops;
	w->space.source = w;
	add_region(w, WORLD_HEAP, WORLD_HEAP_SIZE, true, REGION_HEAP, "[heap]");
	add_region(w, WORLD_LIBC, 0x1000, false, REGION_FILE, "/lib/libc.so.6");
	add_region(w, WORLD_DATA, LIBC - 0x1000, true, REGION_FILE, "/lib/libc.so.6");
	memcpy(w->libc + 64, banner, sizeof(banner));
	for (uint64_t i = 0; i < 127; i++) {
		malloc_world_put(w, BINS + i * 16, BINS + i * 16 - 16);
		malloc_world_put(w, BINS + i * 16 + 8, BINS + i * 16 - 16);
	}
	malloc_world_put(w, WORLD_ARENA + 2160, WORLD_ARENA);
	malloc_world_put(w, SYSTEM, WORLD_HEAP_SIZE);
	malloc_world_put(w, SYSTEM + 8, WORLD_HEAP_SIZE);
	malloc_world_put(w, WORLD_PAR, 131072);
	malloc_world_put(w, WORLD_PAR + 16, 131072);
	malloc_world_put(w, WORLD_PAR + 64, 65536);
	malloc_world_put(w, WORLD_PAR + 96, WORLD_HEAP);
	w->at = WORLD_HEAP;
	w->before = true;
	return w;
}

void malloc_world_free(struct malloc_world *w)
{
	free(w->libc);
	free(w->heap);
	w->libc = w->heap = NULL;
	space_fini(&w->space);
	free(w);
}

/* Behind the last of the unsorted bin. */
static void link_free(struct malloc_world *w, uint64_t chunk)
{
	uint64_t head = BINS - 16, last = word_at(w, head + 24);
	malloc_world_put(w, chunk + 16, head);
	malloc_world_put(w, chunk + 24, last);
	malloc_world_put(w, last + 16, chunk);
	malloc_world_put(w, head + 24, chunk);
}

uint64_t malloc_world_add(struct malloc_world *w, enum world_chunk kind, uint64_t size)
{
	uint64_t at = w->at;
	if (!w->before)
		malloc_world_put(w, at, w->last_size);
	malloc_world_put(w, at + 8, size | (w->before ? 1 : 0));
	malloc_world_put(w, at + 16, 0x4142434445464748);
	if (kind == WORLD_FREE)
		link_free(w, at);
	if (kind == WORLD_FAST) {
		uint64_t head = word_at(w, FAST);
		malloc_world_put(w, at + 16, (at + 16) >> 12 ^ head);
		malloc_world_put(w, FAST, at);
	}
	w->before = kind != WORLD_FREE;
	w->last_size = size;
	w->at += size;
	return at;
}

void malloc_world_finish(struct malloc_world *w)
{
	uint64_t size = WORLD_HEAP + WORLD_HEAP_SIZE - w->at;
	malloc_world_put(w, TOP, w->at);
	if (!w->before)
		malloc_world_put(w, w->at, w->last_size);
	malloc_world_put(w, w->at + 8, size | (w->before ? 1 : 0));
}
