/* ndarray, data_frame, tensor: of every layout that is known, and damaged ones. */
#include "array_world.h"
#include "inspector/object/arrays/data_frame.h"
#include "inspector/object/arrays/ndarray.h"
#include "inspector/object/arrays/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FLOAT32 6 /* of c10 */
#define INT64   7 /* of numpy */
#define FLOAT64 12
#define INT8    1

static const uint32_t versions[] = {0x03060000, 0x03080000, 0x030b0000,
				    0x030c0000, 0x030d0000, 0x030f0000};

static struct array_world begin(uint32_t version, bool free_threaded)
{
	struct array_world a;
	array_world_init(
		&a, object_world_new(version, free_threaded, false, version < 0x03080000 ? 24 : 0));
	return a;
}

/* ---- tensors ----------------------------------------------------------------------------- */

/* 1.8; 1.10 to 1.13; 2.0 to 2.9; a later one. */
static const struct tensor_layout layouts[] = {
	{false, 24, false, false},
	{true, 24, true, false},
	{true, 16, true, true},
	{false, 16, false, false},
};

static bool read_world(void *context, raddr at, void *to, size_t size)
{
	const uint8_t *from = object_world_host(context, at.value, size);
	if (from)
		memcpy(to, from, size);
	return from;
}

static bool read_tensor(const struct array_world *a, uint64_t object, struct tensor *ret)
{
	const struct tensor_memory memory = {
		.space = &a->w->space, .read = read_world, .context = a->w};
	return tensor_read(&memory, raddr_at(object), a->w->shapes.ob_type + 8, ret);
}

static void test_tensors_of_any_number_of_dimensions(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {2, 3, 1, 4, 5, 1, 2, 1, 3, 1};
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		for (size_t n = 0; n <= ARRAY_SIZE(sizes); n++) {
			struct array_world a = begin(0x030b0000, i % 2);
			struct tensor tensor;
			uint64_t elements = 1;
			for (size_t k = 0; k < n; k++)
				elements *= sizes[k];
			struct tensor_made made =
				array_world_tensor(&a, &layouts[i], FLOAT32, 4, sizes, n);
			assert_true(read_tensor(&a, made.object, &tensor));
			assert_string_equal(tensor.array.dtype, "float32");
			assert_int_equal(tensor.array.n_shape, size_min(n, ARRAY_DIMENSIONS));
			assert_memory_equal(tensor.array.shape, sizes, tensor.array.n_shape * 8);
			assert_int_equal(tensor.storage.value, made.storage);
			assert_int_equal(tensor.array.data_bytes, elements * 4);
			assert_true(tensor.whole);
			object_world_free(a.w);
		}
}

/* What is not so is left out. */
static void test_a_tensor_that_disagrees_is_none(void **state)
{
	(void)state;
	static const uint64_t few[] = {7, 9}, many[] = {1, 2, 3, 4, 5, 6};
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct array_world a = begin(0x030b0000, false);
		struct tensor tensor;
		struct tensor_made t = array_world_tensor(&a, &layouts[i], FLOAT32, 4, few, 2);
		uint64_t tail = t.impl + t.back;
		assert_true(read_tensor(&a, t.object, &tensor));
		object_world_put(a.w, tail + 104, 64); /* elements */
		assert_false(read_tensor(&a, t.object, &tensor));
		object_world_put(a.w, tail + 104, 63);
		object_world_put(a.w, tail + 8, 65); /* dimensions */
		assert_false(read_tensor(&a, t.object, &tensor));
		object_world_put(a.w, tail + 8, 2);
		object_world_put(a.w, tail, t.object + 16); /* back to another */
		assert_false(read_tensor(&a, t.object, &tensor));
		t = array_world_tensor(&a, &layouts[i], FLOAT32, 4, many, 6);
		assert_true(read_tensor(&a, t.object, &tensor));
		object_world_put(a.w, t.impl + t.back + 16, 0x123456); /* where its sizes are */
		assert_false(read_tensor(&a, t.object, &tensor));
		object_world_free(a.w);
	}
}

