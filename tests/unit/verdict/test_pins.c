/*
 * Who pins a heap of a few arenas, and what would go back.
 */
#include "base/cleanup.h"
#include "pins_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void make(struct heap *h, struct pins *ret)
{
	const struct pins_request request = {
		.ground = &h->ground, .graph = &h->graph, .malloc = &h->malloc};
	assert_null(pins_make(&request, &h->holders, ret));
	assert_true(ret->filled);
}

#define HEAP _cleanup_(heap_free) struct heap *h = heap_new()
#define PINS _cleanup_(pins_fini) struct pins p = {.filled = false}

/* The page in which the weak reference lies: nothing else can be read. */
struct memory {
	struct region region;
	struct space space;
	struct burst *burst;
};

static void memory_init(struct memory *m)
{
	*m = (struct memory){.region = {.start = raddr_at(WEAK_AT),
					.size = 4096,
					.readable = true,
					.writable = true}};
	m->space = (struct space){
		.regions = {&m->region, 1, 1}, .mapped_size = 4096, .ops = &weak_ops};
	const struct burst_request request = {.space = &m->space, .max_memory = MIB};
	assert_null(burst_take(&request, &m->burst));
}

static void memory_fini(struct memory *m)
{
	burst_free(m->burst);
}

#define MEMORY                                       \
	_cleanup_(memory_fini) struct memory memory; \
	memory_init(&memory);                        \
	h->ground.burst = memory.burst

/* ---- pymalloc ------------------------------------------------------------------------------------------------------ */

static void test_a_root_keeps_arenas(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (int i = 0; i < 10; i++)
		heap_add_pinned(h);
	make(h, &p);
	assert_int_equal(p.arenas, 10);
	assert_int_equal(p.sparse_arenas, 10);
	assert_int_equal(p.sparse_blocks, 30);
	assert_int_equal(p.sparse_used, 10 * PINNED_USED);
	assert_int_equal(p.sparse_free, 10 * (ARENA - PINNED_USED));
	assert_int_equal(p.types.count, 1);
	assert_string_equal(p.types.items[0].type, "app.Session");
	assert_int_equal(p.types.items[0].count, 10);
	assert_int_equal(p.types.items[0].bytes, 10 * PINNED_USED);
	assert_int_equal(p.types.items[0].sole_arenas, 10);
	assert_int_equal(p.types.items[0].returned, 10 * ARENA);
	assert_int_equal(p.types.items[0].held, 10 * (ARENA - PINNED_USED));
	assert_int_equal(p.types.items[0].holders.count, 1);
	assert_string_equal(p.types.items[0].holders.items[0].links.items[0], "app.CACHE");
	assert_int_equal(p.types.items[0].holders.items[0].count, 10);
	assert_int_equal(p.roots.count, 1);
	assert_string_equal(p.roots.items[0].name, "app.CACHE");
	assert_string_equal(p.roots.items[0].type, "app.Session");
	assert_int_equal(p.roots.items[0].type_count, 10);
	assert_int_equal(p.roots.items[0].links.count, 1);
	assert_int_equal(p.lead_roots, 1);
	assert_int_equal(p.lead_returned, 10 * ARENA);
	assert_int_equal(h->holders.roots.items[0].returned, 10 * ARENA);
	assert_string_equal(h->holders.roots.items[0].many, "app.Session");
	assert_int_equal(h->holders.roots.items[0].many_count, 10);
	assert_int_equal(h->holders.roots.items[0].many_bytes, 10 * PINNED_USED);
	assert_int_equal(h->holders.roots.items[1].returned, 0);
	assert_null(h->holders.roots.items[1].many);
}

/* The Sessions lie elsewhere, only their names here: nobody has counted whose, so it is all of them. */
static void test_what_they_own_keeps_arenas(void **state)
{
	(void)state;
	HEAP;
	PINS;
	heap_add_pinned(h);
	for (int i = 0; i < 9; i++) {
		heap_add_arena(h, PLOT_PYMALLOC);
		heap_add_pool(h);
		heap_use(h, 4, LABEL_STR, PATH_NAME);
	}
	make(h, &p);
	assert_int_equal(p.roots.count, 1);
	assert_int_equal(p.roots.items[0].sole_arenas, 10);
	assert_string_equal(p.roots.items[0].type, "app.Session");
	assert_int_equal(p.roots.items[0].type_count, 750);
	assert_int_equal(p.types.items[0].count, 750);
}

