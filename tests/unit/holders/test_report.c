/* graph_report: what is told of roots, and of what none reaches. */
#include "heap_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

/* The nodes that are left to the collector, a bit for each of the first 64, where anybody asks. */
static struct holders report_garbage(struct world *w, uint64_t *ret_garbage)
{
	struct graph *graph = world_walk(w);
	struct holders holders;
	assert_null(graph_report(graph, &holders));
	assert_true(holders.filled && holders.complete);
	assert_non_null(graph->garbage);
	*ret_garbage = graph->garbage[0];
	graph_free(graph);
	return holders;
}

static struct holders report(struct world *w)
{
	uint64_t garbage;
	return report_garbage(w, &garbage);
}

static uint64_t node(struct world *w, uint32_t block, uint64_t refcount)
{
	return world_object(w, block, WORLD_NODE, refcount);
}

/* app.CACHE ─▷ dict ─▷ keys ─▷ 1000 Node ─▷ str */
static void tells_roots(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 4096, 1, 16384);
	world_object(&w, 0, WORLD_DICT, 1);
	world_put(&w, 0, 1, world_buffer(&w, 4096, WORLD_DICT, PART_DICT_KEYS));
	for (uint32_t i = 0; i < 1000; i++) {
		node(&w, 1 + i, 1);
		world_object(&w, 1001 + i, WORLD_STR, 1);
		world_put(&w, 4096, 4 + i, world_at(&w, 1 + i));
		world_put(&w, 1 + i, 2, world_at(&w, 1001 + i));
	}
	world_object(&w, 3000, WORLD_STR, 1);
	world_global(&w, "app.name", world_at(&w, 3000), 0);
	world_global(&w, "app.CACHE", world_at(&w, 0), 0);
	struct holders h = report(&w);
	assert_int_equal(h.roots.count, 2);
	const struct holder_root *cache = &h.roots.items[0];
	assert_string_equal(cache->name, "app.CACHE");
	assert_int_equal(cache->kind, HOLDER_MODULE_GLOBAL);
	assert_int_equal(cache->count, 2001);
	assert_int_equal(cache->bytes, 2001 * WORLD_BLOCK + 16384);
	assert_int_equal(cache->types.count, 3);
	assert_string_equal(cache->types.items[2].type, "dict");
	assert_int_equal(cache->types.items[2].bytes, WORLD_BLOCK + 16384);
	assert_int_equal(cache->chains.count, 1);
	const struct holder_chain *chain = &cache->chains.items[0];
	assert_int_equal(chain->links.count, 3);
	assert_string_equal(chain->links.items[2], "app.Node");
	assert_int_equal(chain->count, 1000);
	assert_int_equal(chain->bytes, 2000 * WORLD_BLOCK);
	assert_string_equal(h.roots.items[1].name, "app.name");
	assert_int_equal(h.reached_bytes, 2002 * WORLD_BLOCK + 16384);
	assert_int_equal(h.reached_count, 2002);
	assert_int_equal(h.unreached_count + h.garbage.count + h.leaked.count + h.lost_count, 0);
	holders_fini(&h);
	world_fini(&w);
}

/* A thousand small roots: two hundred are told, the others are one. */
static void folds_small_roots(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 2048, 0, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "app.v%" PRIu32, i);
		world_global(&w, name, node(&w, i, 1), 0);
	}
	struct holders h = report(&w);
	assert_int_equal(h.roots.count, 201);
	assert_string_equal(h.roots.items[0].name, "app.v0");
	assert_string_equal(h.roots.items[200].name, "others");
	assert_int_equal(h.roots.items[200].bytes, 800 * WORLD_BLOCK);
	assert_int_equal(h.reached_bytes, 1000 * WORLD_BLOCK);
	holders_fini(&h);
	world_fini(&w);
}

/* Two Nodes hold each other, four dicts and six texts: these are more, and not what to look for. */
static void tells_first_what_holds(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	for (uint32_t i = 0; i < 2; i++) {
		node(&w, i, 1);
		for (uint32_t k = 0; k < 2; k++) {
			world_object(&w, 2 + 2 * i + k, WORLD_DICT, 1);
			world_put(&w, i, 1 + k, world_at(&w, 2 + 2 * i + k));
		}
		for (uint32_t k = 0; k < 3; k++) {
			world_object(&w, 10 + 3 * i + k, WORLD_STR, 1);
			world_put(&w, 2 + 2 * i, k, world_at(&w, 10 + 3 * i + k));
		}
	}
	world_put(&w, 0, 0, world_at(&w, 1));
	world_put(&w, 1, 0, world_at(&w, 0));
	struct holders h = report(&w);
	assert_int_equal(h.garbage.count, 12);
	assert_int_equal(h.garbage_types.count, 3);
	assert_string_equal(h.garbage_types.items[0].type, "app.Node");
	assert_string_equal(h.garbage.type, "app.Node");
	assert_string_equal(h.garbage_types.items[1].type, "dict");
	assert_int_equal(h.garbage_types.items[2].count, 6);
	holders_fini(&h);
	world_fini(&w);
}

