/* graph: who is charged with what, whatever the heap looks like. */
#include "heap_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_held(const struct graph *graph, uint32_t block, const char *name)
{
	const char *holder = world_holder(graph, block);
	if (!name)
		assert_null(holder);
	else
		assert_string_equal(holder ? holder : "nobody", name);
}

static void assert_chain(const struct graph *graph, uint32_t block, const char *expected)
{
	char *chain = world_chain(graph, block);
	assert_string_equal(chain, expected);
	free(chain);
}

static const struct graph_root *root_named(const struct graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->roots.count; i++)
		if (!strcmp(graph->roots.items[i].name, name))
			return &graph->roots.items[i];
	fail_msg("no root %s", name);
	return NULL;
}

static uint64_t node(struct world *w, uint32_t block)
{
	return world_object(w, block, WORLD_NODE, 1);
}

/* a ─▷ 1 ─▷ 2 ─▷ 3 ◁─ b, and 2 ─▷ 2 ─▷ 1: each once, 3 to the one that is nearer, 0 to the one told first. */
static void charges_each_block_once(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	for (uint32_t i = 0; i < 5; i++)
		node(&w, i);
	world_put(&w, 1, 0, world_at(&w, 2));
	world_put(&w, 2, 0, world_at(&w, 2));
	world_put(&w, 2, 1, world_at(&w, 1));
	world_put(&w, 2, 2, world_at(&w, 3));
	world_global(&w, "app.a", world_at(&w, 1), 0);
	world_global(&w, "app.a0", world_at(&w, 0), 0);
	world_global(&w, "app.b", world_at(&w, 3), 0);
	world_global(&w, "app.b0", world_at(&w, 0), 0);
	struct graph *graph = world_walk(&w);
	assert_held(graph, 0, "app.a0");
	assert_held(graph, 1, "app.a");
	assert_held(graph, 2, "app.a");
	assert_held(graph, 3, "app.b");
	assert_held(graph, 4, NULL);
	assert_held(graph, 5, NULL);
	assert_true(graph->complete);
	assert_int_equal(root_named(graph, "app.a")->bytes, 2 * WORLD_BLOCK);
	assert_int_equal(root_named(graph, "app.a")->count, 2);
	assert_int_equal(root_named(graph, "app.b")->bytes, WORLD_BLOCK);
	assert_int_equal(root_named(graph, "app.b0")->bytes, 0);
	assert_chain(graph, 2, "app.a > app.Node > app.Node");
	graph_free(graph);
	world_fini(&w);
}

/* Three phases: a later one gets what is left, even where it is nearer. */
static void serves_phases_in_turn(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	for (uint32_t i = 0; i < 5; i++)
		node(&w, i);
	world_put(&w, 0, 0, world_at(&w, 1));
	world_put(&w, 1, 0, world_at(&w, 2));
	world_poke(&w, w.statics, world_at(&w, 2));
	world_poke(&w, w.statics + 16, world_at(&w, 3));
	world_poke(&w, w.statics + 24, world_at(&w, 4));
	world_memory_root(&w, ROOT_STACK, "stack", w.statics, 64);
	world_memory_root(&w, ROOT_STATIC, "libfoo.so: cache", w.statics, 16);
	world_memory_root(&w, ROOT_STATIC, NULL, w.statics + 16, 8);
	world_global(&w, "app.a", world_at(&w, 0), 0);
	struct graph *graph = world_walk(&w);
	assert_held(graph, 2, "app.a");
	assert_held(graph, 3, "libfoo.so: cache");
	assert_held(graph, 4, "stack");
	assert_int_equal(graph->roots.count, 3);
	graph_free(graph);
	world_fini(&w);
}

