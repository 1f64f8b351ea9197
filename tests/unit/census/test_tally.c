/*
 * Labels, counted: rows of types with their buffers, whose attributes a dict holds, arenas touched, what is elsewhere.
 */
#include "../holders/heap_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inspector/census/tables/tally.h"

static const struct census_row *row_of(const struct census *census, const char *name)
{
	for (size_t i = 0; i < census->types.count; i++) {
		if (!strcmp(census->types.items[i].name, name))
			return &census->types.items[i];
	}
	return NULL;
}

static void name_types(struct world *w)
{
	static const char *const names[WORLD_TYPES] = {
		[WORLD_NODE] = "app.Node", [WORLD_DICT] = "dict",
		[WORLD_LIST] = "list",     [WORLD_TUPLE] = "tuple",
		[WORLD_STR] = "str",       [WORLD_WEAKREF] = "weakref.ReferenceType",
		[WORLD_TYPE] = "type",
	};
	for (size_t i = 0; i < WORLD_TYPES; i++)
		w->ground.types.types.items[i].name = strdup(names[i]);
}

static void begin(struct world *w, uint32_t n_blocks, uint32_t n_chunks)
{
	world_init(w, n_blocks, n_chunks, 1024);
	name_types(w);
}

static void say(struct world *w, uint32_t block, enum label_kind kind, uint32_t type, uint32_t of)
{
	const struct label label = {kind, PART_OTHER, type, of, false};
	w->ground.labels.of_block[block] = labels_number(&w->ground.labels, &label);
	w->ground.plot.used[block / 64] |= UINT64_C(1) << (block % 64);
}

static void test_objects_and_their_buffers(void **state)
{
	(void)state;
	struct world w;
	struct census census = {0};
	begin(&w, 10, 2);
	for (uint32_t b = 0; b < 3; b++)
		world_object(&w, b, WORLD_LIST, 1);
	world_buffer(&w, 3, WORLD_LIST, PART_LIST_ITEMS);
	world_buffer(&w, 10, WORLD_LIST, PART_LIST_ITEMS);
	world_object(&w, 11, WORLD_TUPLE, 1);
	say(&w, 5, LABEL_GENERIC, WORLD_LIST, TYPE_NONE);
	say(&w, 6, LABEL_FREE_LISTED, WORLD_LIST, TYPE_NONE);
	say(&w, 7, LABEL_UNEXPLAINED, TYPE_NONE, TYPE_NONE);
	say(&w, 8, LABEL_GENERIC, TYPE_NONE, TYPE_NONE); /* a root's */
	assert_null(tally_fill(&w.ground, &census));
	const struct census_row *list = row_of(&census, "list"), *tuple = row_of(&census, "tuple");
	assert_true(list && tuple);
	assert_ptr_equal(list, &census.types.items[0]); /* most bytes first */
	assert_int_equal(list->count, 3);
	assert_int_equal(list->bytes, 3 * WORLD_BLOCK);
	assert_int_equal(list->buffer_count, 3);
	assert_int_equal(list->buffer_bytes, 2 * WORLD_BLOCK + 1024);
	assert_int_equal(list->large_count, 1);
	assert_int_equal(list->large_bytes, 1024);
	assert_int_equal(list->dead, 1);
	assert_int_equal(tuple->count, 1);
	assert_int_equal(tuple->bytes, 1024);
	assert_int_equal(tuple->arenas, 0);
	assert_int_equal(census.blocks, 8);
	assert_int_equal(census.objects, 3);
	assert_int_equal(census.buffers, 3);
	assert_int_equal(census.free_listed, 1);
	assert_int_equal(census.unexplained, 1);
	assert_int_equal(census.unexplained_bytes, WORLD_BLOCK);
	assert_int_equal(census.large_objects, 1);
	assert_int_equal(census.types.count, 2);
	census_fini(&census);
	world_fini(&w);
}

