/*
 * What nobody claims belongs to the lowest block that points to it; what those point to, to the same; roots come last.
 */
#include "../holders/heap_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inspector/census/passes/passes.h"

static void attribute(struct world *w)
{
	const struct burst_range all = {raddr_at(w->start), w->size};
	const struct burst_request taken = {
		.space = &w->space, .wanted = &all, .n_wanted = 1, .max_memory = GIB};
	struct crew *crew = NULL;
	burst_free(w->ground.burst);
	assert_null(burst_take(&taken, &w->ground.burst));
	w->ground.wanted.list.count = 0;
	struct burst_range *wanted = vec_push(&w->ground.wanted.list);
	assert_non_null(wanted);
	*wanted = all;
	w->ground.types.burst = w->ground.burst;
	w->ground.still = true;
	assert_null(crew_new(&w->ground, &crew));
	assert_true(pass_attribute(crew));
	crew_free(crew);
}

static const struct label *said(const struct world *w, uint32_t block)
{
	return labels_of(&w->ground.labels, block);
}

static void check_generic(const struct world *w, uint32_t block, uint32_t type)
{
	assert_int_equal(said(w, block)->kind, LABEL_GENERIC);
	assert_int_equal(said(w, block)->type, type);
}

static void test_who_points_to_it_owns_it(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 20, 0, 0);
	world_object(&w, 0, WORLD_NODE, 1);
	world_buffer(&w, 1, WORLD_TYPES, PART_OTHER);
	world_buffer(&w, 2, WORLD_TYPES, PART_OTHER);
	world_buffer(&w, 3, WORLD_TYPES, PART_OTHER);
	world_put(&w, 0, 2, world_at(&w, 1));
	world_put(&w, 1, 0, world_at(&w, 2)); /* and what it points to */
	world_put(&w, 2, 3, world_at(&w, 1)); /* in a circle */
	attribute(&w);
	check_generic(&w, 1, WORLD_NODE);
	check_generic(&w, 2, WORLD_NODE);
	assert_int_equal(said(&w, 3)->kind, LABEL_UNEXPLAINED);
	assert_int_equal(said(&w, 0)->kind, LABEL_OBJECT);
	burst_wanted_fini(&w.ground.wanted);
	world_fini(&w);
}

static void test_of_several_the_lowest_does(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 4000, 0, 0);
	for (uint32_t b = 10; b < 3000; b++) {
		world_object(&w, b, b == 10 ? WORLD_NODE : WORLD_TUPLE, 1);
		world_put(&w, b, 2, w.start + 3500 * WORLD_BLOCK);
	}
	world_buffer(&w, 3500, WORLD_TYPES, PART_OTHER);
	for (int i = 0; i < 20; i++) {
		w.ground.labels.of_block[3500] = LABELS_UNEXPLAINED;
		attribute(&w);
		check_generic(&w, 3500, WORLD_NODE);
	}
	burst_wanted_fini(&w.ground.wanted);
	world_fini(&w);
}

static void test_only_its_begin_counts(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 10, 0, 0);
	world_object(&w, 0, WORLD_NODE, 1);
	world_buffer(&w, 1, WORLD_TYPES, PART_OTHER);
	world_put(&w, 0, 0, world_at(&w, 1) + 8);
	attribute(&w);
	assert_int_equal(said(&w, 1)->kind, LABEL_UNEXPLAINED);
	burst_wanted_fini(&w.ground.wanted);
	world_fini(&w);
}

static void test_what_strings_say_is_no_pointer(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 10, 0, 0);
	world_object(&w, 0, WORLD_STR, 1);
	world_buffer(&w, 1, WORLD_STR, PART_STR_DATA);
	world_buffer(&w, 2, WORLD_TYPES, PART_OTHER);
	world_put(&w, 0, 1, world_at(&w, 2));
	world_put(&w, 1, 1, world_at(&w, 2));
	attribute(&w);
	assert_int_equal(said(&w, 2)->kind, LABEL_UNEXPLAINED);
	burst_wanted_fini(&w.ground.wanted);
	world_fini(&w);
}

/* A chunk of a library's that only static data points to is none of Python's. */
static void test_roots_come_last_and_own_no_chunks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, 10, 3, 256);
	world_object(&w, 0, WORLD_LIST, 1);
	world_buffer(&w, 1, WORLD_TYPES, PART_OTHER); /* a root's alone */
	world_buffer(&w, 2, WORLD_TYPES, PART_OTHER); /* what that points to */
	world_buffer(&w, 3, WORLD_TYPES, PART_OTHER); /* a root's and an object's */
	world_buffer(&w, 10, WORLD_TYPES, PART_OTHER);
	world_buffer(&w, 11, WORLD_TYPES, PART_OTHER);
	world_poke(&w, w.statics, world_at(&w, 1));
	world_put(&w, 1, 1, world_at(&w, 2));
	world_poke(&w, w.statics + 8, world_at(&w, 3));
	world_put(&w, 0, 1, world_at(&w, 3));
	world_poke(&w, w.statics + 16, world_at(&w, 10));
	world_put(&w, 0, 2, world_at(&w, 11));
	attribute(&w);
	check_generic(&w, 1, TYPE_NONE);
	check_generic(&w, 2, TYPE_NONE);
	check_generic(&w, 3, WORLD_LIST);
	assert_int_equal(said(&w, 10)->kind, LABEL_UNEXPLAINED);
	check_generic(&w, 11, WORLD_LIST);
	burst_wanted_fini(&w.ground.wanted);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_points_to_it_owns_it),
		cmocka_unit_test(test_of_several_the_lowest_does),
		cmocka_unit_test(test_only_its_begin_counts),
		cmocka_unit_test(test_what_strings_say_is_no_pointer),
		cmocka_unit_test(test_roots_come_last_and_own_no_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
