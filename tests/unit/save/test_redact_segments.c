/* redact_segments: what of mimalloc's blocks is kept, with the GIL and without. */
#include "../mimalloc/segment_world.h"

#include "base/cleanup.h"
#include "inspector/object/shapes.h"
#include "inspector/save/redact.h"
#include "inspector/target/savefile/savefile_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/*
 *	slice  0       1       2       3 │ 4 … 11                      12 …
 *	      [table ][types ][small ]   │[large: b0 b1 b2 ┆ b3 b4 ]   free
 *	window 0                         │ 1               ┆ 2
 */
enum { TYPES, SMALL, LARGE, PAGES };

static const struct segment_page pages[PAGES] = {
	[TYPES] = {.slice = 1,
		   .count = 1,
		   .block_size = 1024,
		   .capacity = 8,
		   .reserved = 64,
		   .used = 8},
	[SMALL] = {.slice = 2,
		   .count = 1,
		   .block_size = 96,
		   .capacity = 90,
		   .reserved = 600,
		   .used = 90},
	[LARGE] = {.slice = 4,
		   .count = 8,
		   .block_size = 98304,
		   .capacity = 5,
		   .reserved = 5,
		   .used = 5},
};

#define PAGE_OF(which) (WORLD_START + pages[which].slice * MIMALLOC_SLICE)
#define WINDOW(n)      (WORLD_START + (n)*SAVEFILE_WINDOW)
#define AN_ADDRESS     (WORLD_START + 8)
#define A_NUMBER       UINT64_C(0x4141414141414141)

static struct fixture {
	struct segment_world world;
	struct shapes shapes;
	struct mimalloc_copy *copy;
	struct save_log log;
	struct pymalloc_saved_arenas arenas;
	struct redactor *redactor;
	uint8_t in[SAVEFILE_WINDOW], out[SAVEFILE_WINDOW];
} f;

static uint64_t block(unsigned page, uint64_t index)
{
	uint64_t size = pages[page].block_size;
	return PAGE_OF(page) + (size <= 512 ? size : 0) + index * size;
}

static void put(uint64_t at, uint64_t value)
{
	segment_world_word(&f.world, raddr_at(at), value);
}

/* ---- objects ----------------------------------------------------------------------------- */

#define TYPE_TYPE block(TYPES, 0)
#define TYPE_STR  block(TYPES, 1)
#define TYPE_LIST block(TYPES, 2)

/* With one reference; where its body begins. */
static uint64_t make_object(uint64_t at, uint64_t type)
{
	bool local = f.shapes.refcount == REFCOUNT_LOCAL;
	put(at, local ? UINT64_C(0x7f0000001000) : 1);
	put(at + 8, local ? UINT64_C(1) << 32 : 0);
	put(at + f.shapes.ob_type, type);
	return at + f.shapes.ob_type + 8;
}

static void make_type(uint64_t at, const char *name, uint64_t basicsize, uint64_t flags)
{
	const struct shapes *s = &f.shapes;
	uint64_t mro = at + 0x300, text = at + 0x200, word = 0;
	make_object(at, TYPE_TYPE);
	memcpy(&word, name, strlen(name));
	put(text, word);
	put(at + s->type.name, text);
	put(at + s->type.basicsize, basicsize);
	put(at + s->type.flags, flags | 1 << 12);
	put(at + s->type.mro, mro);
	put(mro + s->tuple.items, at);
}

/* A str that is one row of addresses; where its characters begin. */
static uint64_t make_str(uint64_t at, uint64_t length)
{
	uint64_t body = make_object(at, TYPE_STR), text = at + f.shapes.str.ascii_data;
	put(body, length);
	put(body + 16, 1 << 5 | 1 << 6 | 1 << 2);
	for (uint64_t i = 0; i < length; i += 8)
		put(text + i, AN_ADDRESS);
	return text;
}

/* ---- the fixture ------------------------------------------------------------------------- */