/* In every other arena there is something of another root: only together they give it back. */
static void test_two_roots_lead_together(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (int i = 0; i < 10; i++) {
		heap_add_pinned(h);
		if (i % 2)
			heap_use(h, 7, LABEL_STR, PATH_OTHER);
	}
	make(h, &p);
	assert_int_equal(p.lead_roots, 2);
	assert_int_equal(p.lead_returned, 10 * ARENA);
	assert_string_equal(p.roots.items[0].name, "app.CACHE");
	assert_int_equal(p.roots.items[0].sole_arenas, 5);
	assert_int_equal(p.roots.items[0].arenas, 10);
	assert_string_equal(p.roots.items[1].name, "app.OTHER");
	assert_int_equal(p.roots.items[1].sole_arenas, 0);
	assert_int_equal(p.roots.items[1].arenas, 5);
	assert_int_equal(h->holders.roots.items[0].returned, 5 * ARENA);
}

/* What nothing reaches is nobody's: the arena stays, whichever root goes. */
static void test_unreached_blocks_keep_an_arena(void **state)
{
	(void)state;
	HEAP;
	PINS;
	MEMORY;
	heap_add_pinned(h);
	heap_use(h, 9, LABEL_UNKNOWN, GRAPH_PATH_NONE);
	heap_add_arena(h, PLOT_PYMALLOC);
	heap_add_pool(h);
	heap_use(h, 0, LABEL_DICT, GRAPH_PATH_NONE);
	make(h, &p);
	assert_int_equal(p.lead_roots, 0);
	assert_int_equal(p.roots.items[0].sole_arenas, 0);
	assert_int_equal(p.unreached_returned, ARENA);
	assert_int_equal(p.unreached_bytes, 2 * BLOCK);
	assert_int_equal(p.unreached_bytes, 2 * BLOCK);
	assert_int_equal(p.types.count, 3);
	assert_string_equal(p.types.items[0].type, "dict");
	assert_int_equal(p.types.items[0].returned, ARENA);
	assert_int_equal(p.types.items[0].holders.count, 0);
}

/* A collection empties the interpreter's free lists; what others keep for later stays. */
static void test_dead_objects_of_free_lists_keep_nothing(void **state)
{
	(void)state;
	static const uint16_t dead[] = {LABEL_DEAD_DICT, LABEL_DEAD_SESSION};
	for (size_t i = 0; i < ARRAY_SIZE(dead); i++) {
		HEAP;
		PINS;
		bool goes = dead[i] == LABEL_DEAD_DICT;
		heap_add_pinned(h);
		heap_add_pinned(h);
		heap_use(h, 9, dead[i], GRAPH_PATH_NONE);
		make(h, &p);
		assert_int_equal(h->holders.roots.items[0].returned, goes ? 2 * ARENA : ARENA);
		assert_int_equal(p.lead_returned, goes ? 2 * ARENA : ARENA);
		assert_int_equal(p.lead_collected, goes);
		assert_int_equal(p.roots.items[0].sole_arenas, goes ? 2 : 1);
		assert_string_equal(p.types.items[0].type, "app.Session");
		assert_int_equal(p.types.items[0].collected, goes);
	}
}

/* Neither does what the collection is for, where that frees all of it: not in 2.7, and not what is frozen. */
static void test_garbage_keeps_nothing(void **state)
{
	(void)state;
	for (int way = 0; way < 3; way++) {
		HEAP;
		PINS;
		MEMORY;
		const bool goes = way == 0;
		h->ground.shapes.version_hex = way == 1 ? 0x02070000 : 0x03080000;
		heap_set_frozen(h, way == 2);
		heap_add_pinned(h);
		heap_use_garbage(h, 9, LABEL_SESSION);
		heap_use_garbage(h, 10, LABEL_KEYS);
		heap_use(h, 11, LABEL_WEAK, PATH_OTHER);
		heap_refer_weakly(h, 9, 1);
		heap_add_pinned(h);
		heap_use_garbage(h, 9, LABEL_SESSION);
		heap_use(h, 10, LABEL_SESSION, GRAPH_PATH_NONE); /* this one somebody forgot */
		make(h, &p);
		assert_int_equal(h->holders.roots.items[0].returned, goes ? ARENA : 0);
		assert_int_equal(p.lead_returned, goes ? ARENA : 0);
		assert_int_equal(p.lead_collected, goes);
		assert_int_equal(p.roots.items[0].sole_arenas, goes);
		assert_int_equal(p.roots.items[0].arenas, 2);
		assert_int_equal(p.unreached_returned + p.frozen_arenas, 0);
	}
}

