/*
 * redact_arrays: numbers that are believed because they could not all be so by chance.
 *
 *	ndarray [refcount type][data][nd][dimensions][strides][base][descr][flags]
 *	                          │          └─▷ 3, 1000, 7     └─▷ 56000, 56, 8     each as large as what is behind it, down
 *	                          └─▷ 168000 bytes that are mapped                   to the element
 *
 * A dead array's dimensions may be another's memory by now: what disagrees is blanked, and a reader tells nothing of arrays
 * whose dimensions are. Layouts as in object/arrays.
 */
#include "inspector/save/redact_arrays.h"

#include "base/bytes.h"
#include "inspector/object/arrays/ndarray.h"
#include "inspector/object/arrays/tensor.h"

#include <string.h>

#define DIMENSION_END (UINT64_C(1) << 47)
#define LONE_END      (UINT64_C(1) << 31) /* of dimensions that no stride bears out */
#define TYPES_END     (1u << 16)          /* types that others add are numbered from 256 on */

static bool read_at(struct redact_types *t, raddr at, void *to, size_t size)
{
	return grounds_read(t->grounds, t->space, at, to, size);
}

/* What of an object follows its head. */
static raddr behind_head(const struct redact_types *t, raddr object)
{
	return raddr_plus(object, t->shapes->ob_type + 8);
}

static void keep(struct redact_types *t, raddr at, const void *bytes, size_t size)
{
	save_log_add(t->log, at, bytes, size, false);
}

/* ---- ndarrays --------------------------------------------------------------------------- */

struct shape {
	uint64_t data, n;
	raddr dimensions_at, strides_at, descr;
	uint64_t dimensions[NDARRAY_DIMENSIONS_MAX];
	int64_t strides[NDARRAY_DIMENSIONS_MAX];
	uint8_t dtype[8]; /* of the descr */
	uint32_t number;  /* of the type of elements */
};

static bool read_shape(struct redact_types *t, raddr at, struct shape *ret)
{
	uint8_t bytes[56];
	if (!read_at(t, behind_head(t, at), bytes, sizeof(bytes)))
		return false;
	struct bytes b = bytes_of(bytes, sizeof(bytes));
	ret->data = bytes_u64(&b, 0);
	ret->n = bytes_u32(&b, 8);
	ret->dimensions_at = bytes_raddr(&b, 16);
	ret->strides_at = bytes_raddr(&b, 24);
	ret->descr = bytes_raddr(&b, 40);
	if (ret->n > NDARRAY_DIMENSIONS_MAX)
		return false;
	size_t size = (size_t)ret->n * 8;
	return size == 0 || (read_at(t, ret->dimensions_at, ret->dimensions, size) &&
			     read_at(t, ret->strides_at, ret->strides, size));
}

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* The elements lie in memory that is there, from the first to the last. */
static bool reaches(const struct redact_types *t, const struct shape *s)
{
	uint64_t low = s->data, high = s->data;
	for (size_t i = 0; i < s->n; i++) {
		uint64_t far =
			size_multiply(size_subtract(s->dimensions[i], 1), distance(s->strides[i]));
		if (s->strides[i] < 0)
			low = size_subtract(low, far);
		else
			high = size_add(high, far);
	}
	return grounds_of(t->grounds, low) && grounds_of(t->grounds, high);
}

/* Strides are multiples of the elements' size, or all 0: of what is empty, or one element over and over. */
static bool agrees(const struct redact_types *t, const struct shape *s)
{
	uint64_t item = ndarray_element_size(s->number) ?: 1, strides = 0;
	for (size_t i = 0; i < s->n; i++) {
		strides |= distance(s->strides[i]);
		if (distance(s->strides[i]) % item != 0)
			return false;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->dimensions[i] >= (strides ? DIMENSION_END : LONE_END))
			return false;
	return reaches(t, s);
}

/* kind, type, byte order, flags; then the number, an int. */
static bool read_dtype(struct redact_types *t, struct shape *s)
{
	if (!read_at(t, raddr_plus(behind_head(t, s->descr), 8), s->dtype, sizeof(s->dtype)))
		return false;
	struct bytes b = bytes_of(s->dtype, sizeof(s->dtype));
	s->number = bytes_u32(&b, 4);
	return s->dtype[0] && strchr("biufcSUVOMmT", s->dtype[0]) && s->number < TYPES_END;
}

bool redact_arrays_note(struct redact_types *t, raddr ndarray)
{
	struct shape s;
	if (!read_shape(t, ndarray, &s) || !read_dtype(t, &s) || !agrees(t, &s))
		return false;
	keep(t, raddr_plus(behind_head(t, s.descr), 8), s.dtype, sizeof(s.dtype));
	keep(t, s.dimensions_at, s.dimensions, (size_t)s.n * 8);
	keep(t, s.strides_at, s.strides, (size_t)s.n * 8);
	return true;
}

/* ---- tensors ---------------------------------------------------------------------------- */

static bool read_unheard(void *context, raddr at, void *to, size_t size)
{
	return read_at(context, at, to, size);
}

static void keep_part(void *context, raddr at, const void *bytes, size_t size)
{
	keep(context, at, bytes, size);
}

void redact_arrays_note_tensor(struct redact_types *t, raddr object)
{
	const struct tensor_memory memory = {
		.space = t->space, .read = read_unheard, .keep = keep_part, .context = t};
	struct tensor tensor;
	(void)tensor_read(&memory, object, t->shapes->ob_type + 8, &tensor);
}
