/*
 * mimalloc: whatever stands in its memory, a look ends, and what it says fits in the memory that is there.
 */
#include "fuzz_drawing.h"

#include "../unit/mimalloc/segment_world.h"

static void write_world(struct segment_world *w, struct fuzz *f)
{
	size_t kind = fuzz_number(f, 1) % SEGMENT_KINDS;
	segment_world_init(w, &segment_kinds[kind], fuzz_number(f, 1) & 1);
	for (int i = 0; i < 2; i++)
		segment_world_add(w);
	const struct segment_page small = {.slice = 1,
					   .count = 1,
					   .block_size = 48,
					   .capacity = 100,
					   .reserved = 1360,
					   .used = 70,
					   .by_others = 3,
					   .delayed = 2};
	const struct segment_page medium = {.slice = 2,
					    .count = 8,
					    .block_size = 32768,
					    .capacity = 9,
					    .reserved = 16,
					    .used = 5,
					    .abandoned = true};
	segment_world_page(w, 0, &small);
	segment_world_page(w, 1, &medium);
	segment_world_finish(w);
}

/* Words of headers, tables, blocks and of the heap become what the input says. */
static void damage(struct segment_world *w, struct fuzz *f)
{
	for (int i = 0; i < 16 && f->size; i++) {
		uint64_t where = fuzz_number(f, 1), offset = fuzz_number(f, 2);
		uint64_t value = fuzz_number(f, 1 + where % 8);
		raddr segment = segment_world_start((uint32_t)(where >> 7));
		if (where & 64)
			memcpy(w->heap + offset % (sizeof(w->heap) - 8), &value, sizeof(value));
		else if (where & 32)
			segment_world_word(w, raddr_plus(segment, MIMALLOC_SLICE + offset), value);
		else
			segment_world_word(w, raddr_plus(segment, offset % 2048), value);
	}
}

static void check(const struct mimalloc *m, const struct segment_world *w)
{
	uint64_t blocks = 0, bytes = 0, pages = 0;
	for (size_t i = 0; i < m->heaps.count; i++) {
		blocks += m->heaps.items[i].used_blocks;
		bytes += m->heaps.items[i].used_bytes;
		pages += m->heaps.items[i].n_pages;
	}
	assert(blocks == m->used_blocks && bytes == m->used_bytes && pages == m->pages.count);
	assert(m->segments.count <= w->n_segments);
	for (size_t i = 0; i < m->pages.count; i++) {
		const struct mimalloc_page *p = &m->pages.items[i];
		assert(p->heap < m->heaps.count && p->capacity <= p->reserved);
		assert(!p->agrees || p->used <= p->capacity);
		assert(size_multiply(p->reserved, p->block_size) <= p->size);
	}
}

static void check_claims(const struct mimalloc_copy *copy)
{
	struct claims claims = CLAIMS_EMPTY;
	struct error *err = mimalloc_claims(copy, &claims);
	for (size_t i = 0; !err && i < claims.list.count; i++) {
		uint64_t size = 0;
		for (size_t s = 0; s < claims.list.items[i].n_shares; s++)
			size += claims.list.items[i].shares[s].size;
		assert(size == claims.list.items[i].size);
	}
	error_free(err);
	claims_fini(&claims);
}

static void draw(struct segment_world *w, struct mimalloc_copy *copy)
{
	struct subject subject = {.n_code = 0};
	const struct look look = {.mimalloc = copy, .runtime = w->runtime};
	subject.build.layout = w->layout;
	subject.build.free_threaded = w->flavour.free_threaded;
	subject.build.debug_build = w->flavour.debug_build;
	subject.build.version_hex = w->flavour.version_hex;
	fuzz_draw(&w->space, &look, &subject, 1 * MIB);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct segment_world w;
	struct doubts doubts = {0};
	struct mimalloc m = {0};
	write_world(&w, &f);
	struct mimalloc_copy *copy = mimalloc_copy_new();
	const struct mimalloc_request request = segment_world_request(&w);
	for (int i = 0; i < 2; i++) { /* the second look goes on from what the first one keeps */
		damage(&w, &f);
		struct error *err = mimalloc_copy_take(copy, &w.space, &request, false);
		err = err ?: mimalloc_walk(copy, 0, &m, &doubts);
		if (!err) {
			check(&m, &w);
			check_claims(copy);
			draw(&w, copy);
		}
		error_free(err);
		mimalloc_fini(&m);
	}
	doubts_fini(&doubts);
	mimalloc_copy_free(copy);
	segment_world_fini(&w);
	return 0;
}