static void test_a_dict_is_told_with_whose_attributes_it_holds(void **state)
{
	(void)state;
	struct world w;
	struct census census = {0};
	begin(&w, 6, 0);
	world_object(&w, 0, WORLD_DICT, 1);
	say(&w, 1, LABEL_OBJECT, WORLD_DICT, WORLD_NODE);
	say(&w, 2, LABEL_OBJECT, WORLD_DICT, WORLD_NODE);
	say(&w, 3, LABEL_BUFFER, WORLD_DICT, WORLD_NODE);
	assert_null(tally_fill(&w.ground, &census));
	const struct census_row *plain = row_of(&census, "dict");
	const struct census_row *of = row_of(&census, "dict of app.Node");
	assert_true(plain && of);
	assert_int_equal(plain->count, 1);
	assert_int_equal(plain->buffer_count, 0);
	assert_int_equal(of->count, 2);
	assert_int_equal(of->buffer_bytes, WORLD_BLOCK);
	census_fini(&census);
	world_fini(&w);
}

/* Two arenas side by side, the second a run of its own. */
static void test_arenas_are_those_touched(void **state)
{
	(void)state;
	struct world w;
	struct census census = {0};
	begin(&w, 100, 0);
	struct plot *plot = &w.ground.plot;
	struct plot_run *second = vec_push(&plot->runs);
	struct plot_arena *arena = vec_push(&plot->arenas);
	assert_true(second && arena);
	plot->runs.items[0].n_blocks = 50;
	*second = (struct plot_run){w.start + 50 * WORLD_BLOCK, WORLD_BLOCK, 50, 50, 1};
	*arena = (struct plot_arena){.start = second->start, .size = 50 * WORLD_BLOCK};
	for (uint32_t b = 0; b < 100; b += 10)
		world_object(&w, b, WORLD_NODE, 1);
	world_object(&w, 1, WORLD_STR, 1);
	world_object(&w, 2, WORLD_LIST, 1);
	say(&w, 99, LABEL_GENERIC, WORLD_LIST, TYPE_NONE);
	assert_null(tally_fill(&w.ground, &census));
	assert_int_equal(row_of(&census, "app.Node")->arenas, 2);
	assert_int_equal(row_of(&census, "str")->arenas, 1);
	assert_int_equal(row_of(&census, "list")->arenas, 2); /* its buffer counts, too */
	assert_int_equal(census.arenas, 2);
	census_fini(&census);
	world_fini(&w);
}

static void test_types_of_one_name_stay_apart(void **state)
{
	(void)state;
	struct world w;
	struct census census = {0};
	begin(&w, 10, 0);
	free(w.ground.types.types.items[WORLD_TUPLE].name);
	w.ground.types.types.items[WORLD_TUPLE].name = strdup("app.Node");
	world_object(&w, 0, WORLD_NODE, 1);
	world_object(&w, 1, WORLD_NODE, 1);
	world_object(&w, 2, WORLD_TUPLE, 1);
	world_object(&w, 3, WORLD_STR, 1);
	assert_null(tally_fill(&w.ground, &census));
	assert_int_equal(census.types.count, 3);
	assert_int_equal(census.types.items[0].n_namesakes, 1);
	assert_int_equal(row_of(&census, "str")->n_namesakes, 0);
	assert_int_not_equal(census.types.items[0].type.value, census.types.items[1].type.value);
	census_fini(&census);
	world_fini(&w);
}

/* 2.7's ints lie many in a chunk: the chunk's bytes are counted once. */
static void test_objects_inside_a_chunk(void **state)
{
	(void)state;
	struct world w;
	struct census census = {0};
	begin(&w, 2, 1);
	world_buffer(&w, 2, WORLD_STR, PART_OTHER);
	const struct label str = {LABEL_OBJECT, PART_OTHER, WORLD_STR, TYPE_NONE, true};
	for (uint64_t i = 0; i < 10; i++) {
		struct outside_object *object = vec_push(&w.ground.outside.list);
		assert_non_null(object);
		*object = (struct outside_object){w.chunks + 8 + i * 24, 24, 0};
		object->label = labels_number(&w.ground.labels, &str);
	}
	assert_null(tally_fill(&w.ground, &census));
	const struct census_row *row = row_of(&census, "str");
	assert_int_equal(row->count, 10);
	assert_int_equal(row->bytes, 240);
	assert_int_equal(row->buffer_bytes, 1024 - 240);
	assert_int_equal(census.large_objects, 10);
	census_fini(&census);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_and_their_buffers),
		cmocka_unit_test(test_a_dict_is_told_with_whose_attributes_it_holds),
		cmocka_unit_test(test_arenas_are_those_touched),
		cmocka_unit_test(test_types_of_one_name_stay_apart),
		cmocka_unit_test(test_objects_inside_a_chunk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
