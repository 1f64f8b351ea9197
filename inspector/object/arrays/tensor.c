/*
 * tensor: found because the two halves of one point to each other.
 *
 *	THPVariable  [head][flag?][impl]…               a Python object
 *	                 ▲            └─▷ TensorImpl  [vtable counts][storage] … [pyobj][n][sizes 5][strides 5][offset][numel][dtype]
 *	                 └──────────────────────────────────────┘             │         └─ n > 5: ─▷ [sizes n][strides n]
 *	                                                  StorageImpl ◁───────┘
 *	                                                  [vtable counts][data][owner][device][bytes]
 *
 * What lies between the first fields and `pyobj` changes with the version; what follows it has been the same since 1.8. That
 * the elements are as many as the sizes multiplied proves it. The counts take 8 or 16 bytes: with both a storage is tried, and
 * believed where exactly one of them gives data that are mapped and as many as the elements reach over.
 */
#include "inspector/object/arrays/tensor.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define IMPL_SIZE  192 /* up to the type of the elements, wherever `pyobj` is */
#define BACK_FIRST 40  /* where `pyobj` may be */
#define BACK_LAST  72
#define OWNED      UINT64_C(1) /* of pyobj: the tensor keeps the object alive, since 2.0 */
#define INLINE     5
#define SIZE_END   (UINT64_C(1) << 47)

struct element {
	const char *name;
	unsigned size;
};

/* By c10::ScalarType. */
static const struct element elements[] = {
	{"uint8", 1},
	{"int8", 1},
	{"int16", 2},
	{"int32", 4},
	{"int64", 8},
	{"float16", 2},
	{"float32", 4},
	{"float64", 8},
	{"complex32", 4},
	{"complex64", 8},
	{"complex128", 16},
	{"bool", 1},
	{"qint8", 1},
	{"quint8", 1},
	{"qint32", 4},
	{"bfloat16", 2},
	{"quint4x2", 1},
	{"quint2x4", 1},
	{"bits1x8", 1},
	{"bits2x4", 1},
	{"bits4x2", 1},
	{"bits8", 1},
	{"bits16", 2},
	{"float8_e5m2", 1},
	{"float8_e4m3fn", 1},
	{"float8_e5m2fnuz", 1},
	{"float8_e4m3fnuz", 1},
	{"uint16", 2},
	{"uint32", 4},
	{"uint64", 8},
	{"uint1", 1},
	{"uint2", 1},
	{"uint3", 1},
	{"uint4", 1},
	{"uint5", 1},
	{"uint6", 1},
	{"uint7", 1},
	{"int1", 1},
	{"int2", 1},
	{"int3", 1},
	{"int4", 1},
	{"int5", 1},
	{"int6", 1},
	{"int7", 1},
	{"float8_e8m0fnu", 1},
	{"float4_e2m1fn_x2", 1},
};

/* One reading. */
struct reading {
	const struct tensor_memory *memory;
	raddr object, impl;
	uint8_t bytes[IMPL_SIZE]; /* of the TensorImpl */
	size_t back;              /* where `pyobj` is in them */
	uint64_t n, offset, numel;
	uint64_t dimensions[2 * TENSOR_DIMENSIONS_MAX]; /* sizes, then strides */
	const struct element *element;                  /* NULL: of a type that is not known */
	uint64_t reach;                                 /* bytes of the storage that it needs */
	raddr more; /* where sizes and strides are, of more than five dimensions */
};

static bool read_at(const struct reading *r, raddr at, void *to, size_t size)
{
	return at.value % 8 == 0 && r->memory->read(r->memory->context, at, to, size);
}

static uint64_t word(const struct reading *r, size_t offset)
{
	struct bytes b = bytes_of(r->bytes, sizeof(r->bytes));
	return bytes_u64(&b, offset);
}

/* ---- the two halves --------------------------------------------------------------------- */

static bool points_back(struct reading *r, raddr impl)
{
	if (raddr_is_null(impl) || !read_at(r, impl, r->bytes, sizeof(r->bytes)))
		return false;
	r->impl = impl;
	for (r->back = BACK_FIRST; r->back <= BACK_LAST; r->back += 8)
		if ((word(r, r->back) & ~OWNED) == r->object.value)
			return true;
	return false;
}

/* Since 1.9 a flag stands before the pointer: whether it is borrowed. */
static bool find_impl(struct reading *r, uint64_t head)
{
	uint64_t words[2];
	if (!read_at(r, raddr_plus(r->object, head), words, sizeof(words)))
		return false;
	return points_back(r, raddr_at(words[0])) || points_back(r, raddr_at(words[1]));
}

/* ---- sizes ------------------------------------------------------------------------------ */

static bool read_dimensions(struct reading *r)
{
	size_t at = r->back + 16;
	r->n = word(r, r->back + 8);
	if (r->n > TENSOR_DIMENSIONS_MAX)
		return false;
	if (r->n <= INLINE) {
		for (size_t i = 0; i < r->n; i++) {
			r->dimensions[i] = word(r, at + i * 8);
			r->dimensions[r->n + i] = word(r, at + (INLINE + i) * 8);
		}
		return true;
	}
	r->more = raddr_at(word(r, at));
	return read_at(r, r->more, r->dimensions, (size_t)r->n * 16);
}

