/* parts, dict_walk, object_text: what an object owns and says, of every version, and damaged ones. */
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "object_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t versions[] = {0x02071200, 0x03060000, 0x03080000, 0x030a0000, 0x030b0000,
				    0x030c0000, 0x030d0000, 0x030e0000, 0x030f0000};

struct heard {
	struct part parts[256];
	size_t n, all;
};

static void hear(void *context, const struct part *part)
{
	struct heard *heard = context;
	if (heard->n < ARRAY_SIZE(heard->parts))
		heard->parts[heard->n++] = *part;
	heard->all++;
}

static struct heard parts_of(struct object_world *w, uint64_t at)
{
	struct heard heard = {.n = 0};
	struct object object;
	object_world_look(w);
	assert_true(object_at(&w->types, raddr_at(at), &object));
	object_parts(&w->types, &object, hear, &heard);
	return heard;
}

/* ---- parts ------------------------------------------------------------------------------- */

static void test_a_list_has_items(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct object_world *w = object_world_new(versions[i], false, false, 24);
		uint64_t at = object_world_object(w, w->list, 24, 40, 1);
		uint64_t items = object_world_heap(w, 64);
		assert_int_equal(parts_of(w, at).all, 0);
		object_world_put(w, at + w->shapes.list.items, items);
		struct heard heard = parts_of(w, at);
		assert_int_equal(heard.all, 1);
		assert_int_equal(heard.parts[0].at.value, items);
		assert_int_equal(heard.parts[0].kind, PART_LIST_ITEMS);
		assert_false(heard.parts[0].leaf);
		object_world_put(w, at, 0); /* dead: they are another's by now */
		assert_int_equal(parts_of(w, at).all, 0);
		object_world_free(w);
	}
}

static void test_a_list_without_the_gil_has_a_word_before_its_items(void **state)
{
	(void)state;
	struct object_world *w = object_world_new(0x030d0000, true, false, 0);
	uint64_t at = object_world_object(w, w->list, 0, 56, 1), items = object_world_heap(w, 64);
	object_world_put(w, at + w->shapes.list.items, items + 8);
	struct heard heard = parts_of(w, at);
	assert_int_equal(heard.parts[0].at.value - heard.parts[0].before, items);
	object_world_free(w);
}

static void test_a_small_set_is_whole(void **state)
{
	(void)state;
	struct object_world *w = object_world_new(0x030c0000, false, false, 0);
	uint64_t at = object_world_object(w, w->set, 16, 200, 1), table = object_world_heap(w, 512);
	object_world_put(w, at + w->shapes.set.table, at + w->shapes.set.small_table);
	assert_int_equal(parts_of(w, at).all, 0);
	object_world_put(w, at + w->shapes.set.table, table);
	struct heard heard = parts_of(w, at);
	assert_int_equal(heard.all, 1);
	assert_int_equal(heard.parts[0].kind, PART_SET_TABLE);
	object_world_free(w);
}

/* A str that is not ASCII may have its UTF-8 beside it; ASCII is its own. */
static void test_text_beside_a_str(void **state)
{
	(void)state;
	struct object_world *w = object_world_new(0x030c0000, false, false, 0);
	uint64_t at = object_world_object(w, w->str, 0, 96, 1), utf8 = object_world_heap(w, 32);
	object_world_put(w, at + w->shapes.str.length, 3);
	object_world_put(w, at + w->shapes.str.state, 2 << 2 | 1 << 5);
	object_world_put(w, at + w->shapes.str.utf8, utf8);
	struct heard heard = parts_of(w, at);
	assert_int_equal(heard.all, 1);
	assert_true(heard.parts[0].leaf);
	assert_int_equal(heard.parts[0].kind, PART_STR_DATA);
	object_world_put(w, at + w->shapes.str.state, 1 << 2 | 1 << 5 | 1 << 6);
	assert_int_equal(parts_of(w, at).all, 0);
	object_world_free(w);
}

