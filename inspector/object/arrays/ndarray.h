/*
 * ndarray: numpy's, as it says of itself.
 */
#ifndef INSPECTOR_OBJECT_ARRAYS_NDARRAY_H
#define INSPECTOR_OBJECT_ARRAYS_NDARRAY_H

#include "inspector/object/arrays/array.h"
#include "inspector/object/object.h"

#define NDARRAY_DIMENSIONS_MAX 64 /* NPY_MAXDIMS: 32, from 2.0 on 64 */

struct ndarray {
	raddr at, data, base; /* base: whose data they are, where they are not its own */
	bool owns;
	uint64_t elements, item; /* bytes of one; 0: not known */
	struct array array;
};

/* The ndarray (or an instance of a subclass) at an address; false: there is none, or it cannot be read whole. Of a view
 * array.data_bytes is 0: the data are another's. */
bool ndarray_read(struct type_table *types, raddr at, struct ndarray *ret);

/* The array that has the data which this one shows all of: itself, or what it is but another shape of. Null: it shows a part, or
 * what no array has. */
raddr ndarray_owner(struct type_table *types, const struct ndarray *nd);

/* Bytes of an element of NPY_TYPES' `number`; 0: each dtype has its own, or there is no such type. */
uint64_t ndarray_element_size(uint32_t number);

#endif
