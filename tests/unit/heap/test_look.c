/* look: what a look costs us, and what it says of a target that nobody stops. */
#include "world.h"

#include "inspector/look/look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define N_ARENAS 12

/* One interpreter more than `own`, each with a heap of its own of the same size. */
static struct world *world_of(size_t own)
{
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	for (size_t i = 0; i < own; i++)
		world_interpreter(w, true);
	for (size_t i = 0; i <= own; i++) {
		for (unsigned n = 0; n < N_ARENAS; n++)
			world_pool(&w->heaps[i], world_arena(&w->heaps[i], 0), 5, 3, 0);
	}
	world_finish(w);
	return w;
}

/* A look at the world as at a process. The subject borrows the world's space. */
static struct error *look_at(struct world *w, uint64_t max_memory, struct snapshot *ret,
			     uint64_t *ret_bytes)
{
	const struct inspector_request request = {
		.pid = 1, .mode = LOOK_NO_PAUSE, .max_memory = max_memory};
	struct subject subject = {.space = w->space,
				  .build.layout = w->layout,
				  .build.version_hex = w->model->version,
				  .module.image.bias = WORLD_BIAS};
	struct look look = {0};
	struct error *err = look_copy(&look, &request, &subject, ret);
	*ret_bytes = 0;
	for (size_t i = 0; i < look.copies.count; i++)
		*ret_bytes += pymalloc_copy_bytes(look.copies.items[i]);
	look_fini(&look);
	return err;
}

static uint64_t bytes_of_look(size_t own)
{
	struct world *w = world_of(own);
	struct snapshot snapshot = {0};
	uint64_t bytes;
	assert_null(look_at(w, 1 * GIB, &snapshot, &bytes));
	doubts_fini(&snapshot.doubts);
	vec_fini(&snapshot.target.hooks);
	world_free(w);
	return bytes;
}

/* Three heaps, and a budget that each of them would fit into. */
static void all_heaps_share_one_budget(void **state)
{
	(void)state;
	uint64_t one = bytes_of_look(0), three = bytes_of_look(2), used;
	assert_true(one > 0 && three == 3 * one);
	struct world *w = world_of(2);
	const uint64_t budgets[] = {three - 1, 2 * one, one};
	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
		struct snapshot snapshot = {0};
		struct error *err = look_at(w, budgets[i], &snapshot, &used);
		assert_true(error_catch(&err, ERROR_RESOURCE));
		assert_true(used <= budgets[i]);
		doubts_fini(&snapshot.doubts);
		vec_fini(&snapshot.target.hooks);
	}
	struct snapshot snapshot = {0};
	assert_null(look_at(w, three, &snapshot, &used));
	doubts_fini(&snapshot.doubts);
	vec_fini(&snapshot.target.hooks);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_heaps_share_one_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
