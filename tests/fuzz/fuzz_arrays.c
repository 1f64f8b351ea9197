/*
 * arrays: whatever stands in arrays, tables and tensors, each question ends, and what is told can be: of a tensor's storage no more
 * than is mapped, dtypes that end, no more dimensions than there is room for; what may be saved was read.
 */
#include "fuzz.h"

#include "../unit/object/array_world.h"
#include "inspector/object/arrays/data_frame.h"
#include "inspector/object/arrays/ndarray.h"
#include "inspector/object/arrays/tensor.h"

static const uint32_t versions[] = {0x03060000, 0x03080000, 0x030b0000,
				    0x030c0000, 0x030d0000, 0x030f0000};

static const struct tensor_layout layouts[] = {
	{false, 24, false, false},
	{true, 24, true, false},
	{true, 16, true, true},
	{false, 16, false, false},
};

#define THINGS_MAX 32
#define BUDGET     100

struct scene {
	struct array_world a;
	uint64_t things[THINGS_MAX]; /* objects, and what they point to */
	size_t n;
	uint64_t n_claimed;
};

static uint64_t add(struct scene *s, uint64_t at)
{
	if (s->n < THINGS_MAX)
		s->things[s->n++] = at;
	return at;
}

static void make_frame(struct scene *s)
{
	static const uint64_t wide[] = {3, 20}, flat[] = {20};
	uint64_t whole = add(s, array_world_ndarray(&s->a, 7, wide, 2, 0));
	uint64_t view = add(s, array_world_ndarray(&s->a, 7, wide, 2, whole));
	uint64_t codes = add(s, array_world_ndarray(&s->a, 1, flat, 1, 0));
	uint64_t blocks[] = {
		add(s, array_world_block(&s->a, view)),
		add(s, array_world_block(&s->a, add(s, array_world_extension(&s->a, codes))))};
	add(s, array_world_frame(&s->a, blocks, 2));
	add(s, s->a.w->heap_next - 64);
}

static void make_tensors(struct scene *s)
{
	static const uint64_t sizes[] = {2, 3, 1, 4, 5, 1, 2};
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct tensor_made made =
			array_world_tensor(&s->a, &layouts[i], 6, 4, sizes, i % 2 ? 7 : 2);
		add(s, made.object);
		add(s, made.impl);
		add(s, made.storage);
		if (made.more)
			add(s, made.more);
	}
}

/* A word of a thing or behind it: a number, or the address of another thing. */
static void damage(struct scene *s, struct fuzz *f)
{
	unsigned what = (unsigned)fuzz_number(f, 1);
	uint64_t near = s->things[fuzz_number(f, 1) % s->n];
	uint64_t at = (near + fuzz_number(f, 1)) & ~UINT64_C(7);
	uint64_t value = fuzz_number(f, what & 0x40 ? 1 : 8);
	if (what & 0x20)
		value = s->things[value % s->n] + (what & 0x10 ? 0 : fuzz_number(f, 1));
	if (object_world_host(s->a.w, at, 8))
		object_world_put(s->a.w, at, value);
}

static void check(const struct array *array)
{
	assert(strnlen(array->dtype, ARRAY_DTYPE) < ARRAY_DTYPE);
	assert(array->n_shape <= ARRAY_DIMENSIONS);
}

static bool claim(void *context, raddr at)
{
	struct scene *s = context;
	assert(object_world_host(s->a.w, at.value, 16));
	return s->n_claimed++ % 3;
}

static bool read_world(void *context, raddr at, void *to, size_t size)
{
	const uint8_t *from = object_world_host(context, at.value, size);
	if (from)
		memcpy(to, from, size);
	return from;
}

static void keep(void *context, raddr at, const void *bytes, size_t size)
{
	const uint8_t *from = object_world_host(context, at.value, size);
	assert(from && memcmp(from, bytes, size) == 0);
}

static void ask(struct scene *s, uint64_t at, bool series)
{
	struct object_world *w = s->a.w;
	const struct tensor_memory memory = {
		.space = &w->space, .read = read_world, .keep = keep, .context = w};
	uint64_t budget = BUDGET;
	const struct data_frame_request request = {&w->types, series, &budget, claim, s};
	struct object object;
	struct array array;
	struct tensor tensor;
	struct ndarray nd;
	if (tensor_read(&memory, raddr_at(at), w->shapes.ob_type + 8, &tensor)) {
		check(&tensor.array);
		assert(tensor.array.data_bytes <= WORLD_HEAP + WORLD_SIZE - WORLD_CODE);
		assert(!tensor.array.data_bytes == raddr_is_null(tensor.storage));
	}
	if (ndarray_read(&w->types, raddr_at(at), &nd)) {
		check(&nd.array);
		(void)ndarray_owner(&w->types, &nd);
	}
	if (object_at(&w->types, raddr_at(at), &object) &&
	    data_frame_read(&request, &object, &array))
		check(&array);
	assert(budget <= BUDGET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	unsigned how = (unsigned)fuzz_number(&f, 1);
	uint32_t version = versions[how % ARRAY_SIZE(versions)];
	bool free_threaded = how >= 0x80 && version >= 0x030d0000;
	struct scene s = {.n = 0};
	array_world_init(&s.a, object_world_new(version, free_threaded, false,
						version < 0x03080000 ? 24 : 0));
	make_frame(&s);
	make_tensors(&s);
	while (f.size)
		damage(&s, &f);
	object_world_look(s.a.w);
	for (size_t i = 0; i < s.n; i++)
		ask(&s, s.things[i], i % 2);
	object_world_free(s.a.w);
	return 0;
}