static uint64_t make_deque(struct object_world *w, uint64_t n_items, size_t n_blocks, bool circle)
{
	const struct shapes *s = &w->shapes;
	uint64_t type = object_world_data(w, 1024);
	object_world_type(w, type, "collections.deque", w->type, 216, 0, WORLD_GC);
	uint64_t at = object_world_object(w, type, 16, 216, 1), first = 0, block = 0;
	for (size_t i = 0; i < n_blocks; i++) {
		uint64_t next = object_world_heap(w, s->deque.block_size);
		if (block)
			object_world_put(w, block + s->deque.next, next);
		first = first ?: next;
		block = next;
	}
	if (circle)
		object_world_put(w, block + s->deque.next, first);
	object_world_put(w, at + s->deque.left, first);
	object_world_put(w, at + s->deque.right, circle ? 0x10 : block);
	object_world_put(w, at + s->deque.n_items, n_items);
	return at;
}

static void test_blocks_of_a_deque(void **state)
{
	(void)state;
	struct object_world *w = object_world_new(0x030c0000, false, false, 0);
	uint64_t at = make_deque(w, 150, 3, false);
	assert_int_equal(parts_of(w, at).all, 3);
	at = make_deque(w, 1000, 2, true); /* in a circle: as many as its length takes, no more */
	assert_in_range(parts_of(w, at).all, 2, 1000 / 62 + 2);
	at = make_deque(w, UINT64_C(1) << 39, 2, true);
	assert_in_range(parts_of(w, at).all, 2, w->space.mapped_size / 500);
	object_world_free(w);
}

/* Whatever the file: what it is to be told, or has said, refers to nothing. */
static void test_buffer_of_a_file(void **state)
{
	static const char *const names[] = {"_io.BufferedReader", "_io.BufferedWriter",
					    "_io.BufferedRandom"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions) * ARRAY_SIZE(names); i++) {
		struct object_world *w = object_world_new(versions[i / 3], false, false, 24);
		uint64_t type = object_world_data(w, 1024), buffer = object_world_heap(w, 8192);
		object_world_type(w, type, names[i % 3], w->type, 160, 0, WORLD_GC);
		uint64_t at = object_world_object(w, type, 24, 160, 1);
		assert_int_equal(parts_of(w, at).all, 0);
		object_world_put(w, at + w->shapes.buffered.buffer, buffer);
		struct heard heard = parts_of(w, at);
		assert_int_equal(heard.all, 1);
		assert_int_equal(heard.parts[0].kind, PART_IO_BUFFER);
		assert_int_equal(heard.parts[0].at.value, buffer);
		assert_true(heard.parts[0].leaf);
		object_world_free(w);
	}
}

/* Attributes of an instance: values with a prefix, or a dict. */
static void test_attributes_before_an_object(void **state)
{
	(void)state;
	static const uint32_t managed[] = {0x030b0000, 0x030c0000};
	for (size_t i = 0; i < ARRAY_SIZE(managed); i++) {
		struct object_world *w = object_world_new(managed[i], false, false, 0);
		uint64_t type = object_world_data(w, 1024), values = object_world_heap(w, 64) + 16;
		object_world_type(w, type, "A", w->type, 16, 0, WORLD_GC | WORLD_IS_HEAP | 1 << 4);
		uint64_t at = object_world_object(w, type, 32, 16, 1);
		object_world_put(w, values - 8, UINT64_C(16) << 56);
		object_world_put(w, at - (i ? 24 : 32), i ? values - 1 : values);
		struct heard heard = parts_of(w, at);
		assert_int_equal(heard.all, 1);
		assert_int_equal(heard.parts[0].kind, PART_ATTRIBUTES);
		assert_int_equal(heard.parts[0].at.value, values);
		assert_int_equal(heard.parts[0].before, 16);
		object_world_put(w, at - 32, 0);
		object_world_put(w, at - 24, w->heap_next);
		heard = parts_of(w, at);
		assert_int_equal(heard.all, 1);
		assert_int_equal(heard.parts[0].kind, PART_ATTRIBUTE_DICT);
		object_world_free(w);
	}
}

/* ---- dicts ------------------------------------------------------------------------------- */

static const char *const names[] = {"one", "two", "three"};

static void assert_entries(struct dict_walk *walk, const uint64_t *values, size_t n)
{
	raddr key, value;
	for (size_t i = 0; i < n; i++) {
		struct text text = TEXT_EMPTY;
		assert_true(dict_walk_next(walk, &key, &value));
		assert_true(object_text(walk->types, key, 100, &text));
		assert_string_equal(text_string(&text), names[i]);
		assert_int_equal(value.value, values[i]);
		text_fini(&text);
	}
	assert_false(dict_walk_next(walk, &key, &value));
}