static void look(void)
{
	const struct mimalloc_request request = segment_world_request(&f.world);
	struct error *err = mimalloc_copy_take(f.copy, &f.world.space, &request, false);
	assert_null(err);
}

static void begin(const struct segment_kind *kind)
{
	static const bool stopped = false;
	static const struct elf_image image = {0};
	bool unverified;
	memset(&f, 0, sizeof(f));
	segment_world_init(&f.world, kind, false);
	segment_world_add(&f.world);
	for (unsigned i = 0; i < PAGES; i++)
		segment_world_page(&f.world, 0, &pages[i]);
	segment_world_finish(&f.world);
	f.copy = mimalloc_copy_new();
	assert_non_null(f.copy);
	look();
	struct error *err = shapes_fill(&f.world.layout, kind->flavour.version_hex,
					kind->flavour.free_threaded, false, &f.shapes, &unverified);
	err = err ?: save_log_init(&stopped, &f.log);
	const struct redactor_request request = {.space = &f.world.space,
						 .layout = &f.world.layout,
						 .image = &image,
						 .arenas = &f.arenas,
						 .mimalloc = mimalloc_copy_image(f.copy),
						 .log = &f.log,
						 .version_hex = kind->flavour.version_hex,
						 .free_threaded = kind->flavour.free_threaded};
	err = err ?: redactor_new(&request, &f.redactor);
	assert_null(err);
	make_type(TYPE_TYPE, "type", 600, UINT64_C(1) << 31);
	make_type(TYPE_STR, "str", 64, 1 << 28);
	make_type(TYPE_LIST, "list", 40, 1 << 25);
}

static void end(void)
{
	redactor_free(f.redactor);
	save_log_fini(&f.log);
	mimalloc_copy_free(f.copy);
	segment_world_fini(&f.world);
}

static void blank(unsigned window)
{
	memcpy(f.in, f.world.memory + window * SAVEFILE_WINDOW, SAVEFILE_WINDOW);
	memset(f.out, 0, sizeof(f.out));
	struct error *err = redactor_blank(f.redactor, raddr_at(WINDOW(window)), f.in, f.out);
	assert_null(err);
}

static uint64_t kept(uint64_t at)
{
	uint64_t value;
	memcpy(&value, f.out + (at & (SAVEFILE_WINDOW - 1)), 8);
	return value;
}

/* Of a build that has its objects' types in its segments. */
static void run(void (*test)(void))
{
	for (size_t i = 0; i < SEGMENT_KINDS; i++) {
		const struct mimalloc_flavour *flavour = &segment_kinds[i].flavour;
		if (!shapes_tell_payloads(flavour->version_hex, flavour->free_threaded))
			continue;
		begin(&segment_kinds[i]);
		test();
		end();
	}
}

/* ---- tests ------------------------------------------------------------------------------- */

static void check_cells(void)
{
	uint64_t text = make_str(block(SMALL, 5), 40), list = block(SMALL, 6),
		 other = block(SMALL, 7);
	uint64_t body = make_object(list, TYPE_LIST), never = block(SMALL, pages[SMALL].capacity);
	put(body, 7);
	put(body + 8, block(SMALL, 8));
	put(body + 16, 9);
	put(body + 24, A_NUMBER);
	put(other + 8, A_NUMBER);
	put(other + 16, AN_ADDRESS);
	make_str(never, 8);
	blank(0);
	assert_int_equal(kept(block(SMALL, 5) + f.shapes.ob_type), TYPE_STR);
	assert_int_equal(kept(block(SMALL, 5) + f.shapes.str.length), 40);
	for (uint64_t i = 0; i < 40; i += 8)
		assert_int_equal(kept(text + i), 0);
	assert_int_equal(kept(body), 7);
	assert_int_equal(kept(body + 8), block(SMALL, 8));
	assert_int_equal(kept(body + 16), 9);
	assert_int_equal(kept(body + 24), 0);
	assert_int_equal(kept(other + 8), 0);
	assert_int_equal(kept(other + 16), AN_ADDRESS);
	assert_int_equal(kept(never + f.shapes.str.length), 0);
	assert_int_equal(kept(TYPE_STR + f.shapes.type.basicsize), 64);
}