/* A function refers to its module's dict, and so to all of its globals' table: not the function is charged with that. */
static void holds_namespaces_back(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	uint64_t function = node(&w, 0);
	uint64_t dict = world_object(&w, 1, WORLD_DICT, 2);
	uint64_t keys = world_buffer(&w, 2, WORLD_DICT, PART_DICT_KEYS);
	uint64_t key = world_object(&w, 3, WORLD_STR, 1);
	world_put(&w, 0, 0, dict);
	world_put(&w, 1, 2, keys);
	world_put(&w, 2, 4, key);
	world_put(&w, 2, 5, function);
	world_global(&w, "pack.app.f", function, dict);
	world_global(&w, "pack.app.g", 0, dict);
	struct graph *graph = world_walk(&w);
	assert_held(graph, 0, "pack.app.f");
	assert_held(graph, 1, "pack.app.__dict__");
	assert_held(graph, 2, "pack.app.__dict__");
	assert_held(graph, 3, "pack.app.__dict__");
	assert_int_equal(root_named(graph, "pack.app.f")->bytes, WORLD_BLOCK);
	assert_chain(graph, 3, "pack.app.__dict__ > dict > str");
	graph_free(graph);
	world_fini(&w);
}

/* What looks like a reference: a link of the collector's, the middle of an object, a weak reference, what stands behind the
 * last item of a tuple or a list. */
static void is_not_misled(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	for (uint32_t i = 10; i < 20; i++)
		node(&w, i);
	node(&w, 0);
	world_put(&w, 0, 0, world_at(&w, 10) - WORLD_HEAD);
	world_put(&w, 0, 1, world_at(&w, 11) + 8);
	world_put(&w, 0, 2, world_at(&w, 12) + 1);
	world_poke(&w, w.start, world_at(&w, 13)); /* in the collector's head */
	world_object(&w, 1, WORLD_WEAKREF, 1);
	world_put(&w, 1, 0, world_at(&w, 14));
	world_put(&w, 1, 1, world_at(&w, 15)); /* its callback: held */
	world_object(&w, 2, WORLD_TUPLE, 1);
	world_put(&w, 2, 0, 1);
	world_put(&w, 2, 1, world_at(&w, 16));
	world_put(&w, 2, 2, world_at(&w, 17));
	world_object(&w, 3, WORLD_LIST, 1);
	world_put(&w, 3, 0, 1);
	world_put(&w, 3, 1, world_buffer(&w, 4, WORLD_LIST, PART_LIST_ITEMS));
	world_put(&w, 4, 0, world_at(&w, 18));
	world_put(&w, 4, 1, world_at(&w, 19));
	for (uint32_t i = 0; i < 4; i++)
		world_global(&w, "app.a", world_at(&w, i), 0);
	struct graph *graph = world_walk(&w);
	const bool held[] = {false, false, false, false, false, true, true, false, true, false};
	for (uint32_t i = 0; i < 10; i++)
		assert_held(graph, 10 + i, held[i] ? "app.a" : NULL);
	assert_held(graph, 4, "app.a");
	graph_free(graph);
	world_fini(&w);
}

/* A native structure points into a dict's keys, and is nearer: they are the dict's. Keys that no dict comes for are its. */
static void leaves_buffers_to_their_owners(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	world_buffer(&w, 0, WORLD_TYPES, PART_OTHER);
	world_put(&w, 0, 0, world_buffer(&w, 1, WORLD_DICT, PART_DICT_KEYS) + 8);
	world_put(&w, 0, 1, world_buffer(&w, 2, WORLD_DICT, PART_DICT_KEYS));
	node(&w, 3);
	world_put(&w, 3, 0, world_object(&w, 4, WORLD_DICT, 1));
	world_put(&w, 4, 1, world_at(&w, 1));
	world_put(&w, 1, 2, node(&w, 5));
	world_put(&w, 2, 2, node(&w, 6));
	world_memory_root(&w, ROOT_STATIC, "libfoo.so: table", w.statics, 8);
	world_poke(&w, w.statics, world_at(&w, 0));
	world_root(&w, ROOT_STATIC, HOLDER_STATIC, "libpython.so: dicts", world_at(&w, 3));
	struct graph *graph = world_walk(&w);
	assert_chain(graph, 5, "libpython.so: dicts > app.Node > dict > app.Node");
	assert_chain(graph, 6, "libfoo.so: table > native memory > app.Node");
	graph_free(graph);
	world_fini(&w);
}

