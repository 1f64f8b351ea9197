/* array_world: as numpy, pandas and torch lay them out, in what a test reads. */
#include "array_world.h"

#include <assert.h>
#include <string.h>

static uint64_t make_type(struct object_world *w, const char *name, uint64_t words, uint64_t flags)
{
	uint64_t at = object_world_data(w, 1024);
	object_world_type(w, at, name, w->type, w->shapes.ob_type + 8 + words * 8, 0, flags);
	return at;
}

void array_world_init(struct array_world *a, struct object_world *w)
{
	*a = (struct array_world){
		.w = w,
		.ndarray = make_type(w, "numpy.ndarray", 8, 0),
		.frame = make_type(w, "pandas.core.frame.DataFrame", 1, WORLD_GC),
		.manager = make_type(w, "pandas.core.internals.managers.BlockManager", 6, WORLD_GC),
		.block = make_type(w, "pandas.core.internals.blocks.NumericBlock", 3, 0),
		.other_block = make_type(w, "pandas.core.internals.blocks.Other", 3, 0),
		.extension = make_type(w, "pandas.core.arrays.categorical.Categorical", 2, 0),
		.tensor = make_type(w, "torch._C._TensorBase", 4, 0),
	};
	object_world_put(w, a->frame + w->shapes.type.dictoffset, w->shapes.ob_type + 8);
}

static uint64_t head_of(const struct array_world *a)
{
	return a->w->shapes.ob_type + 8;
}

static uint64_t make_object(struct array_world *a, uint64_t type, uint64_t before, uint64_t words)
{
	return object_world_object(a->w, type, before, head_of(a) + words * 8, 1);
}

static uint64_t gc_of(const struct array_world *a)
{
	return a->w->shapes.gc_size ?: a->w->shapes.free_threaded ? 0 : 24;
}

uint64_t array_world_ndarray(struct array_world *a, uint32_t number, const uint64_t *shape,
			     size_t n, uint64_t base)
{
	struct object_world *w = a->w;
	uint64_t at = make_object(a, a->ndarray, 0, 8), head = at + head_of(a);
	uint64_t dimensions = object_world_heap(w, n * 16 + 16);
	uint64_t descr = object_world_heap(w, head_of(a) + 64);
	for (size_t i = 0; i < n; i++)
		object_world_put(w, dimensions + i * 8, shape[i]);
	object_world_put_bytes(w, descr + head_of(a) + 12, &number, 4);
	object_world_put(w, head, object_world_heap(w, 64));
	object_world_put(w, head + 8, n);
	object_world_put(w, head + 16, dimensions);
	object_world_put(w, head + 24, dimensions + n * 8);
	object_world_put(w, head + 32, base);
	object_world_put(w, head + 40, descr);
	object_world_put(w, head + 48, base ? 0 : 4);
	return at;
}

uint64_t array_world_extension(struct array_world *a, uint64_t ndarray)
{
	uint64_t at = make_object(a, a->extension, 0, 2);
	object_world_put(a->w, at + head_of(a), ndarray);
	return at;
}

uint64_t array_world_block(struct array_world *a, uint64_t values)
{
	uint64_t at = make_object(a, a->block, 0, 3);
	object_world_put(a->w, at + head_of(a) + 16, values);
	return at;
}

uint64_t array_world_frame(struct array_world *a, const uint64_t *blocks, size_t n)
{
	struct object_world *w = a->w;
	static const char *const keys[] = {"_flags", "_mgr"};
	uint64_t frame = make_object(a, a->frame, gc_of(a), 1);
	uint64_t manager = make_object(a, a->manager, gc_of(a), 6);
	uint64_t tuple =
		object_world_object(w, w->tuple, gc_of(a), w->shapes.tuple.items + n * 8, 1);
	uint64_t values[] = {w->object, manager};
	object_world_put(w, frame + head_of(a), object_world_dict(w, keys, values, 2));
	object_world_put(w, manager + head_of(a) + 8, tuple);
	object_world_put(w, tuple + w->shapes.ob_size, n);
	for (size_t i = 0; i < n; i++)
		object_world_put(w, tuple + w->shapes.tuple.items + i * 8, blocks[i]);
	return frame;
}

/* ---- tensors ---------------------------------------------------------------------------- */

static void put_sizes(struct array_world *a, struct tensor_made *t, const uint64_t *sizes, size_t n,
		      uint64_t *ret_elements)
{
	uint64_t first = t->impl + t->back + 16, stride = 1;
	uint64_t strides = first + 5 * 8;
	if (n > 5) {
		t->more = object_world_heap(a->w, n * 16);
		object_world_put(a->w, first, t->more);
		first = t->more;
		strides = first + n * 8;
	}
	object_world_put(a->w, t->impl + t->back + 8, n);
	for (size_t i = n; i-- > 0; stride *= sizes[i]) {
		object_world_put(a->w, first + i * 8, sizes[i]);
		object_world_put(a->w, strides + i * 8, stride);
	}
	*ret_elements = stride;
}

struct tensor_made array_world_tensor(struct array_world *a, const struct tensor_layout *layout,
				      uint16_t type, uint64_t item, const uint64_t *sizes, size_t n)
{
	struct object_world *w = a->w;
	uint64_t elements;
	struct tensor_made t = {
		.object = make_object(a, a->tensor, 0, 4),
		.impl = object_world_heap(w, 208),
		.storage = object_world_heap(w, 96),
		.data = object_world_heap(w, 64),
		.back = layout->counts + 32 + (layout->interpreter ? 8 : 0),
	};
	object_world_put(w, t.object + head_of(a) + (layout->flag ? 8 : 0), t.impl);
	object_world_put(w, t.impl + layout->counts, t.storage);
	object_world_put(w, t.impl + t.back, t.object | layout->tagged);
	put_sizes(a, &t, sizes, n, &elements);
	object_world_put(w, t.impl + t.back + 104, elements);
	object_world_put(w, t.impl + t.back + 112, UINT64_C(0x141ff00010000) | type);
	object_world_put(w, t.storage + layout->counts, t.data);
	object_world_put(w, t.storage + layout->counts + 24, 0xff00);
	object_world_put(w, t.storage + layout->counts + 32, elements * item);
	return t;
}
