/*
 * Tests of symbols/layout_offsets and runtime_place: descriptions made up here, one
 * number of which is wrong. (What real interpreters say is test_bare_build's matter.)
 */
#include "symbols/bare/layout_offsets.h"

#include "base/size.h"
#include "symbols/bare/runtime_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START      0x10000 /* of the one writable segment */
#define WORDS      4096
#define RUNTIME_AT 64 /* the word where the runtime begins */
#define SIZE       8192

struct memory {
	uint64_t words[WORDS];
	size_t limit; /* bytes that can be read */
};

static struct error *read_memory(void *context, raddr at, void *buffer, size_t size)
{
	const struct memory *m = context;
	if (at.value < START || at.value - START > m->limit || size > m->limit - (at.value - START))
		return error_new(ERROR_FAULT, "nothing there");
	memcpy(buffer, (const char *)m->words + (at.value - START), size);
	return NULL;
}

static const struct elf_image image = {
	.n_segments = 1,
	.segments = {{.vaddr = START,
		      .memsz = sizeof(uint64_t[WORDS]),
		      .filesz = sizeof(uint64_t[WORDS]),
		      .writable = true}},
};

static struct elf_source source_of(struct memory *m)
{
	return (struct elf_source){read_memory, m, &image};
}

static void set(struct memory *m, size_t offset, uint64_t value)
{
	m->words[RUNTIME_AT + offset / 8] = value;
}

/* Where 3.13, 3.14 and 3.15 keep what they say of threads and objects: Include/internal/pycore_debug_offsets.h. */
struct places {
	uint32_t version;
	size_t tuple, item, list, dict, float_;
	size_t thread, next, interp, id, native, chunk;
};

static const struct places versions[] = {
	{0x030d00f0, 400, 408, 424, 448, 472, 152, 168, 176, 192, 200, 208},
	{0x030e0af0, 448, 456, 472, 528, 552, 176, 192, 200, 216, 224, 232},
	{0x030f02f0, 544, 552, 568, 624, 648, 176, 192, 200, 240, 248, 256},
};

static void describe(struct memory *m, const struct places *p)
{
	*m = (struct memory){.limit = sizeof(m->words)};
	memcpy(&m->words[RUNTIME_AT], "xdebugpy", 8);
	set(m, 8, p->version);
	set(m, 24, SIZE);
	set(m, 32, 600);
	set(m, 40, 632);
	set(m, 48, 4096);
	set(m, 56, 7272 / 8);
	set(m, 64, 16);
	set(m, 72, 24);
	set(m, p->tuple, 32);
	set(m, p->item, 24);
	set(m, p->list, 40);
	set(m, p->dict, 48);
	set(m, p->float_, 24);
	set(m, p->thread, 304);
	set(m, p->next, 8);
	set(m, p->interp, 16);
	set(m, p->id, 152);
	set(m, p->native, 160);
	set(m, p->chunk, 232);
}

static uint64_t runtime_vaddr(void)
{
	return START + RUNTIME_AT * 8;
}

static void test_every_version_is_read_at_its_own_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		static struct memory m;
		struct layout l = {0};
		struct debug_offsets told;
		describe(&m, &versions[i]);
		const struct elf_source s = source_of(&m);
		assert_true(layout_offsets_fill(&s, runtime_vaddr(), SIZE, &l, &told));
		assert_int_equal(told.version_hex, versions[i].version);
		assert_true(told.known && !told.free_threaded);
		assert_int_equal(layout_width(&l, LAYOUT_RUNTIME_SIZE), SIZE);
		assert_int_equal(layout_offset(&l, LAYOUT_RUNTIME_INTERPRETERS_HEAD), 632);
		assert_int_equal(layout_width(&l, LAYOUT_INTERP_SIZE), 4096);
		assert_int_equal(layout_offset(&l, LAYOUT_INTERP_ID), 909);
		assert_int_equal(layout_offset(&l, LAYOUT_INTERP_NEXT), 16);
		assert_int_equal(layout_width(&l, LAYOUT_SIZEOF_TUPLE), 32);
		assert_int_equal(layout_offset(&l, LAYOUT_TUPLE_ITEM), 24);
		assert_int_equal(layout_width(&l, LAYOUT_SIZEOF_LIST), 40);
		assert_int_equal(layout_width(&l, LAYOUT_SIZEOF_DICT), 48);
		assert_int_equal(layout_width(&l, LAYOUT_SIZEOF_FLOAT), 24);
		assert_int_equal(layout_offset(&l, LAYOUT_INTERP_THREADS_HEAD), 24);
		assert_int_equal(layout_offset(&l, LAYOUT_TSTATE_NEXT), 8);
		assert_int_equal(layout_offset(&l, LAYOUT_TSTATE_INTERP), 16);
		assert_int_equal(layout_offset(&l, LAYOUT_TSTATE_THREAD_ID), 152);
		assert_int_equal(layout_offset(&l, LAYOUT_TSTATE_NATIVE_THREAD_ID), 160);
		assert_int_equal(layout_offset(&l, LAYOUT_TSTATE_DATASTACK_CHUNK), 232);
		assert_int_equal(l.entries[LAYOUT_SIZEOF_LIST].provenance,
				 PROVENANCE_SELF_DESCRIBED);
		assert_null(layout_check(&l));
	}
}