/* Sizes whose product is what wraps around. */
static void test_sizes_beyond_all_are_none(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {UINT64_C(1) << 40, UINT64_C(1) << 40};
	struct array_world a = begin(0x030b0000, false);
	struct tensor tensor;
	struct tensor_made t = array_world_tensor(&a, &layouts[1], FLOAT32, 4, sizes, 2);
	assert_false(read_tensor(&a, t.object, &tensor));
	object_world_put(a.w, t.impl + t.back + 104, UINT64_MAX);
	assert_false(read_tensor(&a, t.object, &tensor));
	object_world_free(a.w);
}

/* The tensor is told, and no bytes of it. */
static void test_a_storage_that_disagrees_is_none(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {5, 3};
	const struct {
		uint64_t offset, value;
	} damages[] = {
		{0, 0},                            /* data: none, */
		{0, 0x1000},                       /* not mapped */
		{0, WORLD_HEAP + WORLD_SIZE - 59}, /* not to the end */
		{24, 1},                           /* on another device */
		{32, 59},                          /* less than it needs */
		{32, 0},
		{32, UINT64_C(1) << 62}, /* symbolic */
	};
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(damages); k++) {
			struct array_world a = begin(0x030b0000, false);
			struct tensor tensor;
			struct tensor_made t =
				array_world_tensor(&a, &layouts[i], FLOAT32, 4, sizes, 2);
			object_world_put(a.w, t.storage + layouts[i].counts + damages[k].offset,
					 damages[k].value);
			assert_true(read_tensor(&a, t.object, &tensor));
			assert_true(raddr_is_null(tensor.storage));
			assert_int_equal(tensor.array.data_bytes, 0);
			assert_int_equal(tensor.counts, 0);
			object_world_free(a.w);
		}
}

static void test_a_view_shows_a_part(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {5, 3};
	struct array_world a = begin(0x030b0000, false);
	struct tensor tensor;
	struct tensor_made t = array_world_tensor(&a, &layouts[2], FLOAT32, 4, sizes, 2);
	object_world_put(a.w, t.storage + 16 + 32, 400);
	assert_true(read_tensor(&a, t.object, &tensor));
	assert_false(tensor.whole);
	assert_int_equal(tensor.array.data_bytes, 400);
	object_world_put(a.w, t.impl + t.back + 96,
			 85); /* from there on it is as much as it needs, */
	assert_true(read_tensor(&a, t.object, &tensor));
	assert_int_equal(tensor.array.data_bytes, 400);
	object_world_put(a.w, t.impl + t.back + 96, 86); /* and from here on less */
	assert_true(read_tensor(&a, t.object, &tensor));
	assert_int_equal(tensor.array.data_bytes, 0);
	object_world_free(a.w);
}

/* ---- frames ------------------------------------------------------------------------------ */

struct claims {
	uint64_t seen[8];
	size_t n;
};

static bool claim(void *context, raddr at)
{
	struct claims *c = context;
	for (size_t i = 0; i < c->n; i++)
		if (c->seen[i] == at.value)
			return false;
	c->seen[c->n++] = at.value;
	return true;
}

static bool read_frame(const struct array_world *a, uint64_t at, bool series, uint64_t budget,
		       struct array *ret)
{
	struct object object;
	struct claims claims = {.n = 0};
	object_world_look(a->w);
	const struct data_frame_request request = {&a->w->types, series, &budget, claim, &claims};
	assert_true(object_at(&a->w->types, raddr_at(at), &object));
	return data_frame_read(&request, &object, ret);
}

