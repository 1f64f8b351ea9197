/* type_table: names, kinds, and what hostile memory makes of them. */
#include "object_world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct type *find(struct object_world *w, uint64_t at)
{
	uint32_t i = type_table_find(&w->types, raddr_at(at));
	return i == TYPE_NONE ? NULL : type_table_get(&w->types, i);
}

struct errand {
	struct object_world *w;
	uint64_t at;
	const struct type *found;
};

static void *run_errand(void *context)
{
	struct errand *errand = context;
	errand->found = find(errand->w, errand->at);
	return NULL;
}

/* With no more stack than a few levels need: who goes as deep as memory leads does not come back. */
static const struct type *find_with_little_stack(struct object_world *w, uint64_t at)
{
	struct errand errand = {.w = w, .at = at};
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	assert_int_equal(pthread_attr_setstacksize(&attributes, 384 * 1024), 0);
	assert_int_equal(pthread_create(&thread, &attributes, run_errand, &errand), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	return errand.found;
}

static struct object_world *world(void)
{
	return object_world_new(0x030c0000, false, false, 0);
}

/* ---- what they are ----------------------------------------------------------------------- */

static void test_builtin_types(void **state)
{
	(void)state;
	static const uint32_t versions[] = {0x02071200, 0x03060000, 0x030b0000, 0x030f0000};
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct object_world *w = object_world_new(versions[i], false, false, 24);
		const struct type *str = find(w, w->str), *list = find(w, w->list);
		assert_non_null(str);
		assert_int_equal(str->kind, i ? TYPE_STR : TYPE_BYTES);
		assert_true(str->exact && str->leaf && !str->heap);
		assert_int_equal(str->before, 0);
		assert_string_equal(str->name, "str");
		assert_int_equal(list->kind, TYPE_LIST);
		assert_true(list->exact && !list->leaf);
		assert_int_equal(list->before, 24);
		assert_int_equal(find(w, w->type)->kind, TYPE_TYPE);
		assert_ptr_equal(type_table_get(&w->types, find(w, w->type)->metatype),
				 find(w, w->type));
		object_world_free(w);
	}
}

static void test_a_class_has_its_module(void **state)
{
	(void)state;
	static const uint32_t versions[] = {0x02071200, 0x03060000, 0x030a0000, 0x030c0000,
					    0x030f0000};
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct object_world *w = object_world_new(versions[i], false, false, 24);
		const struct type *app = find(w, w->app);
		assert_string_equal(app->name, "app.Session");
		assert_int_equal(app->kind, TYPE_OTHER);
		assert_true(app->heap && !app->exact);
		object_world_free(w);
	}
}

/* A subclass is laid out as its base, and is not it; a class that is only called so is not. */
static void test_kinds_are_inherited_not_claimed(void **state)
{
	(void)state;
	struct object_world *w = world();
	uint64_t set = object_world_data(w, 1024), sub = object_world_data(w, 1024),
		 named = object_world_data(w, 1024);
	object_world_type(w, set, "MySet", w->type, 200, 0, WORLD_IS_HEAP | WORLD_GC);
	object_world_put(w, set + w->shapes.type.base, w->set);
	object_world_type(w, sub, "MyDict", w->type, 48, 0, 1 << 29 | WORLD_IS_HEAP | WORLD_GC);
	object_world_type(w, named, "float", w->type, 32, 0, WORLD_IS_HEAP);
	object_world_look(w);
	assert_int_equal(find(w, set)->kind, TYPE_SET);
	assert_false(find(w, set)->exact);
	assert_int_equal(find(w, sub)->kind, TYPE_DICT);
	assert_false(find(w, sub)->exact || find(w, sub)->leaf);
	assert_int_equal(find(w, named)->kind, TYPE_OTHER);
	assert_false(find(w, named)->leaf);
	object_world_free(w);
}

/* Their bits mean other things before the versions that have them. */
static void test_managed_words_are_of_their_versions(void **state)
{
	(void)state;
	static const struct {
		uint32_t hex;
		unsigned before;
		bool dict, weakref, inlined;
	} cases[] = {{0x030a0000, 16, false, false, false},
		     {0x030b0000, 32, true, false, false},
		     {0x030c0000, 32, true, true, false},
		     {0x030d0000, 32, true, true, true}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct object_world *w = object_world_new(cases[i].hex, false, false, 16);
		uint64_t at = object_world_data(w, 1024);
		object_world_type(w, at, "A", w->type, 16, 0, WORLD_IS_HEAP | WORLD_GC | 0x1c);
		object_world_look(w);
		const struct type *t = find(w, at);
		assert_int_equal(t->before, cases[i].before);
		assert_int_equal(t->managed_dict, cases[i].dict);
		assert_int_equal(t->managed_weakref, cases[i].weakref);
		assert_int_equal(t->inline_values, cases[i].inlined);
		object_world_free(w);
	}
}

