/*
 * arrays: what an array says of its elements, read, and equal ones counted together.
 *
 *	ndarray    [head][data][nd][dimensions ─▷][strides ─▷][base][descr ─▷ type number][flags]
 *	array      [head][size][items ─▷][allocated][descr ─▷ type code, item size]
 *
 * (PyArrayObject_fields, numpy/core/include/numpy/ndarraytypes.h of 1.24, the same in 2.x: behind PyArray_Descr's type number
 * the two differ, so element sizes are taken from the number, or from strides. arrayobject, Modules/arraymodule.c, 2.7 to 3.15.)
 */
#include "inspector/census/tables/arrays.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/census/tables/numbers.h"

#include <stdio.h>

#define ARRAYS_MAX 4096 /* distinct ones */
#define DIMENSIONS 8    /* that are told */
#define ND_MAX     64

struct element {
	const char *name;
	uint64_t size; /* 0: each dtype has its own */
	char letter;   /* of those, in their name */
};

/* By NPY_TYPES. */
static const struct element elements[] = {
	{"bool", 1, 0},         {"int8", 1, 0},        {"uint8", 1, 0},       {"int16", 2, 0},
	{"uint16", 2, 0},       {"int32", 4, 0},       {"uint32", 4, 0},      {"int64", 8, 0},
	{"uint64", 8, 0},       {"longlong", 8, 0},    {"ulonglong", 8, 0},   {"float32", 4, 0},
	{"float64", 8, 0},      {"longdouble", 16, 0}, {"complex64", 8, 0},   {"complex128", 16, 0},
	{"clongdouble", 32, 0}, {"object", 8, 0},      {"bytes", 0, 'S'},     {"str", 0, 'U'},
	{"void", 0, 'V'},       {"datetime64", 8, 0},  {"timedelta64", 8, 0}, {"float16", 2, 0},
};

struct array {
	char dtype[24]; /* "" not known */
	uint64_t shape[DIMENSIONS];
	uint32_t n_shape;
	uint64_t data_bytes;
};

struct arrays {
	struct ground *ground;
	struct census *census;
	struct numbers known;
};

static void arrays_fini(struct arrays *a)
{
	numbers_fini(&a->known);
}

static uint64_t word_at(struct burst *burst, uint64_t at)
{
	uint64_t word = 0;
	(void)burst_word(burst, raddr_at(at), &word);
	return word;
}

/* ---- numpy ---------------------------------------------------------------------------- */

#define ND_OWNS_DATA 4

struct ndarray {
	uint64_t data, nd, dimensions, strides, base, descr, flags;
};

static bool read_ndarray(struct arrays *a, const struct object *object, struct ndarray *ret)
{
	uint64_t from = a->ground->shapes.ob_type + 8;
	const uint8_t *bytes = burst_bytes(a->ground->burst, raddr_plus(object->at, from), 56);
	if (!bytes)
		return false;
	struct bytes b = bytes_of(bytes, 56);
	*ret = (struct ndarray){
		.data = bytes_u64(&b, 0),
		.nd = bytes_u32(&b, 8),
		.dimensions = bytes_u64(&b, 16),
		.strides = bytes_u64(&b, 24),
		.base = bytes_u64(&b, 32),
		.descr = bytes_u64(&b, 40),
		.flags = bytes_u32(&b, 48),
	};
	return ret->nd <= ND_MAX;
}

/* The number of elements; 0 where the shape cannot be read. */
static uint64_t read_shape(struct burst *burst, const struct ndarray *nd, struct array *ret)
{
	uint64_t n = 1, dimension;
	for (uint64_t i = 0; i < nd->nd; i++) {
		if (!burst_word(burst, raddr_at(nd->dimensions + i * 8), &dimension) ||
		    dimension >> 48)
			return 0;
		if (i < DIMENSIONS)
			ret->shape[ret->n_shape++] = dimension;
		n = size_multiply(n, dimension);
	}
	return n;
}

/* Bytes from one element to the next, in memory without gaps: the smallest stride is. */
static uint64_t stride_of(struct burst *burst, const struct ndarray *nd)
{
	uint64_t least = 0;
	for (uint64_t i = 0; i < nd->nd; i++) {
		uint64_t stride = word_at(burst, nd->strides + i * 8);
		if (stride && stride >> 40 == 0 && (!least || stride < least))
			least = stride;
	}
	return least;
}

/* Of those whose elements are as long as each array has them numpy tells the length in the name, of str in characters. */
static void name_dtype(struct array *array, const struct element *element, uint64_t size)
{
	uint64_t told = element->letter == 'U' ? size / 4 : size;
	if (element->letter && size)
		(void)snprintf(array->dtype, sizeof(array->dtype), "%c%" PRIu64, element->letter,
			       told);
	else
		(void)snprintf(array->dtype, sizeof(array->dtype), "%s", element->name);
}

