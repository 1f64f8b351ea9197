/* object: what is recognised in a block, of every version, and what is not. */
#include "object_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	uint32_t hex;
	bool free_threaded, hooks;
	uint64_t gc_size;
} versions[] = {
	{0x02071200, false, false, 32}, {0x02071200, false, true, 32},
	{0x03060000, false, false, 24}, {0x03060f00, false, false, 32},
	{0x03071000, false, true, 32},  {0x03080000, false, false, 0},
	{0x03090000, false, true, 0},   {0x030a0000, false, false, 0},
	{0x030b0000, false, false, 0},  {0x030b0000, false, true, 16},
	{0x030c0000, false, false, 0},  {0x030c0000, false, true, 0},
	{0x030d0000, false, false, 16}, {0x030d0000, true, false, 0},
	{0x030e0000, false, false, 0},  {0x030e0000, false, true, 0},
	{0x030f0000, false, false, 16}, {0x030f0000, true, false, 0},
	{0x03100000, false, false, 0},
};

static void each_version(void (*test)(struct object_world *w))
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		print_message("%08x%s%s\n", versions[i].hex, versions[i].free_threaded ? "t" : "",
			      versions[i].hooks ? " hooks" : "");
		struct object_world *w =
			object_world_new(versions[i].hex, versions[i].free_threaded,
					 versions[i].hooks, versions[i].gc_size);
		test(w);
		object_world_free(w);
	}
}

/* Looks at the block of an object as if it had `spare` bytes more than were asked for. */
static bool see(struct object_world *w, uint64_t object, uint64_t before, uint64_t size,
		uint64_t spare, struct object *ret)
{
	uint64_t block = object_world_block(w, object, before);
	return object_in_block(&w->types, raddr_at(block),
			       object - block + size + spare + (w->shapes.hook_size ? 8 : 0), ret);
}

static void assert_object(struct object_world *w, uint64_t at, uint64_t before, uint64_t size,
			  const char *name)
{
	struct object o;
	assert_true(see(w, at, before, size, 8, &o));
	assert_int_equal(o.at.value, at);
	assert_int_equal(o.before, before + w->shapes.hook_size);
	assert_string_equal(type_table_get(&w->types, o.type)->name, name);
	assert_in_range(o.size, 16, size);
	assert_true(object_at(&w->types, raddr_at(at), &o));
	assert_string_equal(type_table_get(&w->types, o.type)->name, name);
}

/* ---- what is recognised ------------------------------------------------------------------ */

static void recognise(struct object_world *w)
{
	uint64_t gc = w->shapes.gc_size, header = w->shapes.ob_type + 8;
	uint64_t list = object_world_object(w, w->list, gc, header + 24, 1);
	uint64_t app = object_world_object(w, w->app, gc, header + 16, 2);
	uint64_t integer = object_world_object(w, w->integer, 0, header + 8 + 8, 1);
	bool tagged = w->shapes.integer.tagged;
	object_world_put(w, integer + w->shapes.ob_size, tagged ? 2 << 3 : 2);
	uint64_t tuple = object_world_object(w, w->tuple, gc, w->shapes.tuple.items + 24, 1);
	object_world_put(w, tuple + w->shapes.ob_size, 3);
	uint64_t str = object_world_str(w, "hello");
	object_world_look(w);
	assert_object(w, list, gc, header + 24, "list");
	assert_object(w, app, gc, header + 16, "app.Session");
	assert_object(w, integer, 0, header + 16,
		      w->shapes.version_hex >> 24 == 2 ? "long" : "int");
	assert_object(w, tuple, gc, w->shapes.tuple.items + 24, "tuple");
	assert_object(w, str, 0, 64, "str");
}

static void test_objects_are_recognised(void **state)
{
	(void)state;
	each_version(recognise);
}