static void test_entries_of_a_dict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct object_world *w = object_world_new(versions[i], false, false, 24);
		const uint64_t values[] = {w->list, w->str, w->dict};
		uint64_t dict = object_world_dict(w, names, values, 3);
		struct dict_walk walk;
		object_world_look(w);
		assert_true(dict_walk_begin(&w->types, raddr_at(dict), &walk));
		assert_int_equal(walk.used, 3);
		assert_entries(&walk, values, 3);
		object_world_free(w);
	}
}

/* Keys shared, values of its own. */
static void test_entries_of_a_split_dict(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(versions); i++) {
		struct object_world *w = object_world_new(versions[i], false, false, 24);
		const uint64_t values[] = {w->list, w->str, w->dict}, none[] = {1, 1, 1};
		uint64_t dict = object_world_dict(w, names, none, 3);
		uint64_t array = object_world_heap(w, 64) + 16;
		bool counted = w->shapes.values == VALUES_INLINE;
		if (counted)
			object_world_put(w, array, 3 | 3 << 8 | 1 << 24);
		for (size_t k = 0; k < 3; k++)
			object_world_put(w, array + (k + counted) * 8, values[k]);
		object_world_put(w, dict + w->shapes.dict.values, array);
		struct dict_walk walk;
		object_world_look(w);
		assert_true(dict_walk_begin(&w->types, raddr_at(dict), &walk));
		assert_entries(&walk, values, 3);
		object_world_free(w);
	}
}

static void put_byte(struct object_world *w, uint64_t at, uint8_t value)
{
	object_world_put_bytes(w, at, &value, 1);
}

static void test_damaged_dicts(void **state)
{
	(void)state;
	struct object_world *w = object_world_new(0x030c0000, false, false, 0);
	const uint64_t values[] = {w->list, w->str, w->dict};
	uint64_t dict = object_world_dict(w, names, values, 3), keys;
	memcpy(&keys, object_world_host(w, dict + w->shapes.dict.keys, 8), 8);
	struct dict_walk walk;
	raddr key, value;
	const uint8_t sizes[] = {63, 255, 41};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		put_byte(w, keys + w->shapes.keys.log2_size, sizes[i]);
		object_world_look(w);
		assert_false(dict_walk_begin(&w->types, raddr_at(dict), &walk));
	}
	/* As large as a dict may say: its entries are far away, or end where memory does. */
	put_byte(w, keys + w->shapes.keys.log2_size, 40);
	put_byte(w, keys + w->shapes.keys.log2_index_bytes, 40);
	object_world_put(w, keys + w->shapes.keys.nentries, UINT64_C(1) << 40);
	object_world_look(w);
	assert_true(dict_walk_begin(&w->types, raddr_at(dict), &walk));
	assert_false(dict_walk_next(&walk, &key, &value));
	put_byte(w, keys + w->shapes.keys.log2_index_bytes, 4);
	put_byte(w, keys + w->shapes.keys.log2_size, 4);
	object_world_put(w, keys + w->shapes.keys.nentries, 17);
	object_world_look(w);
	assert_false(dict_walk_begin(&w->types, raddr_at(dict), &walk));
	object_world_put(w, dict + w->shapes.dict.keys, UINT64_C(0xfffffffffffffff8));
	object_world_look(w);
	assert_false(dict_walk_begin(&w->types, raddr_at(dict), &walk));
	assert_false(dict_walk_begin(&w->types, raddr_at(UINT64_MAX - 7), &walk));
	object_world_free(w);
}

/* ---- text -------------------------------------------------------------------------------- */

static void assert_says(struct object_world *w, uint64_t at, size_t max, const char *said)
{
	struct text text = TEXT_EMPTY;
	object_world_look(w);
	assert_true(object_text(&w->types, raddr_at(at), max, &text));
	assert_string_equal(text_string(&text), said);
	text_fini(&text);
}