static bool describe_ndarray(struct arrays *a, const struct object *object, struct array *ret)
{
	struct burst *burst = a->ground->burst;
	struct ndarray nd;
	if (!read_ndarray(a, object, &nd))
		return false;
	uint64_t n = read_shape(burst, &nd, ret), size = 0;
	uint64_t number_at = nd.descr + a->ground->shapes.ob_type + 8 + 12;
	const uint8_t *number = burst_bytes(burst, raddr_at(number_at), 4);
	if (number) {
		struct bytes b = bytes_of(number, 4);
		uint32_t i = bytes_u32(&b, 0);
		size = i < ARRAY_SIZE(elements) && elements[i].size ? elements[i].size
								    : stride_of(burst, &nd);
		if (i < ARRAY_SIZE(elements))
			name_dtype(ret, &elements[i], size);
	}
	/* What a view shows is another's. */
	ret->data_bytes = nd.flags & ND_OWNS_DATA ? size_multiply(n, size) : 0;
	return true;
}

/* ---- array.array ---------------------------------------------------------------------- */

static bool describe_array(struct arrays *a, const struct object *object, struct array *ret)
{
	struct burst *burst = a->ground->burst;
	uint64_t head = object->at.value + a->ground->shapes.ob_size;
	uint64_t descr = word_at(burst, head + 24);
	const uint8_t *bytes = descr ? burst_bytes(burst, raddr_at(descr), 8) : NULL;
	if (!bytes || bytes[0] < 'A' || bytes[0] > 'z')
		return false;
	struct bytes b = bytes_of(bytes, 8);
	uint64_t item = bytes_u32(&b, 4);
	if (item == 0 || item > 16)
		return false;
	(void)snprintf(ret->dtype, sizeof(ret->dtype), "%c", bytes[0]);
	ret->shape[0] = word_at(burst, head);
	ret->n_shape = 1;
	ret->data_bytes = size_multiply(word_at(burst, head + 16), item);
	return true;
}

/* ---- equal ones ----------------------------------------------------------------------- */

static uint64_t hash_of(const struct array *array, uint32_t type)
{
	uint64_t hash = numbers_mix_bytes(type, array->dtype, strlen(array->dtype));
	return numbers_mix_bytes(hash, array->shape, sizeof(array->shape[0]) * array->n_shape);
}

static struct error *add(struct census *census, const struct array *array, const char *type)
{
	struct census_array *added = vec_push(&census->arrays);
	if (!added)
		return error_out_of_memory();
	added->type = strdup(type);
	added->dtype = *array->dtype ? strdup(array->dtype) : NULL;
	added->n_shape = array->n_shape;
	memcpy(added->shape, array->shape, sizeof(array->shape));
	added->count = 1;
	added->data_bytes = array->data_bytes;
	return added->type ? NULL : error_out_of_memory();
}

static struct error *count_array(struct arrays *a, const struct object *object)
{
	const struct type *type = type_table_get(&a->ground->types, object->type);
	struct census *census = a->census;
	struct array array = {.n_shape = 0};
	bool known = type->kind == TYPE_NDARRAY ? describe_ndarray(a, object, &array)
						: describe_array(a, object, &array);
	if (!known)
		return NULL;
	uint64_t hash = hash_of(&array, object->type);
	uint32_t row = numbers_find(&a->known, hash);
	if (row != NUMBERS_NONE) {
		census->arrays.items[row].count++;
		census->arrays.items[row].data_bytes += array.data_bytes;
		return NULL;
	}
	if (census->arrays.count >= ARRAYS_MAX)
		return NULL;
	if (!numbers_add(&a->known, hash, (uint32_t)census->arrays.count))
		return error_out_of_memory();
	return add(census, &array, type->name);
}

static int compare(const void *a, const void *b)
{
	const struct census_array *left = a, *right = b;
	if (left->data_bytes != right->data_bytes)
		return left->data_bytes < right->data_bytes ? 1 : -1;
	return (left->count < right->count) - (left->count > right->count);
}

struct error *arrays_fill(struct ground *ground, struct census *ret)
{
	_cleanup_(arrays_fini) struct arrays a = {.ground = ground, .census = ret};
	for (uint32_t b = 0; b < ground->plot.n_blocks; b++) {
		const struct label *label = labels_of(&ground->labels, b);
		struct object object;
		if (label->kind != LABEL_OBJECT || label->type == TYPE_NONE)
			continue;
		enum type_kind kind = type_table_get(&ground->types, label->type)->kind;
		if ((kind != TYPE_NDARRAY && kind != TYPE_ARRAY) ||
		    !ground_object(ground, b, &object))
			continue;
		struct error *err = count_array(&a, &object);
		if (err)
			return err;
	}
	if (ret->arrays.count)
		qsort(ret->arrays.items, ret->arrays.count, sizeof(*ret->arrays.items), compare);
	return NULL;
}
