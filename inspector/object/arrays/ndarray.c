/*
 * ndarray: a head, and three things that it points to.
 *
 *	[head][data][nd][dimensions ─▷ n n n][strides ─▷ bytes][base][descr ─▷ type number][flags]
 *
 * (PyArrayObject_fields, numpy/core/include/numpy/ndarraytypes.h of 1.24, the same in 2.x: behind PyArray_Descr's type number
 * the two differ, so element sizes are taken from the number, or from strides.)
 */
#include "inspector/object/arrays/ndarray.h"

#include "base/bytes.h"
#include "inspector/object/word.h"

#include <inttypes.h>
#include <stdio.h>

/* Of flags: NPY_ARRAY_… */
#define CONTIGUOUS 3 /* either way: what has no dimensions is both */
#define OWNS_DATA  4

#define BASES_MAX  8

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

uint64_t ndarray_element_size(uint32_t number)
{
	return number < ARRAY_SIZE(elements) ? elements[number].size : 0;
}

/* What follows the head. */
struct fields {
	uint64_t nd, dimensions, strides, descr, flags;
};

static bool read_fields(struct type_table *types, raddr at, struct fields *fields,
			struct ndarray *ret)
{
	const uint8_t *bytes =
		burst_bytes(types->burst, raddr_plus(at, types->shapes->ob_type + 8), 56);
	if (!bytes)
		return false;
	struct bytes b = bytes_of(bytes, 56);
	*fields = (struct fields){
		.nd = bytes_u32(&b, 8),
		.dimensions = bytes_u64(&b, 16),
		.strides = bytes_u64(&b, 24),
		.descr = bytes_u64(&b, 40),
		.flags = bytes_u32(&b, 48),
	};
	*ret = (struct ndarray){
		.at = at,
		.data = bytes_raddr(&b, 0),
		.base = bytes_raddr(&b, 32),
		.owns = fields->flags & OWNS_DATA,
	};
	bool blank = fields->nd == 0 && (fields->flags & CONTIGUOUS) != CONTIGUOUS;
	return !blank && fields->nd <= NDARRAY_DIMENSIONS_MAX;
}

static bool read_shape(struct type_table *types, const struct fields *fields, struct ndarray *ret)
{
	uint64_t dimension;
	ret->elements = 1;
	for (uint64_t i = 0; i < fields->nd; i++) {
		raddr at = raddr_plus(raddr_at(fields->dimensions), i * 8);
		if (!burst_word(types->burst, at, &dimension) || dimension >> 48)
			return false;
		if (i < ARRAY_DIMENSIONS)
			ret->array.shape[ret->array.n_shape++] = dimension;
		ret->elements = size_multiply(ret->elements, dimension);
	}
	return true;
}

/* Bytes from one element to the next, in memory without gaps: the smallest stride is. */
static uint64_t stride_of(struct type_table *types, const struct fields *fields)
{
	uint64_t least = 0;
	for (uint64_t i = 0; i < fields->nd; i++) {
		uint64_t stride = word_at(types, raddr_at(fields->strides), i * 8);
		if (stride && stride >> 40 == 0 && (!least || stride < least))
			least = stride;
	}
	return least;
}

/* Of those whose elements are as long as each array has them numpy tells the length in the name, of str in characters. */
static void name_dtype(const struct element *element, struct ndarray *nd)
{
	uint64_t told = element->letter == 'U' ? nd->item / 4 : nd->item;
	if (element->letter && nd->item)
		(void)snprintf(nd->array.dtype, sizeof(nd->array.dtype), "%c%" PRIu64,
			       element->letter, told);
	else
		(void)snprintf(nd->array.dtype, sizeof(nd->array.dtype), "%s", element->name);
}

static void read_elements(struct type_table *types, const struct fields *fields,
			  struct ndarray *ret)
{
	raddr at = raddr_plus(raddr_at(fields->descr), types->shapes->ob_type + 8 + 12);
	const uint8_t *number = burst_bytes(types->burst, at, 4);
	if (!number)
		return;
	struct bytes b = bytes_of(number, 4);
	uint32_t i = bytes_u32(&b, 0);
	const struct element *element = i < ARRAY_SIZE(elements) ? &elements[i] : NULL;
	ret->item = element && element->size ? element->size : stride_of(types, fields);
	if (element)
		name_dtype(element, ret);
}

bool ndarray_read(struct type_table *types, raddr at, struct ndarray *ret)
{
	struct fields fields;
	struct ndarray nd;
	if (!read_fields(types, at, &fields, &nd) || !read_shape(types, &fields, &nd))
		return false;
	read_elements(types, &fields, &nd);
	nd.array.data_bytes = nd.owns ? size_multiply(nd.elements, nd.item) : 0;
	*ret = nd;
	return true;
}

raddr ndarray_owner(struct type_table *types, const struct ndarray *nd)
{
	struct ndarray owner = *nd;
	for (unsigned i = 0; i < BASES_MAX && !owner.owns; i++) {
		struct object base;
		if (raddr_is_null(owner.base) || !object_at(types, owner.base, &base) ||
		    type_table_get(types, base.type)->kind != TYPE_NDARRAY ||
		    !ndarray_read(types, base.at, &owner))
			return RADDR_NULL;
	}
	bool whole = owner.owns && nd->item == owner.item && nd->elements == owner.elements;
	return whole ? owner.at : RADDR_NULL;
}