static uint64_t make_wide(struct object_world *w, const void *characters, uint64_t n,
			  unsigned width)
{
	const struct shapes *s = &w->shapes;
	uint64_t at = object_world_object(w, w->str, 0, s->str.compact_data + (n + 1) * width, 1);
	object_world_put(w, at + s->str.length, n);
	object_world_put(w, at + s->str.state, width << 2 | 1 << 5);
	object_world_put_bytes(w, at + s->str.compact_data, characters, n * width);
	return at;
}

static void test_text_of_every_width(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(versions); i++) {
		struct object_world *w = object_world_new(versions[i], false, false, 24);
		static const uint8_t latin[] = {'a', 0xe9, 'b'};
		static const uint16_t two[] = {'a', 0x20ac, 0x3b1};
		static const uint32_t four[] = {'a', 0x1f600, 'z'};
		assert_says(w, object_world_str(w, "plain"), 100, "plain");
		assert_says(w, object_world_str(w, "plain"), 3, "pla");
		assert_says(w, object_world_str(w, ""), 3, "");
		assert_says(w, make_wide(w, latin, 3, 1), 100, "aéb");
		assert_says(w, make_wide(w, two, 3, 2), 100, "a€α");
		assert_says(w, make_wide(w, four, 3, 4), 100, "a😀z");
		assert_says(w, make_wide(w, four, 3, 4), 4, "a"); /* no half character */
		object_world_free(w);
	}
}

/* 2.7: its bytes as they are; unicode in two or in four bytes. */
static void test_old_text(void **state)
{
	(void)state;
	static const uint16_t narrow[] = {'a', 0xd83d, 0xde00, 'z'};
	static const uint32_t wide[] = {'a', 0x1f600, 'z', 0};
	struct object_world *w = object_world_new(0x02071200, false, false, 32);
	uint64_t type = object_world_data(w, 1024), data = object_world_heap(w, 64);
	object_world_type(w, type, "unicode", w->type, 48, 0, 1 << 28);
	uint64_t at = object_world_object(w, type, 0, 48, 1);
	assert_says(w, object_world_str(w, "a\xff z"), 100, "a\xff z");
	object_world_put(w, at + w->shapes.str.legacy_data, data);
	object_world_put(w, at + w->shapes.str.length, 4);
	object_world_put_bytes(w, data, narrow, sizeof(narrow));
	assert_says(w, at, 100, "a😀z");
	object_world_put(w, at + w->shapes.str.length, 3);
	object_world_put_bytes(w, data, wide, sizeof(wide));
	assert_says(w, at, 100, "a😀z");
	object_world_free(w);
}

static void test_what_says_nothing(void **state)
{
	(void)state;
	struct text text = TEXT_EMPTY;
	uint64_t n;
	struct object_world *w = object_world_new(0x030c0000, false, false, 0);
	uint64_t list = object_world_object(w, w->list, 16, 40, 1), str = object_world_str(w, "x");
	object_world_put(w, str + w->shapes.str.length, UINT64_MAX);
	object_world_look(w);
	assert_false(object_text(&w->types, raddr_at(list), 10, &text));
	assert_false(object_text(&w->types, raddr_at(str), 10, &text));
	assert_false(object_text(&w->types, raddr_at(UINT64_MAX - 7), 10, &text));
	assert_false(object_text_length(&w->types, raddr_at(list), &n));
	object_world_put(w, str + w->shapes.str.length, 5);
	object_world_put(w, str + w->shapes.str.state, 3 << 2 | 1 << 5); /* no such width */
	object_world_look(w);
	assert_false(object_text(&w->types, raddr_at(str), 10, &text));
	assert_int_equal(text.length, 0);
	object_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_has_items),
		cmocka_unit_test(test_a_list_without_the_gil_has_a_word_before_its_items),
		cmocka_unit_test(test_a_small_set_is_whole),
		cmocka_unit_test(test_text_beside_a_str),
		cmocka_unit_test(test_blocks_of_a_deque),
		cmocka_unit_test(test_buffer_of_a_file),
		cmocka_unit_test(test_attributes_before_an_object),
		cmocka_unit_test(test_entries_of_a_dict),
		cmocka_unit_test(test_entries_of_a_split_dict),
		cmocka_unit_test(test_damaged_dicts),
		cmocka_unit_test(test_text_of_every_width),
		cmocka_unit_test(test_old_text),
		cmocka_unit_test(test_what_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