/* An arena of garbage alone, frozen or not, goes back by itself, and registries' weak references with it. */
static void test_garbage_alone_keeps_its_arenas(void **state)
{
	(void)state;
	for (int frozen = 0; frozen < 2; frozen++) {
		HEAP;
		PINS;
		MEMORY;
		h->ground.shapes.version_hex = 0x03080000;
		heap_set_frozen(h, frozen);
		heap_add_arena(h, PLOT_PYMALLOC);
		heap_add_pool(h);
		heap_use_garbage(h, 9, LABEL_SESSION);
		heap_use(h, 10, LABEL_DEAD_DICT, GRAPH_PATH_NONE);
		heap_use(h, 11, LABEL_WEAK, PATH_OTHER);
		heap_refer_weakly(h, 9, 1);
		make(h, &p);
		assert_int_equal(p.lead_roots, 0);
		assert_int_equal(p.unreached_returned, ARENA);
		assert_int_equal(p.unreached_bytes, 2 * BLOCK);
		assert_true(p.types.items[0].arenas == 1 && p.frozen_arenas == (uint64_t)frozen);
	}
}

/* An old word leads from another root to what is dead: the arena is given back once, with the first. */
static void test_what_is_dead_leads_nowhere(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (int i = 0; i < 3; i++) {
		heap_add_pinned(h);
		heap_use(h, 9, LABEL_DEAD_DICT, PATH_OTHER);
	}
	make(h, &p);
	assert_int_equal(p.lead_roots, 1);
	assert_int_equal(p.lead_returned, 3 * ARENA);
	assert_int_equal(p.lead_collected, 3);
	assert_string_equal(p.roots.items[0].name, "app.CACHE");
}

/* From 3.9 on one empty arena stays, if none is there; one, however many roots go. */
static void test_pymalloc_keeps_an_arena(void **state)
{
	(void)state;
	for (int empty = 0; empty < 2; empty++) {
		for (uint32_t version = 0x03080000; version <= 0x03090000; version += 0x10000) {
			HEAP;
			PINS;
			uint64_t stay = version >= 0x03090000 && !empty ? ARENA : 0;
			h->ground.shapes.version_hex = version;
			for (int i = 0; i < 3; i++)
				heap_add_pinned(h);
			for (int i = 0; i < 2; i++) {
				heap_add_arena(h, PLOT_PYMALLOC);
				heap_add_pool(h);
				heap_use(h, 0, LABEL_STR, PATH_OTHER);
			}
			if (empty)
				heap_add_arena(h, PLOT_PYMALLOC);
			make(h, &p);
			assert_int_equal(h->holders.roots.items[0].returned, 3 * ARENA - stay);
			assert_int_equal(p.types.items[0].returned, 3 * ARENA - stay);
			assert_int_equal(p.roots.items[0].returned, 3 * ARENA - stay);
			assert_int_equal(p.roots.items[1].returned, 2 * ARENA - stay);
			assert_int_equal(p.lead_roots, 2);
			assert_int_equal(p.lead_returned, 5 * ARENA - stay);
		}
	}
}

/* A dense arena pins nothing, and still says what its root would give back. */
static void test_a_dense_arena(void **state)
{
	(void)state;
	HEAP;
	PINS;
	heap_add_arena(h, PLOT_PYMALLOC);
	h->ground.plot.arenas.items[0].size = h->ground.plot.arenas.items[0].resident = POOL;
	heap_add_pool(h);
	for (uint32_t i = 0; i < BLOCKS; i++)
		heap_use(h, i, LABEL_SESSION, PATH_SESSION);
	make(h, &p);
	assert_int_equal(p.arenas, 1);
	assert_int_equal(p.sparse_arenas, 0);
	assert_int_equal(p.types.count, 0);
	assert_int_equal(p.curve.count, 0);
	assert_int_equal(h->holders.roots.items[0].returned, POOL);
}