static void cells(void **state)
{
	(void)state;
	run(check_cells);
}

/* The third of the large blocks lies in two windows. */
static void check_border(void)
{
	uint64_t text = make_str(block(LARGE, 2), 90000), behind = WINDOW(2);
	blank(1);
	assert_int_equal(kept(block(LARGE, 2) + f.shapes.str.length), 90000);
	assert_int_equal(kept(text), 0);
	blank(2);
	assert_true(behind > text && behind < text + 90000);
	assert_int_equal(kept(behind), 0);
}

static void across_windows(void **state)
{
	(void)state;
	run(check_border);
}

static void remake(unsigned page, uint64_t block_size)
{
	segment_world_put_page(&f.world, 0, pages[page].slice, MIMALLOC_PAGE_BLOCK_SIZE,
			       block_size);
}

/* What began a block may be gone by the next window: then its plan is. */
static void check_ended(void)
{
	make_str(block(LARGE, 2), 90000);
	blank(1);
	remake(LARGE, 65536);
	blank(2);
	assert_int_equal(kept(WINDOW(2)), AN_ADDRESS);
}

static void a_block_that_is_gone(void **state)
{
	(void)state;
	run(check_ended);
}

/* A page of blocks of another size than the look found: addresses alone, until two readings agree. */
static void check_changed(void)
{
	uint64_t one = PAGE_OF(LARGE) + 65536, other = PAGE_OF(LARGE) + 4 * 81920;
	remake(LARGE, 65536);
	make_str(one, 1000);
	blank(1);
	assert_int_equal(kept(one + f.shapes.str.length), 0);
	assert_int_equal(kept(one + f.shapes.str.ascii_data), AN_ADDRESS);
	remake(LARGE, 81920);
	put(make_str(other, 1000) + 64, A_NUMBER);
	blank(2);
	assert_int_equal(kept(other + f.shapes.str.length), 0);
	assert_int_equal(kept(other + f.shapes.str.ascii_data), AN_ADDRESS);
	assert_int_equal(kept(other + f.shapes.str.ascii_data + 64), 0);
	blank(2);
	assert_int_equal(kept(other + f.shapes.str.length), 1000);
	assert_int_equal(kept(other + f.shapes.str.ascii_data), 0);
}

static void a_page_that_changed(void **state)
{
	(void)state;
	run(check_changed);
}

/* A table that says nonsense, or slices that are in no page: a row of words. */
static void check_damaged(void)
{
	uint64_t text = make_str(block(SMALL, 5), 40),
		 free_slice = PAGE_OF(LARGE) + 9 * MIMALLOC_SLICE;
	put(text + 8, A_NUMBER);
	make_str(free_slice, 40);
	blank(0);
	blank(0);
	assert_int_equal(kept(block(SMALL, 5) + f.shapes.str.length), 40);
	segment_world_put_page(&f.world, 0, 1, MIMALLOC_PAGE_SLICE_COUNT, 0);
	blank(0);
	assert_int_equal(kept(block(SMALL, 5) + f.shapes.str.length), 0);
	assert_int_equal(kept(text), AN_ADDRESS);
	assert_int_equal(kept(text + 8), 0);
	blank(3);
	assert_int_equal(kept(free_slice + f.shapes.str.length), 0);
}

static void no_page(void **state)
{
	(void)state;
	run(check_damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells),
		cmocka_unit_test(across_windows),
		cmocka_unit_test(a_block_that_is_gone),
		cmocka_unit_test(a_page_that_changed),
		cmocka_unit_test(no_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