/* An old word behind the last entry of one dict's table leads to another's: nearer than its owner, and not it. */
static void takes_no_old_word_for_an_owner(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	world_global(&w, "app.first", world_object(&w, 0, WORLD_DICT, 1), 0);
	world_put(&w, 0, 1, world_buffer(&w, 1, WORLD_DICT, PART_DICT_KEYS));
	world_put(&w, 1, 5, world_buffer(&w, 2, WORLD_DICT, PART_DICT_VALUES));
	world_put(&w, 2, 0, node(&w, 3));
	world_global(&w, "app.second", node(&w, 4), 0);
	world_put(&w, 4, 0, node(&w, 5));
	world_put(&w, 5, 0, node(&w, 6));
	world_put(&w, 6, 0, world_object(&w, 7, WORLD_DICT, 1));
	world_put(&w, 7, 1, world_at(&w, 2));
	struct graph *graph = world_walk(&w);
	assert_held(graph, 3, "app.second");
	graph_free(graph);
	world_fini(&w);
}

/* One entry of a dict's keys is used; behind it stands what was in that memory before. */
static void stops_behind_the_last_entry(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 1, 256);
	w.ground.shapes.keys.header = 32;
	w.ground.shapes.keys.log2_size = 8;
	w.ground.shapes.keys.log2_index_bytes = 9;
	w.ground.shapes.keys.kind = 10;
	w.ground.shapes.keys.nentries = 24;
	world_global(&w, "app.first", world_object(&w, 0, WORLD_DICT, 1), 0);
	world_put(&w, 0, 1, world_buffer(&w, 64, WORLD_DICT, PART_DICT_KEYS));
	world_put(&w, 64, 1, 3 | 3 << 8); /* 8 places, 8 bytes of indices, hash and key and value */
	world_put(&w, 64, 3, 1);
	world_put(&w, 64, 7, node(&w, 1));
	world_put(&w, 64, 8, node(&w, 2));
	world_global(&w, "app.second", node(&w, 3), 0);
	world_put(&w, 3, 0, node(&w, 4));
	world_put(&w, 4, 0, node(&w, 5));
	world_put(&w, 5, 0, world_at(&w, 2));
	struct graph *graph = world_walk(&w);
	assert_held(graph, 1, "app.first");
	assert_held(graph, 2, "app.second");
	graph_free(graph);
	world_fini(&w);
}

/* The same where its owner comes right behind the old word. */
static void waits_for_an_owner_that_is_near(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	world_global(&w, "app.first", node(&w, 0), 0);
	world_put(&w, 0, 0, world_buffer(&w, 2, WORLD_DICT, PART_DICT_VALUES));
	world_global(&w, "app.second", world_object(&w, 1, WORLD_DICT, 1), 0);
	world_put(&w, 1, 1, world_at(&w, 2));
	struct graph *graph = world_walk(&w);
	assert_held(graph, 2, "app.second");
	graph_free(graph);
	world_fini(&w);
}

/* Only the first block is referred to by the deque itself. */
static void follows_buffers_that_lead_on(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	world_global(&w, "app.queue", world_object(&w, 0, WORLD_LIST, 1), 0);
	world_put(&w, 0, 1, world_buffer(&w, 1, WORLD_LIST, PART_DEQUE_BLOCK));
	world_put(&w, 1, 0, world_buffer(&w, 2, WORLD_LIST, PART_DEQUE_BLOCK));
	world_put(&w, 2, 1, node(&w, 3));
	/* Farther than what hangs on the first block, but nearer than what waits for an owner. */
	world_put(&w, 3, 0, node(&w, 4));
	world_global(&w, "app.other", node(&w, 5), 0);
	world_put(&w, 5, 0, node(&w, 6));
	world_put(&w, 6, 0, node(&w, 7));
	world_put(&w, 7, 0, node(&w, 8));
	world_put(&w, 8, 0, world_at(&w, 4));
	struct graph *graph = world_walk(&w);
	assert_held(graph, 3, "app.queue");
	assert_held(graph, 4, "app.queue");
	graph_free(graph);
	world_fini(&w);
}

