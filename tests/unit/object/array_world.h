/*
 * array_world: arrays, tables and tensors in a world of objects, for the tests and the fuzzing of object/arrays.
 */
#ifndef ARRAY_WORLD_H
#define ARRAY_WORLD_H

#include "object_world.h"

struct array_world {
	struct object_world *w;
	uint64_t ndarray, frame, manager, block, other_block, extension, tensor; /* types */
};

void array_world_init(struct array_world *a, struct object_world *w);

/* An ndarray of NPY_TYPES' `number`; `base`: whose data they are, 0: its own. */
uint64_t array_world_ndarray(struct array_world *a, uint32_t number, const uint64_t *shape,
			     size_t n, uint64_t base);

/* A block with these values; an array that stands on an ndarray; a frame of blocks. */
uint64_t array_world_block(struct array_world *a, uint64_t values);
uint64_t array_world_extension(struct array_world *a, uint64_t ndarray);
uint64_t array_world_frame(struct array_world *a, const uint64_t *blocks, size_t n);

/* How a torch lays out its tensors. */
struct tensor_layout {
	bool flag;        /* before the pointer to it */
	uint64_t counts;  /* bytes of vtable and reference counts: 16, 24 */
	bool interpreter; /* before the pointer back */
	bool tagged;      /* that pointer */
};

struct tensor_made {
	uint64_t object, impl, storage, data, more;
	uint64_t back; /* where it points back to the object */
};

/* Contiguous, of c10's `type`, whose elements have `item` bytes. */
struct tensor_made array_world_tensor(struct array_world *a, const struct tensor_layout *layout,
				      uint16_t type, uint64_t item, const uint64_t *sizes,
				      size_t n);

#endif
