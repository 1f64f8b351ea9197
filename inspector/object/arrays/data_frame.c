/*
 * data_frame: a frame keeps columns of one kind together, in blocks.
 *
 *	DataFrame ─_mgr▷ BlockManager ─blocks▷ (Block, Block, …)
 *	                                         └─values▷ ndarray [columns × rows]
 *	                                                └▷ Categorical, IntegerArray … ─▷ ndarray [rows]
 *
 * Manager and block are Cython's or have slots: what they refer to is among their words, found by its type. Of a
 * block's words exactly one may be its values, and all blocks have the same number of rows: else nothing is told.
 *
 * (pandas/_libs/internals.pyx, pandas/core/internals/managers.py, blocks.py, pandas/core/generic.py; 0.24 to 3.0.)
 */
#include "inspector/object/arrays/data_frame.h"

#include "inspector/object/arrays/ndarray.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_SIZE_MAX 512 /* of managers, blocks, arrays */
#define ATTRIBUTES_MAX  256
#define KINDS_MAX       16 /* dtypes that are told apart */
#define KINDS_TOLD      6
#define NAME_MAX_SIZE   32

_Static_assert(KINDS_TOLD *(NAME_MAX_SIZE + 24) + 32 <= ARRAY_DTYPE, "there is room for all");

/* Columns of one dtype. */
struct columns {
	char name[NAME_MAX_SIZE];
	uint64_t n;
};

struct reading {
	const struct data_frame_request *request;
	struct type_table *types;
	struct columns columns[KINDS_MAX];
	size_t n_kinds;
	uint64_t others; /* columns of still other dtypes */
	uint64_t n_columns, rows, bytes;
	bool has_rows;
};

/* ---- what an object refers to ----------------------------------------------------------- */

static const struct type *type_at(struct type_table *types, raddr at, struct object *ret)
{
	if (raddr_is_null(at) || !object_at(types, at, ret))
		return NULL;
	return type_table_get(types, ret->type);
}

static bool has_prefix(const struct type *type, const char *prefix)
{
	return type && strncmp(type->name, prefix, strlen(prefix)) == 0;
}

/* Where the words of an object end that its type knows of. */
static uint64_t words_end(const struct reading *r, const struct object *object)
{
	return size_min(type_table_get(r->types, object->type)->basicsize, OBJECT_SIZE_MAX);
}

static uint64_t words_begin(const struct reading *r)
{
	return r->types->shapes->ob_type + 8;
}

static raddr find_in_walk(const struct reading *r, struct dict_walk *walk, const char *name)
{
	raddr key, value;
	uint64_t left = ATTRIBUTES_MAX;
	while (left-- && dict_walk_next(walk, &key, &value))
		if (object_says(r->types, key, name))
			return value;
	return RADDR_NULL;
}

static raddr find_attribute(const struct reading *r, const struct object *object, const char *name)
{
	struct dict_walk walk;
	raddr dict, value = RADDR_NULL;
	if (dict_walk_begin_attributes(r->types, object, &walk))
		value = find_in_walk(r, &walk, name);
	if (raddr_is_null(value) && dict_of_object(r->types, object, &dict) &&
	    dict_walk_begin(r->types, dict, &walk))
		value = find_in_walk(r, &walk, name);
	return value;
}

/* ---- dtypes ----------------------------------------------------------------------------- */

struct known_array {
	const char *type, *dtype;
};

/* Whose dtype is not that of the ndarray inside. */
static const struct known_array known_arrays[] = {
	{"Categorical", "category"},
	{"BooleanArray", "boolean"},
	{"StringArray", "string"},
	{"ArrowStringArray", "string"},
	{"PeriodArray", "period"},
	{"IntervalArray", "interval"},
	{"SparseArray", "Sparse"},
	{"ArrowExtensionArray", "ArrowDtype"},
	{"StringArrayNumpySemantics", "str"},
	{"ArrowStringArrayNumpySemantics", "str"},
};

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

/* "int64" of what may be missing is "Int64", "uint8" "UInt8". */
static void name_masked(const char *dtype, char ret[NAME_MAX_SIZE])
{
	(void)snprintf(ret, NAME_MAX_SIZE, "%.*s", NAME_MAX_SIZE - 1, dtype);
	ret[0] = (char)toupper((unsigned char)ret[0]);
	if (ret[0] == 'U')
		ret[1] = (char)toupper((unsigned char)ret[1]);
}