static void test_a_frame_has_the_columns_of_its_blocks(void **state)
{
	(void)state;
	static const uint64_t wide[] = {3, 20}, one[] = {1, 20}, flat[] = {20};
	for (size_t i = 0; i < 2 * ARRAY_SIZE(versions); i++) {
		bool free_threaded = i % 2 && versions[i / 2] >= 0x030d0000;
		struct array_world a = begin(versions[i / 2], free_threaded);
		struct array array;
		uint64_t whole = array_world_ndarray(&a, INT64, wide, 2, 0);
		const uint64_t blocks[] = {
			array_world_block(&a, array_world_ndarray(&a, FLOAT64, one, 2, 0)),
			array_world_block(&a, array_world_ndarray(&a, INT64, wide, 2, whole)),
			array_world_block(&a, array_world_ndarray(&a, INT64, one, 2, whole)),
			array_world_block(&a,
					  array_world_extension(
						  &a, array_world_ndarray(&a, INT8, flat, 1, 0)))};
		uint64_t frame = array_world_frame(&a, blocks, 4);
		assert_true(read_frame(&a, frame, false, 4, &array));
		assert_string_equal(array.dtype, "4 int64 + 1 category + 1 float64");
		assert_int_equal(array.n_shape, 2);
		assert_int_equal(array.shape[0], 20);
		assert_int_equal(array.shape[1], 6);
		/* The one that shows but a part of another's adds nothing. */
		assert_int_equal(array.data_bytes, 20 * 8 + 60 * 8 + 20);
		assert_false(read_frame(&a, frame, true, 4, &array));
		assert_false(read_frame(&a, frame, false, 3, &array));
		object_world_free(a.w);
	}
}

static void test_a_frame_that_disagrees_is_none(void **state)
{
	(void)state;
	static const uint64_t shape[] = {2, 20}, longer[] = {2, 21};
	struct array_world a = begin(0x030b0000, false);
	struct object_world *w = a.w;
	struct array array;
	const uint64_t blocks[] = {
		array_world_block(&a, array_world_ndarray(&a, FLOAT64, shape, 2, 0)),
		array_world_block(&a, array_world_ndarray(&a, INT64, shape, 2, 0))};
	const uint64_t uneven[] = {
		blocks[0], array_world_block(&a, array_world_ndarray(&a, INT64, longer, 2, 0))};
	const uint64_t mixed[] = {blocks[0], w->app};
	assert_true(read_frame(&a, array_world_frame(&a, blocks, 2), false, 9, &array));
	assert_false(read_frame(&a, array_world_frame(&a, uneven, 2), false, 9, &array));
	assert_false(read_frame(&a, array_world_frame(&a, mixed, 2), false, 9, &array));
	assert_false(read_frame(&a, array_world_frame(&a, blocks, 0), false, 9, &array));
	/* Of two that may be a block's values it is not known which they are. */
	uint64_t frame = array_world_frame(&a, blocks, 2);
	object_world_put(w, blocks[1] + w->shapes.ob_type + 8,
			 array_world_ndarray(&a, INT64, shape, 2, 0));
	assert_false(read_frame(&a, frame, false, 9, &array));
	object_world_free(w);
}

/* ---- ndarrays ---------------------------------------------------------------------------- */

static void test_an_ndarray_whose_shape_cannot_be_read_is_none(void **state)
{
	(void)state;
	static const uint64_t shape[] = {2, 20};
	struct array_world a = begin(0x030b0000, false);
	struct ndarray nd;
	uint64_t at = array_world_ndarray(&a, FLOAT64, shape, 2, 0);
	object_world_look(a.w);
	assert_true(ndarray_read(&a.w->types, raddr_at(at), &nd));
	assert_int_equal(nd.array.data_bytes, 320);
	assert_int_equal(ndarray_owner(&a.w->types, &nd).value, at);
	object_world_put(a.w, at + 16 + 16, 0x10000);
	object_world_look(a.w);
	assert_false(ndarray_read(&a.w->types, raddr_at(at), &nd));
	object_world_free(a.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tensors_of_any_number_of_dimensions),
		cmocka_unit_test(test_a_tensor_that_disagrees_is_none),
		cmocka_unit_test(test_sizes_beyond_all_are_none),
		cmocka_unit_test(test_a_storage_that_disagrees_is_none),
		cmocka_unit_test(test_a_view_shows_a_part),
		cmocka_unit_test(test_a_frame_has_the_columns_of_its_blocks),
		cmocka_unit_test(test_a_frame_that_disagrees_is_none),
		cmocka_unit_test(test_an_ndarray_whose_shape_cannot_be_read_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