static bool is_believed(struct memory *m, uint64_t size)
{
	const struct elf_source s = source_of(m);
	struct debug_offsets told;
	struct layout l = {0}, nothing = {0};
	bool filled = layout_offsets_fill(&s, runtime_vaddr(), size, &l, &told);
	assert_int_equal(layout_offsets_read(&s, runtime_vaddr(), size, &told), filled);
	if (!filled)
		assert_memory_equal(&l, &nothing, sizeof(l));
	return filled;
}

static void test_one_wrong_number_is_enough(void **state)
{
	(void)state;
	static const struct {
		size_t offset;
		uint64_t value;
	} wrongs[] = {
		{0, 0},
		{8, 0x030c00f0},
		{8, 0x0400000f},
		{8, UINT64_MAX},
		{16, 2},
		{24, SIZE + 8},
		{24, 16},
		{24, UINT64_MAX},
		{32, SIZE - 7},
		{40, SIZE},
		{40, 40},
		{40, UINT64_MAX - 3},
		{48, 0},
		{48, UINT64_MAX},
		{48, 8},
		{56, 4096},
		{56, 16},
		{64, 4089},
		{72, UINT64_MAX - 7},
		{152, 232},
		{152, UINT64_MAX},
		{168, 304},
		{208, 297},
		{208, UINT64_MAX},
		{400, 8},
		{400, UINT64_MAX},
		{408, 32},
		{408, 8},
		{424, 0},
		{448, 1 << 20},
		{472, 15},
	};
	static struct memory m;
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		describe(&m, &versions[0]);
		assert_true(is_believed(&m, SIZE) && is_believed(&m, 0));
		set(&m, wrongs[i].offset, wrongs[i].value);
		if (is_believed(&m, SIZE))
			fail_msg("%zu: %lu was believed", wrongs[i].offset, wrongs[i].value);
	}
}

static void test_what_cannot_be_read(void **state)
{
	(void)state;
	static struct memory m;
	describe(&m, &versions[0]);
	m.limit = RUNTIME_AT * 8 + 583; /* the last byte of 3.13's is missing */
	assert_false(is_believed(&m, 0));
	m.limit = RUNTIME_AT * 8 + 584;
	assert_true(is_believed(&m, 0));
	m.limit = RUNTIME_AT * 8 + 40;
	assert_false(is_believed(&m, 0));
}

/* Of a version that is not known the head is believed, which has always been the same. */
static void test_a_version_that_is_not_known(void **state)
{
	(void)state;
	static struct memory m;
	const struct elf_source s = source_of(&m);
	struct layout l = {0};
	struct debug_offsets told;
	describe(&m, &versions[0]);
	set(&m, 8, 0x031000f0);
	assert_true(layout_offsets_fill(&s, runtime_vaddr(), 0, &l, &told));
	assert_false(told.known);
	assert_true(layout_has(&l, LAYOUT_INTERP_NEXT));
	assert_false(layout_has(&l, LAYOUT_SIZEOF_TUPLE));
}

/* What is known already is not written over. */
static void test_better_sources_stay(void **state)
{
	(void)state;
	static struct memory m;
	const struct elf_source s = source_of(&m);
	struct layout l = {0};
	struct debug_offsets told;
	describe(&m, &versions[0]);
	l.entries[LAYOUT_INTERP_ID] = (struct layout_entry){1, 8, 1, 8, PROVENANCE_DWARF};
	assert_true(layout_offsets_fill(&s, runtime_vaddr(), 0, &l, &told));
	assert_int_equal(layout_offset(&l, LAYOUT_INTERP_ID), 1);
}

static void test_the_cookie_is_found_once_or_not_at_all(void **state)
{
	(void)state;
	static struct memory m;
	const struct elf_source s = source_of(&m);
	struct runtime_place place;
	describe(&m, &versions[1]);
	memcpy(&m.words[8], "xdebugpy", 8); /* the word alone is no description */
	assert_true(runtime_place_find(&s, -1, &place));
	assert_int_equal(place.vaddr, runtime_vaddr());
	assert_int_equal(place.size, SIZE);
	assert_int_equal(place.provenance, PROVENANCE_COOKIE);
	memcpy(&m.words[2048], &m.words[RUNTIME_AT], 800);
	assert_false(runtime_place_find(&s, -1, &place));
	memset(&m.words[2048], 0, 800);
	set(&m, 24, 1 << 20); /* larger than the segment */
	assert_false(runtime_place_find(&s, -1, &place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_version_is_read_at_its_own_places),
		cmocka_unit_test(test_one_wrong_number_is_enough),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_a_version_that_is_not_known),
		cmocka_unit_test(test_better_sources_stay),
		cmocka_unit_test(test_the_cookie_is_found_once_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
