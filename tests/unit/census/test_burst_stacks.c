/* burst_stacks: chunks of data stacks inside of larger mappings. */
#include "inspector/census/copy/burst_stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MODULE UINT64_C(0x10000000)
#define HEAP   UINT64_C(0x30000000)
#define SIZE   (UINT64_C(4) * MIB)
#define CHUNK  UINT64_C(0x4000)

static uint64_t words[SIZE / 8];

static struct error *read_words(void *source, raddr at, void *buffer, size_t size)
{
	(void)source;
	if (!raddr_in(at, raddr_at(HEAP), SIZE) || size > HEAP + SIZE - at.value)
		return error_new(ERROR_FAULT, "nothing there");
	memcpy(buffer, (uint8_t *)words + (at.value - HEAP), size);
	return NULL;
}

static void put_chunk(uint64_t at, uint64_t previous, uint64_t size, uint64_t top)
{
	const uint64_t head[] = {previous, size, top};
	memcpy(&words[(at - HEAP) / 8], head, sizeof(head));
}

static void add_region(struct space *space, struct region region)
{
	struct region *place = vec_push(&space->regions);
	assert_non_null(place);
	*place = region;
	space->mapped_size += region.size;
}

/* The file is greenlet's or another's. */
static struct burst_stacks find(char *file, bool shared, const struct frames *frames)
{
	static const struct space_ops ops = {.read = read_words};
	struct space space = {.ops = &ops};
	struct burst_stacks found = {VEC_EMPTY};
	add_region(&space, (struct region){.start = raddr_at(MODULE),
					   .size = 4096,
					   .readable = true,
					   .kind = REGION_FILE,
					   .label = file});
	add_region(&space, (struct region){.start = raddr_at(HEAP),
					   .size = SIZE,
					   .readable = true,
					   .writable = true,
					   .shared = shared,
					   .kind = REGION_ANON});
	assert_null(burst_stacks_find(&space, frames, &found));
	vec_fini(&space.regions);
	return found;
}

static void expect(const struct burst_stacks *found, size_t i, uint64_t start, uint64_t size)
{
	assert_int_equal(found->list.items[i].start.value, start);
	assert_int_equal(found->list.items[i].size, size);
}

static void those_of_greenlets(void **state)
{
	(void)state;
	const struct frames none = FRAMES_EMPTY;
	memset(words, 0, sizeof(words));
	put_chunk(HEAP, 0, CHUNK, 0);
	put_chunk(HEAP + MIB + 0x1000, HEAP, 2 * CHUNK, 100);
	put_chunk(HEAP + 3 * MIB, 0, CHUNK + 8, 0);           /* no size that one has */
	put_chunk(HEAP + 3 * MIB + 0x1000, 0, CHUNK, CHUNK);  /* more than it holds */
	put_chunk(HEAP + 3 * MIB + 0x2000, 7, CHUNK, 0);      /* no address */
	put_chunk(HEAP + 3 * MIB + 0x3008, 0, CHUNK, 0);      /* not where a page begins */
	put_chunk(HEAP + SIZE - CHUNK, 0, CHUNK, 0);          /* up to the end */
	put_chunk(HEAP + SIZE - CHUNK + 0x1000, 0, CHUNK, 0); /* and over it */
	struct burst_stacks found = find("/usr/lib/_greenlet.cpython-311.so", false, &none);
	assert_int_equal(found.list.count, 3);
	expect(&found, 0, HEAP, CHUNK);
	expect(&found, 1, HEAP + MIB + 0x1000, 2 * CHUNK);
	expect(&found, 2, HEAP + SIZE - CHUNK, CHUNK);
	burst_stacks_fini(&found);
	found = find("/usr/lib/_greenlet.cpython-311.so", true, &none);
	assert_int_equal(found.list.count, 0);
	burst_stacks_fini(&found);
}

static void without_greenlets_those_of_threads(void **state)
{
	(void)state;
	struct frames frames = FRAMES_EMPTY;
	struct frames_chunk *chunk = vec_push(&frames.chunks);
	assert_non_null(chunk);
	*chunk = (struct frames_chunk){.start = raddr_at(HEAP + 0x5000), .size = CHUNK};
	memset(words, 0, sizeof(words));
	put_chunk(HEAP, 0, CHUNK, 0);
	struct burst_stacks found = find("/usr/lib/greenlets.so", false, &frames);
	assert_int_equal(found.list.count, 1);
	expect(&found, 0, HEAP + 0x5000, CHUNK);
	burst_stacks_fini(&found);
	frames_fini(&frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_greenlets),
		cmocka_unit_test(without_greenlets_those_of_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