/* 0 ⇄ 1 ─▷ dict: garbage. 3 ⇄ 4, where 4 has a reference that nobody holds ─▷ 5: leaked. */
static void tells_garbage_from_leaks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	node(&w, 0, 1);
	node(&w, 1, 1);
	world_object(&w, 2, WORLD_DICT, 1);
	world_put(&w, 0, 0, world_at(&w, 1));
	world_put(&w, 1, 0, world_at(&w, 0));
	world_put(&w, 1, 1, world_at(&w, 2));
	world_put(&w, 2, 1, world_buffer(&w, 6, WORLD_DICT, PART_DICT_KEYS));
	node(&w, 3, 1);
	node(&w, 4, 2);
	world_object(&w, 5, WORLD_STR, 1);
	world_put(&w, 3, 0, world_at(&w, 4));
	world_put(&w, 4, 0, world_at(&w, 3));
	world_put(&w, 4, 1, world_at(&w, 5));
	uint64_t garbage;
	struct holders h = report_garbage(&w, &garbage);
	assert_int_equal(garbage, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 6);
	assert_int_equal(h.garbage.count, 3);
	assert_int_equal(h.garbage.bytes, 4 * WORLD_BLOCK);
	assert_string_equal(h.garbage.type, "app.Node");
	assert_int_equal(h.garbage_types.count, 2);
	assert_int_equal(h.leaked.count, 3);
	assert_int_equal(h.leaked.bytes, 3 * WORLD_BLOCK);
	assert_int_equal(h.leaked_types.count, 2);
	assert_int_equal(h.unreached_count, 0);
	holders_fini(&h);
	world_fini(&w);
}

/* Two references that are one and the same word of slack would hide the leak. */
static void is_not_misled_by_slack(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	world_object(&w, 0, WORLD_LIST, 1);
	world_put(&w, 0, 0, 1);
	world_put(&w, 0, 1, world_buffer(&w, 1, WORLD_LIST, PART_LIST_ITEMS));
	node(&w, 2, 2);
	world_put(&w, 1, 0, world_at(&w, 2));
	world_put(&w, 1, 1, world_at(&w, 2));
	world_put(&w, 2, 0, world_at(&w, 0));
	struct holders h = report(&w);
	assert_int_equal(h.leaked.count, 2);
	assert_int_equal(h.garbage.count, 0);
	holders_fini(&h);
	world_fini(&w);
}

/* Chunks: 100 is held by its middle, 101 by nobody, and with it 102; 103 ⇄ 104; 105 is of garbage; a Node in a lost one. */
static void tells_lost_chunks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 100, 6, 1024);
	for (uint32_t i = 100; i < 106; i++)
		world_buffer(&w, i, WORLD_TYPES, PART_OTHER);
	world_poke(&w, w.statics, world_at(&w, 100) + 512);
	world_memory_root(&w, ROOT_STATIC, "libfoo.so: table", w.statics, 64);
	world_put(&w, 101, 3, world_at(&w, 102) + 8);
	world_put(&w, 102, 0, node(&w, 0, 1));
	world_put(&w, 103, 0, world_at(&w, 104));
	world_put(&w, 104, 0, world_at(&w, 103));
	node(&w, 1, 1);
	world_put(&w, 1, 0, world_at(&w, 1));
	world_put(&w, 1, 1, world_at(&w, 105));
	world_buffer(&w, 2, WORLD_TYPES, PART_OTHER); /* no chunk */
	struct holders h = report(&w);
	assert_int_equal(h.native_count, 1);
	assert_int_equal(h.native_bytes, 1024);
	assert_int_equal(h.lost_count, 4);
	assert_int_equal(h.lost_bytes, 4 * 1024);
	assert_int_equal(h.lost_sizes.count, 1);
	assert_int_equal(h.lost_sizes.items[0].count, 4);
	assert_null(h.lost_library);
	assert_int_equal(h.leaked.count, 1);
	assert_int_equal(h.garbage.count, 2);
	assert_int_equal(h.garbage.bytes, WORLD_BLOCK + 1024);
	assert_int_equal(h.unreached_count, 1);
	holders_fini(&h);
	world_fini(&w);
}

static void names_the_library_of_lost_chunks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 1, 3, 1024);
	struct region *region = vec_push(&w.space.regions);
	*region = (struct region){.start = raddr_at(w.start + w.size + 4096),
				  .size = 4096,
				  .kind = REGION_FILE,
				  .readable = true,
				  .label = (char[]){"/usr/lib/libfoo.so.1"}};
	for (uint32_t i = 1; i < 4; i++)
		world_buffer(&w, i, WORLD_TYPES, PART_OTHER);
	world_put(&w, 1, 0, w.start + w.size + 4096 + 16);
	struct holders h = report(&w);
	assert_null(h.lost_library); /* one of three */
	holders_fini(&h);
	world_put(&w, 2, 1, w.start + w.size + 4096 + 32);
	h = report(&w);
	assert_string_equal(h.lost_library, "libfoo.so.1");
	holders_fini(&h);
	region->writable = true; /* traces of a free list */
	h = report(&w);
	assert_null(h.lost_library);
	holders_fini(&h);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_roots),
		cmocka_unit_test(folds_small_roots),
		cmocka_unit_test(tells_first_what_holds),
		cmocka_unit_test(tells_garbage_from_leaks),
		cmocka_unit_test(is_not_misled_by_slack),
		cmocka_unit_test(tells_lost_chunks),
		cmocka_unit_test(names_the_library_of_lost_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
