/* walk: which of several ways it takes, and which it does not. */
#include "heap_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect_chain(const struct graph *graph, uint32_t block, const char *expected)
{
	char *chain = world_chain(graph, block);
	assert_string_equal(chain, expected);
	free(chain);
}

/* Of two ways that are as long that through objects is told, wherever the other stands in memory. */
static void prefers_what_is_known(void **state)
{
	(void)state;
	for (uint32_t known = 1; known < 4; known += 2) {
		struct world w;
		world_init(&w, 64, 0, 0);
		world_object(&w, 0, WORLD_NODE, 1);
		world_object(&w, known, WORLD_NODE, 1);
		world_object(&w, 5, WORLD_NODE, 1);
		world_put(&w, 0, 0, world_buffer(&w, 2, WORLD_TYPES, PART_OTHER));
		world_put(&w, 0, 1, world_at(&w, known));
		world_put(&w, 2, 0, world_at(&w, 5));
		world_put(&w, known, 0, world_at(&w, 5));
		world_global(&w, "app.a", world_at(&w, 0), 0);
		struct graph *graph = world_walk(&w);
		expect_chain(graph, 2, "app.a > app.Node > native memory");
		expect_chain(graph, 5, "app.a > app.Node > app.Node > app.Node");
		graph_free(graph);
		world_fini(&w);
	}
}

/* Memory of which each word that holds is a root: the others in it do not hold. */
static void passes_over_what_is_told(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 64, 0, 0);
	world_object(&w, 0, WORLD_NODE, 1);
	world_object(&w, 1, WORLD_NODE, 1);
	uint64_t told = world_buffer(&w, 2, WORLD_TYPES, PART_OTHER);
	world_put(&w, 2, 0, world_at(&w, 0));
	world_put(&w, 2, 1, world_at(&w, 1));
	world_global(&w, "app.a", told, 0);
	world_root(&w, ROOT_STATIC, HOLDER_THREAD, "interpreter 0: dict", world_at(&w, 0));
	raddr *at = vec_push(&w.roots.told);
	assert_non_null(at);
	*at = raddr_at(told);
	struct graph *graph = world_walk(&w);
	assert_string_equal(world_holder(graph, 2), "app.a");
	assert_string_equal(world_holder(graph, 0), "interpreter 0: dict");
	assert_null(world_holder(graph, 1));
	graph_free(graph);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefers_what_is_known),
		cmocka_unit_test(passes_over_what_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
