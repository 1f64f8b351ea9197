/* plot of malloc's chunks: those in use are found by any address inside, and no other is. */
#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/plotting/plot_make.h"
#include "inspector/look/look.h"
#include "tests/unit/malloc/malloc_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct drawn {
	struct malloc_world *world;
	struct look look;
	struct snapshot *snapshot;
	struct burst *burst;
	struct plot plot;
	uint64_t wanted;
};

static void look_at(struct drawn *d)
{
	const struct malloc_look_request request = {.space = &d->world->space};
	assert_null(malloc_look_new(&request, &d->look.malloc));
	assert_null(malloc_look_walk(d->look.malloc));
	d->snapshot = snapshot_new();
}

static void draw(struct drawn *d, uint64_t max_memory)
{
	struct burst_wanted wanted = {.size = 0};
	const struct burst_wanted_request wish = {.space = &d->world->space, .look = &d->look};
	assert_null(burst_wanted_find(&wish, &wanted));
	const struct burst_request all = {
		.space = &d->world->space,
		.wanted = wanted.list.items,
		.n_wanted = wanted.list.count,
		.max_memory = max_memory,
	};
	assert_null(burst_take(&all, &d->burst));
	const struct plot_request plot = {d->burst, &d->look, NULL, d->snapshot};
	assert_null(plot_make(&plot, &d->plot));
	d->wanted = wanted.size;
	burst_wanted_fini(&wanted);
}

static void end(struct drawn *d)
{
	plot_fini(&d->plot);
	burst_free(d->burst);
	snapshot_free(d->snapshot);
	malloc_look_free(d->look.malloc);
	malloc_world_free(d->world);
}

/* The usable bytes: 16 behind the chunk's begin, up to the next one's size. */
static void assert_chunk(const struct plot *plot, uint64_t chunk, uint64_t size, bool used)
{
	struct plot_place place, same;
	const uint64_t inside[] = {chunk + 16, chunk + 17, chunk + size / 2 + 8, chunk + size + 7};
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		bool is = plot_find(plot, inside[i], &place);
		assert_int_equal(is, used);
		if (!used)
			continue;
		assert_int_equal(place.start, chunk + 16);
		assert_int_equal(place.size, size - 8);
		assert_int_equal(place.arena, PLOT_NONE);
		assert_true(place.block >= plot->n_run_blocks && place.block < plot->n_blocks);
		plot_place(plot, place.block, &same);
		assert_memory_equal(&place, &same, sizeof(place));
	}
	assert_false(plot_find(plot, chunk + 8, &place) && place.start == chunk + 16);
}

static void chunks_of_all_kinds(void **state)
{
	(void)state;
	for (int little = 0; little < 2; little++) {
		struct drawn d = {.world = malloc_world_new()};
		uint64_t at[600], size[600], n_used = 0;
		for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
			size[i] = i % 50 == 7 ? 0x1000 : i % 5 == 3 ? 0x20 : 0x20 + i % 11 * 0x10;
			at[i] = malloc_world_add(d.world,
						 i % 5 == 3   ? WORLD_FAST
						 : i % 7 == 2 ? WORLD_FREE
							      : WORLD_USED,
						 size[i]);
			n_used += !(i % 5 == 3 || i % 7 == 2);
		}
		malloc_world_finish(d.world);
		look_at(&d);
		draw(&d, little ? 0 : GIB);
		assert_int_equal(d.plot.n_damaged, 0);
		assert_int_equal(d.plot.chunks.count, n_used);
		assert_int_equal(d.plot.n_blocks, n_used);
		for (size_t i = 0; i < ARRAY_SIZE(at); i++)
			assert_chunk(&d.plot, at[i], size[i], !(i % 5 == 3 || i % 7 == 2));
		end(&d);
	}
}

/* Behind a chunk whose size was overwritten nothing is known; what came before stays. */
static void a_broken_chain(void **state)
{
	(void)state;
	struct drawn d = {.world = malloc_world_new()};
	uint64_t first = malloc_world_add(d.world, WORLD_USED, 0x290);
	uint64_t second = malloc_world_add(d.world, WORLD_USED, 0x40);
	uint64_t third = malloc_world_add(d.world, WORLD_USED, 0x50);
	malloc_world_finish(d.world);
	look_at(&d);
	malloc_world_put(d.world, third + 8, 0x4141414141414141);
	draw(&d, GIB);
	assert_int_equal(d.plot.n_damaged, 1);
	assert_chunk(&d.plot, first, 0x290, true);
	assert_chunk(&d.plot, second, 0x40, true);
	assert_int_equal(d.plot.chunks.count, 2);
	end(&d);
}

/* Where long lists of fast chunks are guessed, and one of the guesses was a block's own word, the arena is walked again:
 * each chunk is told once. */
static void a_word_like_a_link(void **state)
{
	(void)state;
	struct drawn d = {.world = malloc_world_new()};
	uint64_t first = malloc_world_add(d.world, WORLD_USED, 0x290);
	for (size_t i = 0; i < 1000; i++)
		(void)malloc_world_add(d.world, WORLD_FAST, 0x20);
	uint64_t block = malloc_world_add(d.world, WORLD_USED, 0x30);
	uint64_t last = malloc_world_add(d.world, WORLD_USED, 0x40);
	malloc_world_put(d.world, block + 16, (block + 16) >> 12);
	malloc_world_finish(d.world);
	look_at(&d);
	draw(&d, GIB);
	assert_int_equal(d.plot.chunks.count, 3);
	assert_chunk(&d.plot, first, 0x290, true);
	assert_chunk(&d.plot, block, 0x30, true);
	assert_chunk(&d.plot, last, 0x40, true);
	end(&d);
}

/* Chunks that were made since the look are there, and the heads of large ones are, too. */
static void later_chunks(void **state)
{
	(void)state;
	struct drawn d = {.world = malloc_world_new()};
	(void)malloc_world_add(d.world, WORLD_USED, 0x290);
	malloc_world_finish(d.world);
	uint64_t at = d.world->at;
	look_at(&d);
	uint64_t later = malloc_world_add(d.world, WORLD_USED, 0x70);
	malloc_world_finish(d.world);
	draw(&d, GIB);
	assert_int_equal(later, at);
	assert_chunk(&d.plot, later, 0x70, true);
	end(&d);
}

/* A heap that grew while it was copied: where its top was is something else by now, and so is a chunk's size. */
static void over_the_end(void **state)
{
	(void)state;
	struct drawn d = {.world = malloc_world_new()};
	uint64_t first = malloc_world_add(d.world, WORLD_USED, 0x290);
	uint64_t torn = malloc_world_add(d.world, WORLD_USED, 0x40);
	malloc_world_finish(d.world);
	look_at(&d);
	malloc_world_put(d.world, d.world->at + 8, 0x7f0000000001);
	malloc_world_put(d.world, torn + 8, 0x7e0000000001);
	draw(&d, GIB);
	struct plot_place place;
	assert_false(plot_find(&d.plot, torn + 16, &place));
	assert_chunk(&d.plot, first, 0x290, true);
	end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_of_all_kinds), cmocka_unit_test(a_broken_chain),
		cmocka_unit_test(a_word_like_a_link),  cmocka_unit_test(later_chunks),
		cmocka_unit_test(over_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
