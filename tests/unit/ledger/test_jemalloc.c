/*
 * jemalloc: a tree made up of a few words; all others are zero.
 */
#include "base/cleanup.h"
#include "inspector/ledger/jemalloc.h"
#include "inspector/target/maps.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define DATA  UINT64_C(0x7f4000000000)
#define ROOT  (DATA + 0x1040)
#define LEAF  UINT64_C(0x7f4d9a000040)
#define BLOCK UINT64_C(0x7f4d9a400000) /* of descriptions */
#define HEAP  UINT64_C(0x7f4da0000000)
#define FLAGS (UINT64_C(0x23) << 48 | 1)

static const char text[] =
	"7f4000000000-7f4000001000 rw-p 00000000 08:01 2 /usr/lib/libjemalloc.so.2\n"
	"7f4000001000-7f4000210000 rw-p 00000000 00:00 0 \n"
	"7f4d9a000000-7f4d9a600000 rw-p 00000000 00:00 0 \n"
	"7f4da0000000-7f4da0100000 rw-p 00000000 00:00 0 \n"
	"7f4da0200000-7f4da0300000 rw-p 00000000 00:00 0 \n";

/* The leaf's word for a page. */
static void enter(uint64_t page, uint64_t description)
{
	words_put(LEAF + (page >> 12 & 0x3ffff) * 8, description | FLAGS);
}

static void describe(uint64_t description, uint64_t start, uint64_t size)
{
	words_put(description + 8, start);
	words_put(description + 16, size | 5);
}

/* An extent of four pages, behind it one of two that is cut into small blocks; elsewhere one page. */
static void make_tree(uint64_t root)
{
	uint64_t large = BLOCK + 0x80, small = BLOCK + 0x100, lone = BLOCK + 0x180;
	words_put(root + (HEAP >> 30) * 8, LEAF);
	words_put(BLOCK, 2 * MIB);
	words_put(BLOCK + 24, BLOCK + 0x80);
	enter(HEAP, large);
	enter(HEAP + 0x3000, large);
	enter(HEAP + 0x4000, small);
	enter(HEAP + 0x5000, small);
	enter(HEAP + 0x200000, lone);
	describe(large, HEAP, 0x4000);
	describe(small, HEAP + 0x4000, 0x2000);
	describe(lone, HEAP + 0x200000, 0x1000);
}

static struct extents found_with(const char *allocator)
{
	struct space space = SPACE_EMPTY;
	struct objects objects = OBJECTS_EMPTY;
	struct extents found = EXTENTS_EMPTY;
	assert_null(maps_parse(text, sizeof(text) - 1, &space));
	space.ops = &words_ops;
	struct object *library = vec_push(&objects.list);
	assert_non_null(library);
	assert_true(vec_reserve(&objects.data, 2));
	objects.data.count = 2;
	*library = (struct object){.path = "/usr/lib/libjemalloc.so.2"};
	objects.data.items[0] = (struct object_data){0, raddr_at(DATA), 0x1000};
	objects.data.items[1] = (struct object_data){0, raddr_at(DATA + 0x1000), 0x20f000};
	assert_null(jemalloc_find(&space, NULL, &objects, allocator, &found));
	objects_fini(&objects);
	space_fini(&space);
	return found;
}

static void is_extent(const struct extents *found, size_t i, uint64_t start, uint64_t size)
{
	const struct extent *e = &found->list.items[i];
	assert_int_equal(e->start.value, start);
	assert_int_equal(e->size, size);
	assert_int_equal(e->leaf, LEAF_MALLOC_OPAQUE);
	assert_string_equal(e->name, "/usr/lib/libjemalloc.so.2");
}

static void a_tree_tells_its_extents(void **state)
{
	(void)state;
	words_clear();
	make_tree(ROOT);
	_cleanup_(extents_fini) struct extents found = found_with("/usr/lib/libjemalloc.so.2");
	assert_int_equal(found.list.count, 3);
	is_extent(&found, 0, BLOCK, 2 * MIB);
	is_extent(&found, 1, HEAP, 0x6000);
	is_extent(&found, 2, HEAP + 0x200000, 0x1000);
}

static void another_library_has_none(void **state)
{
	(void)state;
	words_clear();
	make_tree(ROOT);
	_cleanup_(extents_fini) struct extents found = found_with("/usr/lib/libtcmalloc.so.4");
	_cleanup_(extents_fini) struct extents unknown = found_with(NULL);
	assert_int_equal(found.list.count, 0);
	assert_int_equal(unknown.list.count, 0);
}

static void leaves_must_lead_back(void **state)
{
	(void)state;
	words_clear();
	make_tree(ROOT);
	enter(HEAP + 0x50000, BLOCK + 0x80); /* a page that its description does not have */
	_cleanup_(extents_fini) struct extents found = found_with("/usr/lib/libjemalloc.so.2");
	assert_int_equal(found.list.count, 0);
}

/* A second word that leads to the leaf of the same GiB is a second root. */
static void one_of_two_roots_is_not_chosen(void **state)
{
	(void)state;
	words_clear();
	make_tree(ROOT);
	words_put(ROOT + 64 + (HEAP >> 30) * 8, LEAF);
	_cleanup_(extents_fini) struct extents found = found_with("/usr/lib/libjemalloc.so.2");
	assert_int_equal(found.list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_tells_its_extents),
		cmocka_unit_test(another_library_has_none),
		cmocka_unit_test(leaves_must_lead_back),
		cmocka_unit_test(one_of_two_roots_is_not_chosen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