static void refuse(struct object_world *w)
{
	struct object o;
	uint64_t gc = w->shapes.gc_size, header = w->shapes.ob_type + 8;
	/* Of the right type, but at the place of one without, or with, a GC head. */
	uint64_t wrong = object_world_object(w, w->list, 0, header + 24, 1);
	uint64_t other = object_world_object(w, w->integer, gc ?: 16, header + 16, 1);
	/* Longer than its block. */
	uint64_t tuple = object_world_object(w, w->tuple, gc, w->shapes.tuple.items + 16, 1);
	object_world_put(w, tuple + w->shapes.ob_size, 8);
	/* Counts that no object has. */
	uint64_t count = object_world_object(w, w->integer, 0, header + 16, 1);
	object_world_put(w, count, UINT64_C(0x7f0000123450));
	object_world_put(w, count + 8, w->shapes.free_threaded ? 0xffff : w->integer);
	object_world_look(w);
	if (gc)
		assert_false(see(w, wrong, 0, header + 24, 8, &o));
	assert_false(see(w, other, gc ?: 16, header + 16, 8, &o));
	assert_false(see(w, tuple, gc, w->shapes.tuple.items + 16, 0, &o));
	assert_false(see(w, count, 0, header + 16, 8, &o));
}

static void test_others_are_not(void **state)
{
	(void)state;
	each_version(refuse);
}

static void find_dead(struct object_world *w)
{
	struct object o;
	uint64_t gc = w->shapes.gc_size, header = w->shapes.ob_type + 8;
	uint64_t list = object_world_object(w, w->list, gc, header + 24, 0);
	object_world_look(w);
	assert_true(see(w, list, gc, header + 24, 8, &o));
	assert_int_equal(o.refcount, 0);
	assert_false(o.immortal);
}

static void test_dead_objects_have_no_references(void **state)
{
	(void)state;
	each_version(find_dead);
}

/* A block of another domain may hold what looks like an object. */
static void test_the_hooks_tell_buffers(void **state)
{
	(void)state;
	struct object o;
	struct object_world *w = object_world_new(0x030c0000, false, true, 0);
	uint64_t at = object_world_object(w, w->integer, 0, 32, 1);
	uint64_t block = object_world_block(w, at, 0);
	object_world_look(w);
	assert_true(object_in_block(&w->types, raddr_at(block), 64, &o));
	*object_world_host(w, block + 8, 1) = 'm';
	object_world_look(w);
	assert_false(object_in_block(&w->types, raddr_at(block), 64, &o));
	*object_world_host(w, block + 8, 1) = 'o';
	*object_world_host(w, block + 12, 1) = 0;
	object_world_look(w);
	assert_false(object_in_block(&w->types, raddr_at(block), 64, &o));
	object_world_free(w);
}

/* What is too large for arenas has malloc's own header in front. */
static void test_large_objects_have_two_hooks(void **state)
{
	(void)state;
	struct object o;
	struct object_world *w = object_world_new(0x030c0000, false, true, 0);
	uint64_t at = object_world_heap(w, 16), inner = object_world_object(w, w->list, 16, 600, 1);
	assert_int_equal(inner, at + 48);
	memcpy(object_world_host(w, at, 16), object_world_host(w, at + 16, 16), 16);
	*object_world_host(w, at + 8, 1) = 'r';
	object_world_look(w);
	assert_true(object_in_block(&w->types, raddr_at(at), 704, &o));
	assert_int_equal(o.at.value, inner);
	assert_int_equal(o.before, 48);
	*object_world_host(w, at + 16 + 8, 1) = 'm';
	object_world_look(w);
	assert_false(object_in_block(&w->types, raddr_at(at), 704, &o));
	object_world_free(w);
}

/* From 3.14 on they are linked through the word that was the count; a pointer to something else is no link. */
static void test_dead_objects_are_linked(void **state)
{
	(void)state;
	struct object o;
	static const uint32_t versions_of[] = {0x030d0000, 0x030e0000};
	for (size_t i = 0; i < ARRAY_SIZE(versions_of); i++) {
		struct object_world *w = object_world_new(versions_of[i], false, false, 0);
		uint64_t last = object_world_object(w, w->integer, 0, 32, 0),
			 first = object_world_object(w, w->integer, 0, 32, last),
			 other = object_world_object(w, w->integer, 0, 32, w->list);
		object_world_look(w);
		assert_true(object_in_block(&w->types, raddr_at(last), 32, &o));
		assert_int_equal(o.refcount, 0);
		assert_int_equal(object_in_block(&w->types, raddr_at(first), 32, &o), i);
		assert_int_equal(o.refcount, 0);
		assert_false(object_in_block(&w->types, raddr_at(other), 32, &o));
		object_world_free(w);
	}
}