/* An object refers to its type, and a static type to all of its methods: they are not the object's, but what a root is. */
static void leaves_static_types_alone(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	uint64_t first = world_static(&w, 256, WORLD_TYPE);
	uint64_t second = world_static(&w, 512, WORLD_TYPE);
	world_poke(&w, first + 24, node(&w, 0));
	world_poke(&w, second + 24, node(&w, 1));
	node(&w, 2);
	world_put(&w, 2, 0, first);
	world_put(&w, 2, 1, second);
	world_global(&w, "app.a", world_at(&w, 2), 0);
	world_global(&w, "builtins.second", second, 0);
	world_memory_root(&w, ROOT_STATIC, "libpython.so: names", w.statics, 8);
	world_poke(&w, w.statics, first);
	struct graph *graph = world_walk(&w);
	assert_held(graph, 2, "app.a");
	assert_chain(graph, 1, "builtins.second > type > app.Node");
	assert_chain(graph, 0, "libpython.so: names > type > app.Node");
	assert_int_equal(root_named(graph, "builtins.second")->bytes, WORLD_BLOCK);
	graph_free(graph);
	world_fini(&w);
}

/* A million levels, each of one block. */
static void walks_long_lists(void **state)
{
	(void)state;
	const uint32_t n = 1000 * 1000;
	struct world w;
	world_init(&w, n, 0, 0);
	for (uint32_t i = 0; i < n; i++)
		node(&w, i);
	for (uint32_t i = 0; i < n; i++) /* jumps about, and ends where it began */
		world_put(&w, (uint32_t)((uint64_t)i * 7919 % n), i % 4,
			  world_at(&w, (uint32_t)((uint64_t)(i + 1) * 7919 % n)));
	world_global(&w, "app.first", world_at(&w, 0), 0);
	struct graph *graph = world_walk(&w);
	assert_int_equal(root_named(graph, "app.first")->count, n);
	assert_int_equal(root_named(graph, "app.first")->bytes, (uint64_t)n * WORLD_BLOCK);
	assert_int_equal(graph->paths.count, 2);
	uint32_t last = (uint32_t)((uint64_t)(n - 1) * 7919 % n);
	struct holder_chain chain;
	assert_null(graph_chain(graph, last, false, &chain));
	assert_int_equal(chain.links.count, 26);
	assert_string_equal(chain.links.items[13], "… 999,976 more …");
	holder_chain_fini(&chain);
	graph_free(graph);
	world_fini(&w);
}

/* A list of half a million, in a chunk: one level of all of them; every other one refers to the last. */
static void walks_wide_levels(void **state)
{
	(void)state;
	const uint32_t n = 500 * 1000;
	struct world w;
	world_init(&w, n + 2, 1, n * 8);
	world_object(&w, n, WORLD_LIST, 1);
	world_put(&w, n, 0, n);
	world_put(&w, n, 1, world_buffer(&w, n + 2, WORLD_LIST, PART_LIST_ITEMS));
	node(&w, n + 1);
	for (uint32_t i = 0; i < n; i++)
		node(&w, i);
	for (uint32_t i = 0; i < n; i++) {
		world_put(&w, n + 2, i, world_at(&w, (uint32_t)((uint64_t)i * 7919 % n)));
		if (i % 2)
			world_put(&w, i, 0, world_at(&w, n + 1));
	}
	world_global(&w, "app.rows", world_at(&w, n), 0);
	struct graph *graph = world_walk(&w);
	assert_int_equal(root_named(graph, "app.rows")->count, n + 2);
	assert_int_equal(root_named(graph, "app.rows")->bytes,
			 (uint64_t)(n + 2) * WORLD_BLOCK + n * 8);
	assert_int_equal(ties_parent(&graph->ties, n + 1), 1);
	assert_chain(graph, 7, "app.rows > list > app.Node");
	const struct graph_path *first = &graph->paths.items[ties_path(&graph->ties, 7)];
	assert_int_equal(first->count, n);
	assert_int_equal(first->all_count, n + 1);
	assert_false(first->one_place);
	assert_int_equal(first->n_met, n);
	for (size_t i = 0; i < GRAPH_PATH_SOME; i++) {
		assert_int_equal(ties_path(&graph->ties, first->some[i]),
				 ties_path(&graph->ties, 7));
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(first->some[i], first->some[k]);
	}
	graph_free(graph);
	world_fini(&w);
}

