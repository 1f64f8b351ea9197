/* redact_arrays: which dimensions of arrays and tensors are kept, and that no others are. */
#include "inspector/save/redact_arrays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY   UINT64_C(0x7f0000100000)
#define SIZE     UINT64_C(0x10000)
#define OBJECT   (MEMORY + 0x100)
#define SIZES    (MEMORY + 0x200)
#define DESCR    (MEMORY + 0x300)
#define IMPL     (MEMORY + 0x400)
#define STORAGE  (MEMORY + 0x600)
#define DATA     (MEMORY + 0x1000)
#define A_SECRET UINT64_C(0x746572636573)

static struct fixture {
	uint8_t bytes[SIZE];
	struct space space;
	struct save_log log;
	struct grounds grounds;
	struct redact_types types;
} f;

static struct error *read_fixture(void *source, raddr at, void *buffer, size_t size)
{
	struct fixture *from = source;
	if (at.value < MEMORY || size > SIZE || at.value - MEMORY > SIZE - size)
		return error_new(ERROR_FAULT, "not there");
	memcpy(buffer, from->bytes + (at.value - MEMORY), size);
	return NULL;
}

static void put(uint64_t at, uint64_t value)
{
	memcpy(f.bytes + (at - MEMORY), &value, sizeof(value));
}

static int begin(void **state)
{
	(void)state;
	static const struct space_ops ops = {.read = read_fixture};
	static const struct elf_image image = {0};
	static const bool stopped = false;
	static const struct shapes shapes = {.ob_type = 8};
	memset(&f, 0, sizeof(f));
	f.space = (struct space){.ops = &ops, .source = &f, .mapped_size = SIZE};
	struct region *r = vec_push(&f.space.regions);
	*r = (struct region){.start = raddr_at(MEMORY),
			     .size = SIZE,
			     .readable = true,
			     .writable = true,
			     .kind = REGION_ANON};
	struct error *err = save_log_init(&stopped, &f.log);
	err = err ?: grounds_find(&f.space, &image, NULL, &f.grounds);
	assert_null(err);
	f.types = (struct redact_types){
		.space = &f.space, .grounds = &f.grounds, .log = &f.log, .shapes = &shapes};
	return 0;
}

static int end(void **state)
{
	(void)state;
	grounds_fini(&f.grounds);
	save_log_fini(&f.log);
	f.space.ops = NULL;
	space_fini(&f.space);
	return 0;
}

/* Whether a word was logged, as it is. */
static bool is_kept(uint64_t at)
{
	for (size_t i = 0; i < f.log.records.count; i++) {
		const struct save_record *r = &f.log.records.items[i];
		if (at >= r->start.value && at + 8 <= r->start.value + r->size)
			return !memcmp(f.log.bytes.items + r->at + (at - r->start.value),
				       f.bytes + (at - MEMORY), 8);
	}
	return false;
}

/* ---- ndarrays ---------------------------------------------------------------------------- */

/* Of two dimensions; elements of type 12 have eight bytes. */
static void put_ndarray(const uint64_t shape[4])
{
	put(OBJECT + 16, DATA);
	put(OBJECT + 24, 2);
	put(OBJECT + 32, SIZES);
	put(OBJECT + 40, SIZES + 16);
	put(OBJECT + 56, DESCR);
	put(OBJECT + 64, 5);
	put(DESCR + 24, UINT64_C(12) << 32 | '=' << 16 | 'd' << 8 | 'f');
	for (size_t i = 0; i < 4; i++)
		put(SIZES + i * 8, shape[i]);
}

static void dimensions_that_agree(void **state)
{
	static const uint64_t shapes[][4] = {
		{5, 7, 56, 8},                    /* row by row */
		{5, 7, 8, 40},                    /* column by column */
		{5, 7, 0 - UINT64_C(56), 24},     /* backwards, some of the columns */
		{0, 7, 0, 0},                     /* empty */
		{1000000, 3, 0, 0},               /* one element over and over */
		{2, (SIZE - 0x1000) / 16, 8, 16}, /* up to the end of what is mapped */
	};
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		put_ndarray(shapes[i]);
		assert_true(redact_arrays_note(&f.types, raddr_at(OBJECT)));
		for (uint64_t at = SIZES; at < SIZES + 32; at += 8)
			assert_true(is_kept(at));
		assert_true(is_kept(DESCR + 24));
		assert_int_equal(f.log.records.count, 3);
		end(state);
		begin(state);
	}
}

/* What was an array once, and is another's memory by now. */
static void dimensions_that_do_not(void **state)
{
	(void)state;
	static const uint64_t shapes[][4] = {
		{A_SECRET, 0, 0, 0},                         /* nothing bears it out */
		{A_SECRET, 7, 56, 8},                        /* no data reach as far */
		{5, A_SECRET, 56, 8},   {5, 7, 56, 6},       /* no stride of such elements */
		{5, 7, A_SECRET, 8},    {2, SIZE / 8, 8, 8}, /* beyond what is mapped */
		{UINT64_MAX, 7, 56, 8}, {3000, 7, 0 - UINT64_C(56), 8}, /* begins before it */
	};
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		put_ndarray(shapes[i]);
		assert_false(redact_arrays_note(&f.types, raddr_at(OBJECT)));
	}
	put_ndarray((const uint64_t[]){5, 7, 56, 8});
	put(OBJECT + 24, 65);
	assert_false(redact_arrays_note(&f.types, raddr_at(OBJECT)));
	put(OBJECT + 24, 2);
	put(DESCR + 24, A_SECRET);
	assert_false(redact_arrays_note(&f.types, raddr_at(OBJECT)));
	assert_int_equal(f.log.records.count, 0);
}

/* ---- tensors ----------------------------------------------------------------------------- */

/* A flag, the tensor; there counts, the storage, the object, one dimension, elements of type 6: four bytes. */
static void put_tensor(uint64_t elements)
{
	put(OBJECT + 24, IMPL);
	put(IMPL + 16, STORAGE);
	put(IMPL + 48, A_SECRET);
	put(IMPL + 56, OBJECT);
	put(IMPL + 64, 1);
	put(IMPL + 72, 6);
	put(IMPL + 80, A_SECRET); /* left there */
	put(IMPL + 112, 1);
	put(IMPL + 160, elements);
	put(IMPL + 168, A_SECRET << 16 | 6);
	put(STORAGE + 16, DATA);
	put(STORAGE + 48, 24);
}

static void tensors(void **state)
{
	(void)state;
	put_tensor(7);
	redact_arrays_note_tensor(&f.types, raddr_at(OBJECT));
	assert_int_equal(f.log.records.count, 0);
	put_tensor(6);
	redact_arrays_note_tensor(&f.types, raddr_at(OBJECT));
	static const uint64_t kept[] = {IMPL + 64,  IMPL + 72,  IMPL + 112,
					IMPL + 152, IMPL + 160, STORAGE + 48};
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		assert_true(is_kept(kept[i]));
	const uint64_t secret = A_SECRET;
	assert_null(memmem(f.log.bytes.items, f.log.bytes.count, &secret, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dimensions_that_agree, begin, end),
		cmocka_unit_test_setup_teardown(dimensions_that_do_not, begin, end),
		cmocka_unit_test_setup_teardown(tensors, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
