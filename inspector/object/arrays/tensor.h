/*
 * tensor: torch's, as it says of itself.
 */
#ifndef INSPECTOR_OBJECT_ARRAYS_TENSOR_H
#define INSPECTOR_OBJECT_ARRAYS_TENSOR_H

#include "inspector/object/arrays/array.h"
#include "inspector/target/space.h"

/* Memory as whoever asks has it. */
struct tensor_memory {
	const struct space *space; /* for what is mapped */
	bool (*read)(void *context, raddr at, void *to, size_t size);
	/* Told, once all agrees, what was read beside addresses: counts, sizes, strides, numbers of types and devices. May be
	 * NULL. */
	void (*keep)(void *context, raddr at, const void *bytes, size_t size);
	void *context;
};

#define TENSOR_DIMENSIONS_MAX 64 /* torch's own limit */

struct tensor {
	/* data_bytes: all that its storage has, where that can be read and lies in the process's own memory. */
	struct array array;
	raddr storage; /* null: that is not so */
	bool whole;    /* it shows all of its storage; else some of it, as others may */
	/* Bytes of a storage in front of its fields: what tells its class, counts of references. 0: there is no storage. */
	size_t counts;
};

/*
 * What the tensor at an address says, an instance of torch's base type of tensors (or of a subclass) that is known as such;
 * `head`: bytes of a Python object's head. False: it is not what torch 1.8 to 2.10 makes.
 *
 * (torch/csrc/autograd/python_variable.h: THPVariable; c10/core/TensorImpl.h, StorageImpl.h; c10/core/impl/SizesAndStrides.h;
 * torch/headeronly/core/ScalarType.h, before c10/core/ScalarType.h.)
 */
bool tensor_read(const struct tensor_memory *memory, raddr object, uint64_t head,
		 struct tensor *ret);

/* Whether a type is the one that all tensors are instances of, by its name. */
bool tensor_is_base(const char *type_name);

#endif