/* Programs at fixed addresses: two pointers to static objects, the second to a class. */
static void test_pointers_that_are_small_are_no_counts(void **state)
{
	(void)state;
	struct object o;
	struct object_world *w = object_world_new(0x030e0000, false, false, 0);
	uint64_t at = object_world_object(w, w->integer, 0, 32, 1);
	object_world_put(w, WORLD_CODE + 0x1000, 7);
	object_world_put(w, WORLD_CODE + 0x1008, w->list);
	object_world_put(w, at, WORLD_CODE + 0x1000);
	object_world_look(w);
	assert_false(object_in_block(&w->types, raddr_at(at), 32, &o));
	object_world_put(w, at, WORLD_CODE + 0x2000);
	object_world_look(w);
	assert_true(object_in_block(&w->types, raddr_at(at), 32, &o));
	object_world_free(w);
}

static void test_immortal_objects_say_so(void **state)
{
	(void)state;
	struct object o;
	const struct {
		uint32_t hex;
		uint64_t count;
		bool immortal;
	} cases[] = {{0x030b0000, 0xffffffff, false},
		     {0x030c0000, 0xffffffff, true},
		     {0x030e0000, 0xc0000000, true},
		     {0x030e0000, UINT64_C(0x00040000c0000000), true},
		     {0x030e0000, 0x7fffffff, false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct object_world *w = object_world_new(cases[i].hex, false, false, 0);
		uint64_t at = object_world_object(w, w->integer, 0, 32, cases[i].count);
		object_world_look(w);
		assert_true(object_in_block(&w->types, raddr_at(at), 32, &o));
		assert_int_equal(o.immortal, cases[i].immortal);
		object_world_free(w);
	}
}

/* Without the GIL: what the owner counts, and four times what all others do, with two flags; bit 6 of the collector's byte:
 * counted late. */
static void test_counts_without_the_lock_are_sums(void **state)
{
	(void)state;
	const uint64_t late = UINT64_C(64) << 24;
	const uint64_t eighth = (uint64_t)(INT64_MAX / 8) << 2;
	const struct {
		uint32_t hex;
		uint64_t mixed, shared, refcount;
		bool immortal, deferred;
	} cases[] = {{0x030d0000, UINT64_C(5) << 32, 0, 5, false, false},
		     {0x030d0000, UINT64_C(5) << 32, 8 | 2, 7, false, false},
		     {0x030d0000, UINT64_C(5) << 32, -(uint64_t)12 | 2, 2, false, false},
		     {0x030d0000, 0, 4 * 4 | 3, 4, false, false},
		     {0x030d0000, UINT64_C(0xffffffff) << 32, 0, UINT32_MAX, true, false},
		     {0x030d0000, UINT64_C(2) << 32 | late, 2, 2, false, true},
		     {0x030e0000, UINT64_C(2) << 32 | late, eighth, 2, false, true},
		     {0x030e0000, late, eighth - 4 * 3, 1, false, true}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct object o;
		struct object_world *w = object_world_new(cases[i].hex, true, false, 0);
		uint64_t at = object_world_object(w, w->integer, 0, 48, 1);
		object_world_put(w, at + 8, cases[i].mixed);
		object_world_put(w, at + 16, cases[i].shared);
		object_world_look(w);
		assert_true(object_in_block(&w->types, raddr_at(at), 48, &o));
		assert_int_equal(o.refcount, cases[i].refcount);
		assert_int_equal(o.immortal, cases[i].immortal);
		assert_int_equal(o.deferred, cases[i].deferred);
		object_world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_are_recognised),
		cmocka_unit_test(test_others_are_not),
		cmocka_unit_test(test_dead_objects_have_no_references),
		cmocka_unit_test(test_the_hooks_tell_buffers),
		cmocka_unit_test(test_large_objects_have_two_hooks),
		cmocka_unit_test(test_dead_objects_are_linked),
		cmocka_unit_test(test_pointers_that_are_small_are_no_counts),
		cmocka_unit_test(test_immortal_objects_say_so),
		cmocka_unit_test(test_counts_without_the_lock_are_sums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