/* 2.7's wrapper_descriptor: never readied, in a file's data. */
static void test_static_types_that_nobody_readied(void **state)
{
	(void)state;
	struct object_world *w = world();
	uint64_t at = object_world_data(w, 1024), heap = object_world_heap(w, 1024);
	object_world_type(w, at, "wrapper_descriptor", w->type, 40, 0, 0);
	object_world_put(w, at + w->shapes.type.flags, 0);
	object_world_put(w, at + w->shapes.type.mro, 0);
	memcpy(object_world_host(w, heap, 1024), object_world_host(w, at, 1024), 1024);
	object_world_look(w);
	assert_string_equal(find(w, at)->name, "wrapper_descriptor");
	assert_null(find(w, heap));
	object_world_put(w, at + w->shapes.type.dealloc, WORLD_DATA); /* no code */
	object_world_look(w);
	assert_null(find(w, at));
	object_world_free(w);
}

/* Up to 3.7 without debug information: the dict of `type` is tracked by the collector, between two others. */
static void test_the_gc_head_is_measured(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {24, 32};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct object_world *w = object_world_new(0x03060000, false, false, 0);
		uint64_t dict = object_world_heap(w, 128) + 32, head = dict - sizes[i];
		uint64_t next = object_world_heap(w, 32), previous = object_world_heap(w, 32);
		assert_int_equal(w->shapes.gc_size, 0);
		object_world_put(w, head, next);
		object_world_put(w, head + 8, previous);
		object_world_put(w, next + 8, head);
		object_world_put(w, previous, head);
		object_world_put(w, w->type + w->shapes.type.dict, dict);
		uint64_t list = object_world_object(w, w->list, sizes[i], 40, 1);
		object_world_look(w);
		struct object o;
		assert_true(object_in_block(&w->types, raddr_at(list - sizes[i]), 80, &o));
		assert_int_equal(w->types.gc_size, sizes[i]);
		assert_int_equal(o.at.value, list);
		object_world_free(w);
	}
}

/* ---- hostile ----------------------------------------------------------------------------- */

static void test_what_is_no_type(void **state)
{
	(void)state;
	struct object_world *w = world();
	const struct shapes *s = &w->shapes;
	uint64_t other = object_world_data(w, 1024), small = object_world_data(w, 1024),
		 large = object_world_data(w, 1024), meta = object_world_data(w, 1024);
	object_world_type(w, other, "x", w->type, 16, 0, 0);
	object_world_put(w, other + s->type.mro, w->type); /* not a tuple that names it */
	object_world_type(w, small, "x", w->type, 8, 0, 0);
	object_world_type(w, large, "x", w->type, UINT64_C(1) << 40, 0, 0);
	object_world_type(w, meta, "x", w->list, 16, 0, 0); /* list is no metatype */
	object_world_look(w);
	assert_null(find(w, other));
	assert_null(find(w, small));
	assert_null(find(w, large));
	assert_null(find(w, meta));
	assert_null(find(w, 0));
	assert_null(find(w, w->type + 4));
	assert_null(find(w, UINT64_MAX - 7));
	assert_null(find(w, WORLD_CODE));
	assert_null(find(w, WORLD_DATA + WORLD_SIZE - 8));
	object_world_free(w);
}

/* Each the other's metatype; each the other's base; and one whose base is itself. */
static void test_circles_end(void **state)
{
	(void)state;
	struct object_world *w = world();
	uint64_t at[4];
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		at[i] = object_world_data(w, 1024);
	object_world_type(w, at[0], "a", at[1], 16, 0, UINT64_C(1) << 31);
	object_world_type(w, at[1], "b", at[0], 16, 0, UINT64_C(1) << 31);
	object_world_type(w, at[2], "c", w->type, 16, 0, 0);
	object_world_type(w, at[3], "d", w->type, 16, 0, 0);
	object_world_put(w, at[2] + w->shapes.type.base, at[3]);
	object_world_put(w, at[3] + w->shapes.type.base, at[2]);
	object_world_look(w);
	assert_null(find(w, at[0]));
	assert_null(find(w, at[1]));
	assert_non_null(find(w, at[2]));
	assert_int_equal(find(w, at[3])->kind, TYPE_OTHER);
	object_world_free(w);
}

/* As many bases as there is room for, each of the next: no deep recursion, and all of them are types. */
static void test_a_long_line_of_bases(void **state)
{
	(void)state;
	struct object_world *w = world();
	enum { N = 500 };
	uint64_t first = 0, last = w->list;
	for (int i = 0; i < N; i++) {
		first = object_world_data(w, 1024);
		object_world_type(w, first, "n", w->type, 40, 0, WORLD_IS_HEAP | WORLD_GC);
		object_world_put(w, first + w->shapes.type.base, last);
		last = first;
	}
	object_world_look(w);
	assert_non_null(find_with_little_stack(w, first));
	assert_true(w->types.types.count < N);
	object_world_free(w);
}