/* Whether the elements are as many as the sizes say, and how many bytes of a storage they reach over. */
static bool agrees(struct reading *r)
{
	uint64_t n = 1, last = r->offset;
	for (size_t i = 0; i < r->n; i++) {
		uint64_t size = r->dimensions[i], stride = r->dimensions[r->n + i];
		if (size >= SIZE_END || stride >= SIZE_END)
			return false;
		n = size_multiply(n, size);
		last = size_add(last, size_multiply(size_subtract(size, 1), stride));
	}
	if (n != r->numel || n >= SIZE_END || r->offset >= SIZE_END)
		return false;
	uint64_t element = r->element ? r->element->size : 1;
	r->reach = n ? size_multiply(size_add(last, 1), element) : 0;
	return true;
}

static void tell(const struct reading *r, struct tensor *ret)
{
	if (r->element)
		(void)snprintf(ret->array.dtype, sizeof(ret->array.dtype), "%s", r->element->name);
	ret->array.n_shape = (uint32_t)size_min(r->n, ARRAY_DIMENSIONS);
	memcpy(ret->array.shape, r->dimensions, sizeof(uint64_t) * ret->array.n_shape);
}

static bool read_sizes(struct reading *r, struct tensor *ret)
{
	size_t end = r->back + 16 + 2 * INLINE * 8;
	r->offset = word(r, end);
	r->numel = word(r, end + 8);
	struct bytes b = bytes_of(r->bytes, sizeof(r->bytes));
	uint64_t type = bytes_unsigned(&b, end + 16, 2);
	r->element = type < ARRAY_SIZE(elements) ? &elements[type] : NULL;
	if (!read_dimensions(r) || !agrees(r))
		return false;
	tell(r, ret);
	return true;
}

/* ---- the storage ------------------------------------------------------------------------ */

static bool is_mapped(const struct space *space, uint64_t at, uint64_t size)
{
	raddr last;
	return size && raddr_step(raddr_at(at), size - 1, &last) &&
	       space_region(space, raddr_at(at)) && space_region(space, last);
}

/* DataPtr: data, what frees them and with what, the device (0: the process's memory; which one); then size_bytes_. */
static bool try_storage(const struct reading *r, size_t counts, struct tensor *ret)
{
	uint64_t words[5];
	raddr storage = raddr_at(word(r, counts));
	if (raddr_is_null(storage) ||
	    !read_at(r, raddr_plus(storage, counts), words, sizeof(words)))
		return false;
	uint64_t size = words[4];
	if ((words[3] & 0xff) != 0 || size == 0 || size >= SIZE_END || size < r->reach ||
	    !is_mapped(r->memory->space, words[0], size))
		return false;
	uint64_t shown = r->element ? size_multiply(r->numel, r->element->size) : 0;
	ret->storage = storage;
	ret->counts = counts;
	ret->array.data_bytes = size;
	ret->whole = r->offset == 0 && shown >= size;
	return true;
}

/* Reference counts: two words, later two halves of one (c10/util/intrusive_ptr.h). */
static void find_storage(const struct reading *r, struct tensor *ret)
{
	struct tensor one = *ret, other = *ret;
	bool halves = try_storage(r, 16, &one), words = try_storage(r, 24, &other);
	if (halves != words)
		*ret = halves ? one : other;
}

/* ---- what is told ----------------------------------------------------------------------- */

static void keep(const struct reading *r, raddr at, const void *bytes, size_t size)
{
	if (size)
		r->memory->keep(r->memory->context, at, bytes, size);
}

/* Without what may stand between its fields. */
static void keep_all(const struct reading *r, const struct tensor *tensor)
{
	size_t n = (size_t)r->n * 8, first = r->back + 16, end = first + 2 * INLINE * 8;
	keep(r, raddr_plus(r->impl, r->back + 8), &r->n, sizeof(r->n));
	if (r->n > INLINE) {
		keep(r, r->more, r->dimensions, 2 * n);
	} else {
		keep(r, raddr_plus(r->impl, first), r->dimensions, n);
		keep(r, raddr_plus(r->impl, first + INLINE * 8), r->dimensions + r->n, n);
	}
	keep(r, raddr_plus(r->impl, end), r->bytes + end, 18);
	if (tensor->counts)
		keep(r, raddr_plus(tensor->storage, tensor->counts + 32), &tensor->array.data_bytes,
		     8);
}

bool tensor_read(const struct tensor_memory *memory, raddr object, uint64_t head,
		 struct tensor *ret)
{
	struct reading r = {.memory = memory, .object = object};
	struct tensor tensor = {.storage = RADDR_NULL};
	if (!find_impl(&r, head) || !read_sizes(&r, &tensor))
		return false;
	find_storage(&r, &tensor);
	if (memory->keep)
		keep_all(&r, &tensor);
	*ret = tensor;
	return true;
}

bool tensor_is_base(const char *name)
{
	return strcmp(name, "torch._C._TensorBase") == 0 ||
	       strcmp(name, "torch._C.TensorBase") == 0;
}