/* `inside`: the dtype of the ndarray in it, "" where none was found. */
static void name_extension(const char *type, const char *inside, char ret[NAME_MAX_SIZE])
{
	const char *name = last_part(type);
	for (size_t i = 0; i < ARRAY_SIZE(known_arrays); i++)
		if (strcmp(known_arrays[i].type, name) == 0)
			name = inside = known_arrays[i].dtype;
	bool masked = strcmp(name, "IntegerArray") == 0 || strcmp(name, "FloatingArray") == 0;
	if (masked && *inside)
		name_masked(inside, ret);
	else
		(void)snprintf(ret, NAME_MAX_SIZE, "%.*s", NAME_MAX_SIZE - 1,
			       *inside ? inside : name);
}

static void add_columns(struct reading *r, const char *name, uint64_t n)
{
	size_t i = 0;
	while (i < r->n_kinds && strcmp(r->columns[i].name, name) != 0)
		i++;
	r->n_columns = size_add(r->n_columns, n);
	if (i == KINDS_MAX) {
		r->others = size_add(r->others, n);
		return;
	}
	if (i == r->n_kinds) {
		(void)snprintf(r->columns[i].name, NAME_MAX_SIZE, "%.*s", NAME_MAX_SIZE - 1, name);
		r->n_kinds++;
	}
	r->columns[i].n = size_add(r->columns[i].n, n);
}

/* ---- values of a block ------------------------------------------------------------------ */

/* Counts of references, places of columns, caches, weak references are none. */
static bool is_values(const struct type *type)
{
	return type && (type->kind == TYPE_NDARRAY ||
			(type->kind == TYPE_OTHER && !has_prefix(type, "pandas._libs.internals.") &&
			 !has_prefix(type, "weakref") && !has_prefix(type, "slice")));
}

static bool find_values(const struct reading *r, const struct object *block, struct object *ret)
{
	unsigned n = 0;
	uint64_t end = words_end(r, block);
	for (uint64_t o = words_begin(r); o + 8 <= end; o += 8) {
		struct object object;
		raddr at = word_pointer(r->types, block->at, o);
		if (!is_values(type_at(r->types, at, &object)))
			continue;
		*ret = object;
		n++;
	}
	return n == 1;
}

static bool read_inside(const struct reading *r, raddr at, struct ndarray *ret)
{
	struct object object;
	const struct type *type = type_at(r->types, at, &object);
	return type && type->kind == TYPE_NDARRAY && ndarray_read(r->types, at, ret);
}

/* The ndarray that an extension array stands on: among its words (NDArrayBacked), or under a name. */
static bool find_inside(const struct reading *r, const struct object *array, struct ndarray *ret)
{
	static const char *const names[] = {"_ndarray", "_data", "_codes"};
	uint64_t end = words_end(r, array);
	for (uint64_t o = words_begin(r); o + 8 <= end; o += 8)
		if (read_inside(r, word_pointer(r->types, array->at, o), ret))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (read_inside(r, find_attribute(r, array, names[i]), ret))
			return true;
	return false;
}

static void add_bytes(struct reading *r, const struct ndarray *nd)
{
	raddr owner = ndarray_owner(r->types, nd);
	if (!raddr_is_null(owner) && r->request->claim(r->request->context, owner))
		r->bytes = size_add(r->bytes, size_multiply(nd->elements, nd->item));
}

/* Of two dimensions the first is that of columns. False: it does not fit those before. */
static bool add_array(struct reading *r, const struct ndarray *nd, const char *name)
{
	uint64_t n = nd->array.n_shape;
	if (n != 1 && (n != 2 || r->request->series))
		return false;
	uint64_t rows = nd->array.shape[n - 1];
	if (r->has_rows && rows != r->rows)
		return false;
	r->rows = rows;
	r->has_rows = true;
	add_columns(r, name, n == 2 ? nd->array.shape[0] : 1);
	add_bytes(r, nd);
	return true;
}

static bool add_extension(struct reading *r, const struct object *array)
{
	char name[NAME_MAX_SIZE];
	struct ndarray nd, mask;
	bool inside = find_inside(r, array, &nd);
	const char *type = type_table_get(r->types, array->type)->name;
	name_extension(type, inside ? nd.array.dtype : "", name);
	if (!inside) {
		add_columns(r, name, 1);
		return true;
	}
	if (!add_array(r, &nd, name))
		return false;
	if (read_inside(r, find_attribute(r, array, "_mask"), &mask))
		add_bytes(r, &mask);
	return true;
}

/* ---- blocks ----------------------------------------------------------------------------- */

