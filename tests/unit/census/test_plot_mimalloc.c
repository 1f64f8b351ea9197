/* plot of mimalloc's pages: a block is in use just when the world wrote the program's word into it. */
#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/plotting/plot_make.h"
#include "inspector/look/look.h"
#include "tests/unit/mimalloc/segment_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OF_PROGRAM UINT64_C(0x0123456789abcdef)

struct drawn {
	struct segment_world world;
	struct subject subject;
	struct look look;
	struct snapshot *snapshot;
	struct burst *burst;
	struct plot plot;
};

static void begin(struct drawn *d, size_t kind)
{
	memset(d, 0, sizeof(*d));
	segment_world_init(&d->world, &segment_kinds[kind], false);
	for (uint32_t segment = 0; segment < 2; segment++) {
		segment_world_add(&d->world);
		for (size_t i = segment; i < SEGMENT_PAGES; i++)
			segment_world_page(&d->world, segment, &segment_pages[i]);
	}
	segment_world_finish(&d->world);
}

static void draw(struct drawn *d, uint64_t max_memory)
{
	struct mimalloc_request request = segment_world_request(&d->world);
	struct burst_wanted wanted = {.size = 0};
	d->subject.build.layout = d->world.layout;
	d->subject.build.free_threaded = d->world.flavour.free_threaded;
	d->subject.build.debug_build = d->world.flavour.debug_build;
	d->subject.build.version_hex = d->world.flavour.version_hex;
	d->look.runtime = d->world.runtime;
	d->look.mimalloc = mimalloc_copy_new();
	d->snapshot = snapshot_new();
	assert_null(mimalloc_copy_take(d->look.mimalloc, &d->world.space, &request, false));
	const struct burst_wanted_request wish = {.space = &d->world.space, .look = &d->look};
	assert_null(burst_wanted_find(&wish, &wanted));
	const struct burst_request all = {
		.space = &d->world.space,
		.wanted = wanted.list.items,
		.n_wanted = wanted.list.count,
		.max_memory = max_memory,
	};
	assert_null(burst_take(&all, &d->burst));
	const struct plot_request plot = {d->burst, &d->look, &d->subject, d->snapshot};
	assert_null(plot_make(&plot, &d->plot));
	burst_wanted_fini(&wanted);
}

static void end(struct drawn *d)
{
	plot_fini(&d->plot);
	burst_free(d->burst);
	snapshot_free(d->snapshot);
	mimalloc_copy_free(d->look.mimalloc);
	segment_world_fini(&d->world);
}

static uint64_t word_at(const struct drawn *d, uint64_t at)
{
	uint64_t word;
	memcpy(&word, d->world.memory + (at - WORLD_START), sizeof(word));
	return word;
}

/* Returns how many are in use. */
static uint32_t assert_page(const struct drawn *d, const struct plot_run *run, bool all_used)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < run->n_blocks; i++) {
		uint64_t at = run->start + (uint64_t)i * run->block_size;
		bool used = word_at(d, at) == OF_PROGRAM || all_used;
		struct plot_place place;
		assert_int_equal(plot_find(&d->plot, at + run->block_size / 2, &place), used);
		if (used) {
			assert_int_equal(place.start, at);
			assert_int_equal(place.block, run->first + i);
		}
		n += used;
	}
	return n;
}

static void every_kind(void **state)
{
	(void)state;
	static struct drawn d;
	for (size_t kind = 0; kind < SEGMENT_KINDS; kind++)
		for (int little = 0; little < 2; little++) {
			uint64_t used = 0;
			begin(&d, kind);
			draw(&d, little ? 0 : GIB);
			assert_int_equal(d.plot.n_damaged, 0);
			assert_int_equal(d.plot.arenas.count, 2);
			assert_int_equal(d.plot.runs.count, 5);
			for (size_t i = 0; i < d.plot.runs.count; i++)
				used += assert_page(&d, &d.plot.runs.items[i], false);
			assert_int_equal(d.plot.n_used, used);
			assert_int_equal(used, (700 - 34) + (5 - 1) + 64 + (5 - 1) + 64);
			end(&d);
		}
}

/* A list that comes round: all its page's blocks count as used, the others stay. */
static void a_list_comes_round(void **state)
{
	(void)state;
	static struct drawn d;
	begin(&d, 0);
	uint64_t head = 0;
	struct plot_place place;
	memcpy(&head,
	       d.world.memory + d.world.shape.header_size + d.world.shape.page_size +
		       d.world.shape.fields[MIMALLOC_PAGE_FREE].offset,
	       sizeof(head));
	segment_world_word(&d.world, raddr_at(head), head);
	draw(&d, GIB);
	assert_int_equal(d.plot.n_damaged, 1);
	assert_int_equal(assert_page(&d, &d.plot.runs.items[0], true), 1000);
	assert_int_equal(assert_page(&d, &d.plot.runs.items[1], false), 4);
	assert_true(plot_find(&d.plot, head, &place));
	end(&d);
}

/* A page that says it begins elsewhere makes no run. */
static void a_page_lies(void **state)
{
	(void)state;
	static struct drawn d;
	const uint64_t sizes[] = {0, 1, UINT64_C(1) << 40, UINT64_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin(&d, 4);
		segment_world_put_page(&d.world, 0, 1, MIMALLOC_PAGE_START, sizes[i]);
		segment_world_put_page(&d.world, 0, 2, MIMALLOC_PAGE_BLOCK_SIZE, sizes[i]);
		draw(&d, GIB);
		for (size_t r = 0; r < d.plot.runs.count; r++) {
			const struct plot_run *run = &d.plot.runs.items[r];
			assert_true(run->start >= WORLD_START);
			assert_true(run->start + (uint64_t)run->block_size * run->n_blocks <=
				    WORLD_START + 2 * MIMALLOC_SEGMENT_ALIGNMENT);
		}
		end(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(a_list_comes_round),
		cmocka_unit_test(a_page_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
