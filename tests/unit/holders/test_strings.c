/* graph: characters that stand outside of their str are reached with it. */
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

static void assert_charged(const struct graph *graph, uint64_t bytes, uint64_t count)
{
	for (size_t i = 0; i < graph->roots.count; i++) {
		const struct graph_root *root = &graph->roots.items[i];
		if (strcmp(root->name, "app.latin") != 0)
			continue;
		assert_int_equal(root->bytes, bytes);
		assert_int_equal(root->count, count);
		return;
	}
	fail_msg("no such root");
}

/* Behind a str of other characters than ASCII its UTF-8; behind one of ASCII there is nothing, whatever stands there. */
static void finds_characters(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t str = world_object(&w, i, WORLD_STR, 1);
		world_poke(&w, str + 32, i ? 3 << 5 : 1 << 5 | 1);
		world_poke(&w, str + 48, world_buffer(&w, 2 + i, WORLD_STR, PART_STR_DATA));
		world_global(&w, i ? "app.ascii" : "app.latin", str, 0);
	}
	struct graph *graph = world_walk(&w);
	assert_held(graph, 2, "app.latin");
	assert_held(graph, 3, NULL);
	assert_charged(graph, 2 * WORLD_BLOCK, 1);
	assert_int_equal(graph->interned_count, 1);
	graph_free(graph);
	world_fini(&w);
}

/* The same of a str in static data. */
static void finds_characters_of_static_strings(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	uint64_t str = world_static(&w, 256, WORLD_STR);
	world_poke(&w, str + 32, 1 << 5 | 1);
	world_poke(&w, str + 48, world_buffer(&w, 0, WORLD_STR, PART_STR_DATA));
	world_global(&w, "app.latin", str, 0);
	struct graph *graph = world_walk(&w);
	assert_held(graph, 0, "app.latin");
	assert_charged(graph, WORLD_BLOCK, 0);      /* only blocks are counted */
	assert_int_equal(graph->interned_count, 0); /* of blocks */
	graph_free(graph);
	world_fini(&w);
}

/* Its characters stand in memory that refers to another, which lies before it. */
static void finds_characters_of_strings_behind_strings(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	const uint32_t first = 5, second = 1;
	world_global(&w, "app.latin", world_object(&w, first, WORLD_STR, 1), 0);
	world_poke(&w, world_at(&w, first) + 32, 1 << 5 | 1);
	world_poke(&w, world_at(&w, first) + 48, world_buffer(&w, 6, WORLD_TYPES, PART_OTHER));
	world_put(&w, 6, 0, world_object(&w, second, WORLD_STR, 1));
	world_poke(&w, world_at(&w, second) + 32, 1 << 5 | 1);
	world_poke(&w, world_at(&w, second) + 48, world_buffer(&w, 7, WORLD_STR, PART_STR_DATA));
	struct graph *graph = world_walk(&w);
	assert_held(graph, 7, "app.latin");
	graph_free(graph);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_characters),
		cmocka_unit_test(finds_characters_of_static_strings),
		cmocka_unit_test(finds_characters_of_strings_behind_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