/* The links of functools' cache are not what somebody has many of; what hangs on them is. */
static void test_links_between_are_passed(void **state)
{
	(void)state;
	HEAP;
	PINS;
	h->graph.paths.count = 0;
	heap_add_path(h, GRAPH_PATH_NONE, 0, TYPE_DICT_, 1);
	heap_add_path(h, 0, 0, TYPE_ELEMENT, 750);
	heap_add_path(h, 1, 0, TYPE_SESSION, 750);
	heap_add_path(h, 2, 0, TYPE_STR_, 750);
	heap_add_arena(h, PLOT_PYMALLOC);
	heap_add_pool(h);
	heap_use(h, 0, LABEL_SESSION, 2);
	heap_use(h, 1, LABEL_STR, 3);
	make(h, &p);
	assert_int_equal(p.types.count, 1);
	assert_string_equal(p.types.items[0].type, "app.Session");
	assert_int_equal(p.types.items[0].count, 1);
}

/* A registry's weak references go with what they refer to; those that nobody is told of stay. */
static void test_weak_references_go_along(void **state)
{
	(void)state;
	for (uint64_t callback = 0; callback < 2; callback++) {
		HEAP;
		PINS;
		MEMORY;
		heap_add_pinned(h);
		heap_use(h, 20, LABEL_WEAK, PATH_OTHER);
		heap_refer_weakly(h, 3, callback);
		make(h, &p);
		assert_int_equal(p.types.items[0].sole_arenas, callback);
		assert_int_equal(p.types.items[0].count, 1);
		assert_int_equal(h->holders.roots.items[0].returned, callback ? ARENA : 0);
	}
}

static void test_without_a_graph(void **state)
{
	(void)state;
	HEAP;
	PINS;
	heap_add_pinned(h);
	heap_add_pinned(h);
	const struct pins_request request = {.ground = &h->ground, .malloc = &h->malloc};
	assert_null(pins_make(&request, NULL, &p));
	assert_int_equal(p.roots.count, 0);
	assert_int_equal(p.types.count, 3);
	assert_int_equal(p.types.items[0].sole_arenas, 0);
	assert_int_equal(p.types.items[0].arenas, 2);
}

static void test_the_curve_ascends(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (uint32_t i = 0; i < 50; i++) {
		heap_add_arena(h, PLOT_PYMALLOC);
		heap_add_pool(h);
		for (uint32_t k = 0; k <= i; k++)
			heap_use(h, k, LABEL_SESSION, PATH_SESSION);
	}
	make(h, &p);
	assert_in_range(p.curve.count, 15, 21);
	for (size_t i = 1; i < p.curve.count; i++) {
		assert_true(p.curve.items[i].blocks > p.curve.items[i - 1].blocks);
		assert_true(p.curve.items[i].returned > p.curve.items[i - 1].returned);
	}
	assert_int_equal(p.curve.items[0].blocks, 3); /* of arenas with one and with two */
	assert_int_equal(p.curve.items[p.curve.count - 1].blocks, 50 * 51 / 2);
	assert_int_equal(p.curve.items[p.curve.count - 1].returned, 50 * ARENA);
}

/* ---- mimalloc --------------------------------------------------------------------------------------------------------- */

/* Each page goes back by itself, and has its share of what its segment has in RAM. */
static void test_pages_of_mimalloc(void **state)
{
	(void)state;
	HEAP;
	PINS;
	heap_add_arena(h, PLOT_MIMALLOC);
	for (int i = 0; i < 8; i++) {
		heap_add_pool(h);
		heap_use(h, 0, LABEL_SESSION, PATH_SESSION);
	}
	h->ground.plot.arenas.items[0].resident = 4 * BLOCKS * BLOCK;
	make(h, &p);
	assert_true(p.mimalloc);
	assert_int_equal(p.arenas, 8);
	assert_int_equal(p.types.items[0].sole_arenas, 8);
	assert_int_equal(p.types.items[0].returned, 4 * BLOCKS * BLOCK);
}

/* ---- malloc ------------------------------------------------------------------------------------------------------------ */

static void add_chunk(struct heap *h, uint64_t start, uint64_t size, uint16_t label, uint32_t path)
{
	struct plot *plot = &h->ground.plot;
	struct plot_chunk *chunk = vec_push(&plot->chunks);
	assert_non_null(chunk);
	*chunk = (struct plot_chunk){start + 16, size - 16};
	uint32_t block = plot->n_blocks++;
	h->labels[block] = label;
	ties_set(&h->graph.ties, block, PLOT_NONE, path);
	h->used[block / 64] |= UINT64_C(1) << (block % 64);
}

