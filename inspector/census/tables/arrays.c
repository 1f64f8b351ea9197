/*
 * arrays: what an array says of its elements, read, and equal ones counted together.
 *
 *	ndarray, DataFrame, Series, Tensor    inspector/object/arrays
 *	array.array    [head][size][items ─▷][allocated][descr ─▷ type code, item size]
 *
 * (arrayobject, Modules/arraymodule.c, 2.7 to 3.15.)
 *
 * Memory that several show is told once: an ndarray's data with the ndarray that has them and with the first frame that
 * shows all of them, or else the first Series (frames keep some of their columns as such, too); a storage with the first tensor
 * that shows all of it, and only where none does with one that shows a part.
 */
#include "inspector/census/tables/arrays.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/census/tables/numbers.h"
#include "inspector/object/arrays/data_frame.h"
#include "inspector/object/arrays/ndarray.h"
#include "inspector/object/arrays/tensor.h"
#include "inspector/object/word.h"

#include <stdio.h>

#define ARRAYS_MAX 4096 /* distinct ones */
#define BASES_MAX  64   /* of a type that are looked at */

enum sort {
	SORT_UNKNOWN,
	SORT_NONE,
	SORT_NDARRAY,
	SORT_ARRAY,
	SORT_FRAME,
	SORT_SERIES,
	SORT_TENSOR,
};

/* A tensor that shows a part of a storage, and its row. */
struct part_shown {
	raddr storage;
	uint64_t bytes;
	uint32_t row;
};

struct arrays {
	struct ground *ground;
	struct census *census;
	struct numbers known;
	struct numbers claimed; /* memory that was told, by its address */
	VEC(struct part_shown) parts;
	uint8_t *sorts; /* by type, enum sort; of the first n_sorts */
	size_t n_sorts;
	uint64_t budget; /* blocks of frames */
	bool has_series;
	bool failed; /* out of memory */
};

static void arrays_fini(struct arrays *a)
{
	numbers_fini(&a->known);
	numbers_fini(&a->claimed);
	vec_fini(&a->parts);
	free(a->sorts);
}

/* ---- which are arrays ----------------------------------------------------------------- */

static enum sort sort_by_name(const char *name)
{
	return data_frame_is(name)          ? SORT_FRAME
	       : data_frame_is_series(name) ? SORT_SERIES
	       : tensor_is_base(name)       ? SORT_TENSOR
					    : SORT_NONE;
}

/* A subclass has them somewhere in its tp_mro: not as its first base, where it has several. */
static enum sort sort_by_bases(struct type_table *types, uint32_t type)
{
	const struct shapes *s = types->shapes;
	raddr mro = word_pointer(types, type_table_get(types, type)->at, s->type.mro);
	uint64_t n = size_min(word_at(types, mro, s->ob_size), BASES_MAX);
	enum sort sort = sort_by_name(type_table_get(types, type)->name);
	for (uint64_t i = 0; sort == SORT_NONE && i < n; i++) {
		uint32_t base =
			type_table_find(types, word_pointer(types, mro, s->tuple.items + i * 8));
		if (base != TYPE_NONE)
			sort = sort_by_name(type_table_get(types, base)->name);
	}
	return sort;
}

static enum sort find_sort(struct type_table *types, uint32_t type)
{
	enum type_kind kind = type_table_get(types, type)->kind;
	return kind == TYPE_NDARRAY ? SORT_NDARRAY
	       : kind == TYPE_ARRAY ? SORT_ARRAY
	       : kind == TYPE_OTHER ? sort_by_bases(types, type)
				    : SORT_NONE;
}

static enum sort sort_of(struct arrays *a, uint32_t type)
{
	if (type < a->n_sorts && a->sorts[type] != SORT_UNKNOWN)
		return (enum sort)a->sorts[type];
	enum sort sort = find_sort(&a->ground->types, type);
	if (type < a->n_sorts)
		a->sorts[type] = (uint8_t)sort;
	return sort;
}

/* ---- what each says ------------------------------------------------------------------- */

/* Whether it was not told before. */
static bool claim(void *context, raddr at)
{
	struct arrays *a = context;
	uint64_t hash = numbers_mix(0, at.value);
	if (numbers_find(&a->claimed, hash) != NUMBERS_NONE)
		return false;
	a->failed |= !numbers_add(&a->claimed, hash, 0);
	return true;
}

static bool describe_ndarray(struct arrays *a, const struct object *object, struct array *ret)
{
	struct ndarray nd;
	if (!ndarray_read(&a->ground->types, object->at, &nd))
		return false;
	*ret = nd.array;
	return true;
}

static bool describe_array(struct arrays *a, const struct object *object, struct array *ret)
{
	struct type_table *types = &a->ground->types;
	raddr head = raddr_plus(object->at, a->ground->shapes.ob_size);
	raddr descr = word_pointer(types, head, 24);
	const uint8_t *bytes = raddr_is_null(descr) ? NULL : burst_bytes(types->burst, descr, 8);
	if (!bytes || bytes[0] < 'A' || bytes[0] > 'z')
		return false;
	struct bytes b = bytes_of(bytes, 8);
	uint64_t item = bytes_u32(&b, 4);
	if (item == 0 || item > 16)
		return false;
	(void)snprintf(ret->dtype, sizeof(ret->dtype), "%c", bytes[0]);
	ret->shape[0] = word_at(types, head, 0);
	ret->n_shape = 1;
	ret->data_bytes = size_multiply(word_at(types, head, 16), item);
	return true;
}

