/* greenlet_extents: chunks that no thread has, and what only looks like one. */
#include "inspector/ledger/greenlet_extents.h"
#include "inspector/target/maps.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS   UINT64_C(0x10000000)
#define CODE      (OBJECTS + 0x100)
#define OTHER     (OBJECTS + 0x200)
#define CODE_TYPE (OBJECTS + 0x300)
#define APP_TYPE  (OBJECTS + 0x400)
#define CHUNK     UINT64_C(0x30000000)
#define STEP      UINT64_C(0x4000)

static const char with_greenlets[] =
	"10000000-10010000 rw-p 00000000 00:00 0 [heap]\n"
	"20000000-20010000 r-xp 00000000 08:01 3 /usr/lib/_greenlet.cpython-311-x86_64-linux-gnu.so\n"
	"30000000-30100000 rw-p 00000000 00:00 0 \n";
static const char without[] = "10000000-10010000 rw-p 00000000 00:00 0 [heap]\n"
			      "20000000-20010000 r-xp 00000000 08:01 3 /usr/lib/greenlet.so\n"
			      "30000000-30100000 rw-p 00000000 00:00 0 \n";

static void put_type(uint64_t at, const char name[8])
{
	uint64_t text;
	memcpy(&text, name, sizeof(text));
	words_put(at + 24, at + 64);
	words_put(at + 64, text);
}

static void put_chunk(uint64_t at, uint64_t previous, uint64_t code_at, uint64_t code)
{
	if (previous)
		words_put(at, previous);
	words_put(at + 8, STEP);
	words_put(at + 24 + (previous ? 0 : 8) + code_at, code);
}

/* Two of a greenlet, one of a thread, one whose first word is an object that is no code. */
static void put_all(uint64_t code_at, uint64_t tag)
{
	words_clear();
	put_type(CODE_TYPE, "code\0\0\0");
	put_type(APP_TYPE, "coder\0\0");
	words_put(CODE + 8, CODE_TYPE);
	words_put(OTHER + 8, APP_TYPE);
	put_chunk(CHUNK, 0, code_at, CODE + tag);
	put_chunk(CHUNK + STEP, CHUNK, code_at, CODE + tag);
	put_chunk(CHUNK + 2 * STEP, 0, code_at, CODE + tag);
	put_chunk(CHUNK + 3 * STEP, 0, code_at, OTHER);
}

static size_t count(const char *maps, size_t size, uint32_t version_hex, bool free_threaded)
{
	struct space space = SPACE_EMPTY;
	struct python_build build = {.version_hex = version_hex, .free_threaded = free_threaded};
	struct frames frames = FRAMES_EMPTY;
	struct extents extents = EXTENTS_EMPTY;
	assert_null(maps_parse(maps, size, &space));
	space.ops = &words_ops;
	struct frames_chunk *chunk = vec_push(&frames.chunks);
	assert_non_null(chunk);
	*chunk = (struct frames_chunk){.start = raddr_at(CHUNK + 2 * STEP), .size = STEP};
	assert_null(greenlet_extents(&space, &build, &frames, &extents));
	size_t n = extents.list.count;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(extents.list.items[i].start.value, CHUNK + i * STEP);
		assert_int_equal(extents.list.items[i].size, STEP);
		assert_int_equal(extents.list.items[i].leaf, LEAF_PYTHON_FRAMES);
		assert_string_equal(extents.list.items[i].name, "greenlets");
	}
	extents_fini(&extents);
	frames_fini(&frames);
	space.ops = NULL;
	space_fini(&space);
	return n;
}

static void those_whose_first_frame_names_code(void **state)
{
	(void)state;
	const size_t size = sizeof(with_greenlets) - 1;
	put_all(32, 0);
	assert_int_equal(count(with_greenlets, size, 0x030b0000, false), 2);
	assert_int_equal(count(with_greenlets, size, 0x030c0000, false), 0);
	put_all(0, 0);
	assert_int_equal(count(with_greenlets, size, 0x030c0000, false), 2);
	put_all(0, 1);
	assert_int_equal(count(with_greenlets, size, 0x030e0000, false), 2);
	assert_int_equal(count(with_greenlets, size, 0x030e0000, true), 0);
}

static void none_without_greenlets(void **state)
{
	(void)state;
	put_all(32, 0);
	assert_int_equal(count(without, sizeof(without) - 1, 0x030b0000, false), 0);
	assert_int_equal(count(with_greenlets, sizeof(with_greenlets) - 1, 0x030a0000, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_whose_first_frame_names_code),
		cmocka_unit_test(none_without_greenlets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