/* Node ─▷ dict ─▷ Node ─▷ dict …: four paths, not ten thousand. */
static void folds_rows_that_repeat(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 20000, 0, 0);
	for (uint32_t i = 0; i < 20000; i++) {
		world_object(&w, i, i % 2 ? WORLD_DICT : WORLD_NODE, 1);
		if (i)
			world_put(&w, i - 1, 0, world_at(&w, i));
	}
	world_global(&w, "app.first", world_at(&w, 0), 0);
	struct graph *graph = world_walk(&w);
	assert_int_equal(root_named(graph, "app.first")->count, 20000);
	assert_true(graph->paths.count <= 4);
	graph_free(graph);
	world_fini(&w);
}

static bool end_it(void *context, const char *step, unsigned done)
{
	(void)step;
	assert_in_range(done, 0, 1000);
	return --*(int *)context > 0;
}

static void ends_when_asked(void **state)
{
	(void)state;
	const uint32_t n = 300 * 1000;
	struct world w;
	world_init(&w, n, 0, 0);
	for (uint32_t i = 0; i < n; i++) {
		node(&w, i);
		if (i)
			world_put(&w, i - 1, 0, world_at(&w, i));
	}
	world_global(&w, "app.first", world_at(&w, 0), 0);
	graph_free(world_walk(&w)); /* for its burst */
	int left = 2;
	struct roots roots = {0};
	struct root *root = vec_push(&roots.list);
	*root = (struct root){.name = strdup("app.first"), .at = raddr_at(world_at(&w, 0))};
	const struct graph_request request = {
		.ground = &w.ground, .progress = end_it, .context = &left};
	struct graph *graph;
	struct holders holders;
	struct doubts doubts = {0};
	assert_null(graph_walk(&request, &roots, &graph, &doubts));
	assert_false(graph->complete);
	assert_int_equal(doubts.list.count, 1);
	assert_null(graph_report(graph, &holders));
	assert_false(holders.complete);
	assert_null(graph->garbage);
	assert_int_equal(holders.garbage.count + holders.leaked.count + holders.unreached_count, 0);
	assert_in_range(holders.reached_count, 1, n - 1);
	holders_fini(&holders);
	doubts_fini(&doubts);
	graph_free(graph);
	vec_fini(&roots.list);
	world_fini(&w);
}

static void says_when_memory_is_too_small(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	const struct graph_request request = {.ground = &w.ground, .max_memory = 1024};
	struct graph *graph = NULL;
	struct doubts doubts = {0};
	struct error *err = graph_walk(&request, &w.roots, &graph, &doubts);
	assert_non_null(err);
	assert_int_equal(err->kind, ERROR_RESOURCE);
	assert_null(graph);
	error_free(err);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(charges_each_block_once),
		cmocka_unit_test(serves_phases_in_turn),
		cmocka_unit_test(holds_namespaces_back),
		cmocka_unit_test(is_not_misled),
		cmocka_unit_test(leaves_buffers_to_their_owners),
		cmocka_unit_test(takes_no_old_word_for_an_owner),
		cmocka_unit_test(stops_behind_the_last_entry),
		cmocka_unit_test(waits_for_an_owner_that_is_near),
		cmocka_unit_test(follows_buffers_that_lead_on),
		cmocka_unit_test(leaves_static_types_alone),
		cmocka_unit_test(walks_long_lists),
		cmocka_unit_test(walks_wide_levels),
		cmocka_unit_test(folds_rows_that_repeat),
		cmocka_unit_test(ends_when_asked),
		cmocka_unit_test(says_when_memory_is_too_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