static bool describe_frame(struct arrays *a, const struct object *object, bool series,
			   struct array *ret)
{
	const struct data_frame_request request = {
		.types = &a->ground->types,
		.series = series,
		.budget = &a->budget,
		.claim = claim,
		.context = a,
	};
	return data_frame_read(&request, object, ret);
}

static bool read_memory(void *context, raddr at, void *to, size_t size)
{
	const uint8_t *bytes = burst_bytes(context, at, size);
	if (bytes)
		memcpy(to, bytes, size);
	return bytes;
}

/* Of a tensor that shows a part of its storage, *ret_part is what is yet to be told. */
static bool describe_tensor(struct arrays *a, const struct object *object, struct array *ret,
			    struct part_shown *ret_part)
{
	const struct tensor_memory memory = {
		.space = a->ground->space, .read = read_memory, .context = a->ground->burst};
	struct tensor tensor;
	if (!tensor_read(&memory, object->at, a->ground->shapes.ob_type + 8, &tensor))
		return false;
	*ret = tensor.array;
	if (!tensor.whole || !claim(a, tensor.storage))
		ret->data_bytes = 0;
	if (!tensor.whole && !raddr_is_null(tensor.storage))
		*ret_part = (struct part_shown){tensor.storage, tensor.array.data_bytes, 0};
	return true;
}

static bool describe(struct arrays *a, const struct object *object, enum sort sort,
		     struct array *ret, struct part_shown *ret_part)
{
	switch (sort) {
	case SORT_NDARRAY:
		return describe_ndarray(a, object, ret);
	case SORT_ARRAY:
		return describe_array(a, object, ret);
	case SORT_FRAME:
	case SORT_SERIES:
		return describe_frame(a, object, sort == SORT_SERIES, ret);
	case SORT_TENSOR:
		return describe_tensor(a, object, ret, ret_part);
	case SORT_UNKNOWN:
	case SORT_NONE:
		break;
	}
	return false;
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

/* *ret_row: NUMBERS_NONE where there are too many. */
static struct error *count(struct arrays *a, const struct array *array, uint32_t type,
			   uint32_t *ret_row)
{
	struct census *census = a->census;
	uint64_t hash = hash_of(array, type);
	*ret_row = numbers_find(&a->known, hash);
	if (*ret_row != NUMBERS_NONE) {
		struct census_array *row = &census->arrays.items[*ret_row];
		row->count++;
		row->data_bytes = size_add(row->data_bytes, array->data_bytes);
		return NULL;
	}
	if (census->arrays.count >= ARRAYS_MAX)
		return NULL;
	*ret_row = (uint32_t)census->arrays.count;
	if (!numbers_add(&a->known, hash, *ret_row))
		return error_out_of_memory();
	return add(census, array, type_table_get(&a->ground->types, type)->name);
}

static struct error *count_array(struct arrays *a, const struct object *object, enum sort sort)
{
	struct array array = {.n_shape = 0};
	struct part_shown part = {.storage = RADDR_NULL};
	if (!describe(a, object, sort, &array, &part))
		return a->failed ? error_out_of_memory() : NULL;
	struct error *err = count(a, &array, object->type, &part.row);
	if (err || raddr_is_null(part.storage) || part.row == NUMBERS_NONE)
		return err;
	struct part_shown *place = vec_push(&a->parts);
	if (!place)
		return error_out_of_memory();
	*place = part;
	return NULL;
}

/* Storages that no tensor shows all of. */
static void count_parts(struct arrays *a)
{
	for (size_t i = 0; i < a->parts.count; i++) {
		const struct part_shown *part = &a->parts.items[i];
		struct census_array *row = &a->census->arrays.items[part->row];
		if (claim(a, part->storage))
			row->data_bytes = size_add(row->data_bytes, part->bytes);
	}
}

static int compare(const void *a, const void *b)
{
	const struct census_array *left = a, *right = b;
	if (left->data_bytes != right->data_bytes)
		return left->data_bytes < right->data_bytes ? 1 : -1;
	return (left->count < right->count) - (left->count > right->count);
}

/* Series alone, or all others. */
static struct error *count_all(struct arrays *a, bool series)
{
	struct ground *ground = a->ground;
	struct error *err = NULL;
	for (uint32_t b = 0; !err && b < ground->plot.n_blocks; b++) {
		const struct label *label = labels_of(&ground->labels, b);
		struct object object;
		if (label->kind != LABEL_OBJECT || label->type == TYPE_NONE)
			continue;
		enum sort sort = sort_of(a, label->type);
		a->has_series |= sort == SORT_SERIES;
		if (sort != SORT_NONE && (sort == SORT_SERIES) == series &&
		    ground_object(ground, b, &object))
			err = count_array(a, &object, sort);
	}
	return err;
}

struct error *arrays_fill(struct ground *ground, struct census *ret)
{
	_cleanup_(arrays_fini) struct arrays a = {.ground = ground, .census = ret};
	a.budget = ground->space->mapped_size / 8;
	a.n_sorts = ground->types.types.count;
	a.sorts = calloc(a.n_sorts ?: 1, 1);
	if (!a.sorts)
		return error_out_of_memory();
	struct error *err = count_all(&a, false);
	if (a.has_series)
		err = err ?: count_all(&a, true);
	if (err)
		return err;
	count_parts(&a);
	if (ret->arrays.count)
		qsort(ret->arrays.items, ret->arrays.count, sizeof(*ret->arrays.items), compare);
	return a.failed ? error_out_of_memory() : NULL;
}