/* A metatype of a metatype … that never comes to `type`. */
static void test_a_long_line_of_metatypes(void **state)
{
	(void)state;
	struct object_world *w = world();
	uint64_t next = object_world_data(w, 1024), first = next;
	for (int i = 0; i < 400; i++) {
		uint64_t at = next;
		next = object_world_data(w, 1024);
		object_world_type(w, at, "m", next, 16, 0, UINT64_C(1) << 31);
	}
	object_world_look(w);
	assert_null(find_with_little_stack(w, first));
	object_world_free(w);
}

static void test_names_that_go_on(void **state)
{
	(void)state;
	struct object_world *w = world();
	uint64_t c = object_world_data(w, 1024), python = object_world_data(w, 1024);
	uint64_t gone = object_world_data(w, 1024);
	object_world_type(w, c, "c", w->type, 16, 0, 0);
	object_world_type(w, python, "p", w->type, 16, 0, WORLD_IS_HEAP);
	object_world_type(w, gone, "g", w->type, 16, 0, 0);
	/* To the very end of the heap, without a zero; and a str that says it has 2^39 characters. */
	memset(object_world_host(w, WORLD_HEAP + 0x80000, 0x80000), 'n', 0x80000);
	object_world_put(w, c + w->shapes.type.name, WORLD_HEAP + 0x80000);
	uint64_t str = object_world_str(w, "name");
	object_world_put(w, str + w->shapes.str.length, UINT64_C(1) << 39);
	object_world_put(w, python + w->shapes.type.ht_qualname, str);
	object_world_put(w, gone + w->shapes.type.name, 0x10);
	object_world_look(w);
	const char *name = find(w, c)->name;
	assert_in_range(strlen(name), 100, TYPE_NAME_MAX);
	assert_string_equal(name + strlen(name) - 3, "…");
	assert_in_range(strlen(find(w, python)->name), 1, TYPE_NAME_MAX);
	assert_memory_equal(find(w, gone)->name, "type@0x7f", 9);
	object_world_free(w);
}

/* Keys of a class's dict whose types are classes in turn, and so on: named one after the other. */
static void test_names_that_need_names(void **state)
{
	(void)state;
	struct object_world *w = world();
	enum { N = 400 };
	uint64_t type[N];
	for (int i = 0; i < N; i++)
		type[i] = object_world_data(w, 1024);
	for (int i = 0; i < N; i++) {
		uint64_t key = object_world_str(w, "__module__"), values[] = {key};
		static const char *const keys[] = {"x"};
		uint64_t dict = object_world_dict(w, keys, values, 1);
		object_world_type(w, type[i], "s", w->type, 80, 0, 1 << 28 | WORLD_IS_HEAP);
		object_world_put(w, type[i] + w->shapes.type.dict, dict);
		object_world_put(w, type[i] + w->shapes.type.ht_qualname, object_world_str(w, "S"));
		/* the key of that dict is an instance of the next of them */
		uint64_t entry = 0;
		memcpy(&entry, object_world_host(w, dict + w->shapes.dict.keys, 8), 8);
		entry += w->shapes.keys.header + 16;
		object_world_put(w, entry, key);
		object_world_put(w, key + 8, i + 1 < N ? type[i + 1] : w->str);
	}
	object_world_look(w);
	assert_non_null(find_with_little_stack(w, type[0]));
	for (size_t i = 0; i < w->types.types.count; i++)
		assert_string_not_equal(w->types.types.items[i].name, "?");
	assert_true(w->types.types.count >= N);
	object_world_free(w);
}

/* What is asked for is remembered, and more words than there is room for are forgotten, not mixed up. */
static void test_many_words(void **state)
{
	(void)state;
	struct object_world *w = world();
	for (uint64_t at = WORLD_HEAP; at < WORLD_HEAP + WORLD_SIZE; at += 8)
		assert_null(find(w, at));
	assert_string_equal(find(w, w->list)->name, "list");
	uint64_t seen = w->types.n_examined;
	assert_string_equal(find(w, w->list)->name, "list");
	assert_null(find(w, WORLD_HEAP + WORLD_SIZE - 8));
	assert_int_equal(w->types.n_examined, seen);
	object_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin_types),
		cmocka_unit_test(test_a_class_has_its_module),
		cmocka_unit_test(test_kinds_are_inherited_not_claimed),
		cmocka_unit_test(test_managed_words_are_of_their_versions),
		cmocka_unit_test(test_static_types_that_nobody_readied),
		cmocka_unit_test(test_the_gc_head_is_measured),
		cmocka_unit_test(test_what_is_no_type),
		cmocka_unit_test(test_circles_end),
		cmocka_unit_test(test_a_long_line_of_bases),
		cmocka_unit_test(test_a_long_line_of_metatypes),
		cmocka_unit_test(test_names_that_go_on),
		cmocka_unit_test(test_names_that_need_names),
		cmocka_unit_test(test_many_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