/* A mapping of its own goes back whole; of chunks that follow each other the pages that lie in them whole. */
static void test_chunks_go_back_by_pages(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_chunk(h, 0x1000800, 0x1000, LABEL_STR, PATH_NAME);
	add_chunk(h, 0x1001800, 0x1000, LABEL_STR, PATH_NAME);
	add_chunk(h, 0x1002800, 0x1000, LABEL_STR, PATH_OTHER);
	add_chunk(h, 0x1003800, 0x1000, LABEL_STR, PATH_NAME);
	add_chunk(h, 0x2000000, 0x40000, LABEL_STR, PATH_OTHER);
	make(h, &p);
	assert_int_equal(h->holders.roots.items[0].returned, 0x1000);
	assert_int_equal(h->holders.roots.items[1].returned, 0x40000);
}

/* Garbage of less than a page lies in the pages of what is on both its sides; of more it has pages of its own. */
static void test_garbage_parts_no_chunks(void **state)
{
	(void)state;
	for (uint64_t size = 0x800; size <= 0x2800; size += 0x2000) {
		HEAP;
		PINS;
		h->ground.shapes.version_hex = 0x03080000;
		add_chunk(h, 0x1000000, 0x800, LABEL_STR, PATH_NAME);
		uint32_t block = h->ground.plot.n_blocks;
		add_chunk(h, 0x1000800, size, LABEL_STR, GRAPH_PATH_NONE);
		h->garbage[block / 64] |= UINT64_C(1) << (block % 64);
		add_chunk(h, 0x1000800 + size, 0x1000, LABEL_STR, PATH_NAME);
		make(h, &p);
		bool small = size < 0x1000;
		assert_int_equal(h->holders.roots.items[0].returned, small ? 0x2000 : 0x1000);
		assert_int_equal(p.unreached_returned, small ? 0 : 0x2000);
	}
}

static void add_malloc_arena(struct heap *h, uint64_t chunk, uint64_t below, uint64_t top)
{
	struct malloc_arena *a = vec_push(&h->malloc.arenas);
	assert_non_null(a);
	a->address = raddr_at(chunk & ~(MIB - 1));
	a->pin = (struct malloc_pin){.chunk = raddr_at(chunk), .size = 64, .below = below};
	a->top = top;
}

static void test_chunks_below_tops(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_malloc_arena(h, 0x1000800, 60 * MIB, 100 * KIB);
	add_malloc_arena(h, 0x2000800, 80 * MIB, 100 * KIB);
	add_malloc_arena(h, 0x3000800, 64, 100 * KIB);
	make(h, &p);
	assert_int_equal(p.tops.count, 2);
	assert_int_equal(p.tops.items[0].below, 80 * MIB);
	assert_int_equal(p.tops.items[1].above, 100 * KIB);
	assert_null(p.tops.items[0].type);
	assert_int_equal(p.tops.items[0].chain.links.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_root_keeps_arenas),
		cmocka_unit_test(test_what_they_own_keeps_arenas),
		cmocka_unit_test(test_two_roots_lead_together),
		cmocka_unit_test(test_unreached_blocks_keep_an_arena),
		cmocka_unit_test(test_dead_objects_of_free_lists_keep_nothing),
		cmocka_unit_test(test_garbage_keeps_nothing),
		cmocka_unit_test(test_garbage_alone_keeps_its_arenas),
		cmocka_unit_test(test_what_is_dead_leads_nowhere),
		cmocka_unit_test(test_pymalloc_keeps_an_arena),
		cmocka_unit_test(test_a_dense_arena),
		cmocka_unit_test(test_links_between_are_passed),
		cmocka_unit_test(test_weak_references_go_along),
		cmocka_unit_test(test_without_a_graph),
		cmocka_unit_test(test_the_curve_ascends),
		cmocka_unit_test(test_pages_of_mimalloc),
		cmocka_unit_test(test_chunks_go_back_by_pages),
		cmocka_unit_test(test_garbage_parts_no_chunks),
		cmocka_unit_test(test_chunks_below_tops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