static bool is_block(struct type_table *types, raddr at, struct object *ret)
{
	return has_prefix(type_at(types, at, ret), "pandas.core.internals.blocks.");
}

static bool add_block(struct reading *r, raddr at)
{
	struct object block, values;
	struct ndarray nd;
	if (!is_block(r->types, at, &block) || !find_values(r, &block, &values))
		return false;
	if (type_table_get(r->types, values.type)->kind != TYPE_NDARRAY)
		return add_extension(r, &values);
	return ndarray_read(r->types, values.at, &nd) && add_array(r, &nd, nd.array.dtype);
}

/* Whether it is a tuple whose first item is a block. */
static bool is_blocks(const struct reading *r, raddr at)
{
	struct object tuple, block;
	const struct type *type = type_at(r->types, at, &tuple);
	return type && type->kind == TYPE_TUPLE &&
	       word_at(r->types, at, r->types->shapes->ob_size) &&
	       is_block(r->types, word_pointer(r->types, at, r->types->shapes->tuple.items),
			&block);
}

static bool find_blocks(const struct reading *r, const struct object *manager, raddr *ret)
{
	uint64_t end = words_end(r, manager);
	for (uint64_t o = words_begin(r); o + 8 <= end; o += 8) {
		*ret = word_pointer(r->types, manager->at, o);
		if (is_blocks(r, *ret))
			return true;
	}
	*ret = find_attribute(r, manager, "blocks");
	return is_blocks(r, *ret);
}

/* Up to 1.0 it is called _data. */
static bool find_manager(const struct reading *r, const struct object *frame, struct object *ret)
{
	static const char *const names[] = {"_mgr", "_data"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (has_prefix(type_at(r->types, find_attribute(r, frame, names[i]), ret),
			       "pandas.core.internals."))
			return true;
	return false;
}

static bool read_blocks(struct reading *r, const struct object *frame)
{
	struct object manager;
	raddr blocks;
	if (!find_manager(r, frame, &manager) || !find_blocks(r, &manager, &blocks))
		return false;
	const struct shapes *s = r->types->shapes;
	uint64_t n = word_at(r->types, blocks, s->ob_size);
	if (n > *r->request->budget || (r->request->series && n != 1))
		return false;
	*r->request->budget -= n;
	for (uint64_t i = 0; i < n; i++)
		if (!add_block(r, word_pointer(r->types, blocks, s->tuple.items + i * 8)))
			return false;
	return r->has_rows;
}

/* ---- what is told ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct columns *left = a, *right = b;
	if (left->n != right->n)
		return left->n < right->n ? 1 : -1;
	return strcmp(left->name, right->name);
}

static void tell_dtypes(struct reading *r, char ret[ARRAY_DTYPE])
{
	size_t at = 0;
	qsort(r->columns, r->n_kinds, sizeof(r->columns[0]), compare);
	for (size_t i = 0; i < r->n_kinds; i++) {
		const struct columns *c = &r->columns[i];
		if (i >= KINDS_TOLD)
			r->others = size_add(r->others, c->n);
		else
			at += (size_t)snprintf(ret + at, ARRAY_DTYPE - at, "%s%" PRIu64 " %s",
					       i ? " + " : "", c->n, *c->name ? c->name : "?");
	}
	if (r->others)
		(void)snprintf(ret + at, ARRAY_DTYPE - at, " + %" PRIu64 " others", r->others);
}

static void tell(struct reading *r, struct array *ret)
{
	*ret = (struct array){.shape = {r->rows, r->n_columns}, .n_shape = 2};
	ret->data_bytes = r->bytes;
	if (!r->request->series) {
		tell_dtypes(r, ret->dtype);
		return;
	}
	ret->n_shape = 1;
	(void)snprintf(ret->dtype, sizeof(ret->dtype), "%s", r->columns[0].name);
}

bool data_frame_read(const struct data_frame_request *request, const struct object *object,
		     struct array *ret)
{
	struct reading r = {.request = request, .types = request->types};
	if (!read_blocks(&r, object))
		return false;
	tell(&r, ret);
	return true;
}

/* Since 3.0 they say that they are of pandas itself. */
bool data_frame_is(const char *name)
{
	return strcmp(name, "pandas.core.frame.DataFrame") == 0 ||
	       strcmp(name, "pandas.DataFrame") == 0;
}

bool data_frame_is_series(const char *name)
{
	return strcmp(name, "pandas.core.series.Series") == 0 || strcmp(name, "pandas.Series") == 0;
}
