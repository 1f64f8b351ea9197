/* plot: every block of a written heap is found by any address inside, if it is in use, and no other is. */
#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/plotting/plot_make.h"
#include "inspector/look/look.h"
#include "tests/unit/heap/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct drawn {
	struct world *w;
	struct look look;
	struct snapshot *snapshot;
	struct burst *burst;
	struct plot plot;
	uint64_t newer; /* an arena that is not copied */
};

/* As a look does it. */
static void look_at(struct world *w, struct drawn *d)
{
	struct doubts doubts = {VEC_EMPTY};
	*d = (struct drawn){.w = w, .snapshot = snapshot_new()};
	assert_null(runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version,
				 &d->look.runtime, &doubts));
	for (size_t i = 0; i < d->look.runtime.interpreters.count; i++) {
		const struct runtime_interpreter *r = &d->look.runtime.interpreters.items[i];
		struct pymalloc_copy **copy = vec_push(&d->look.copies);
		struct snapshot_interpreter *to = vec_push(&d->snapshot->interpreters);
		*copy = pymalloc_copy_new();
		if (!r->has_heap)
			continue;
		assert_null(pymalloc_copy_take(*copy, &w->space, &w->layout, &r->roots, 0, false));
		assert_null(pymalloc_walk(*copy, &w->layout, &r->roots, &to->pymalloc, &doubts));
	}
	doubts_fini(&doubts);
}

static void draw_in(struct drawn *d, uint64_t max_memory)
{
	struct burst_wanted wanted = {.size = 0};
	const struct burst_wanted_request wish = {.space = &d->w->space, .look = &d->look};
	assert_null(burst_wanted_find(&wish, &wanted));
	for (size_t i = 0; i < wanted.list.count; i++) {
		if (wanted.list.items[i].start.value == d->newer)
			wanted.list.items[i].size = 0;
	}
	const struct burst_request all = {
		.space = &d->w->space,
		.wanted = wanted.list.items,
		.n_wanted = wanted.list.count,
		.max_memory = max_memory,
	};
	assert_null(burst_take(&all, &d->burst));
	const struct plot_request request = {d->burst, &d->look, NULL, d->snapshot};
	assert_null(plot_make(&request, &d->plot));
	burst_wanted_fini(&wanted);
}

static void erase(struct drawn *d)
{
	plot_fini(&d->plot);
	burst_free(d->burst);
	snapshot_free(d->snapshot);
	look_fini(&d->look);
}

/* The world spreads the freed blocks of a pool so. */
static bool is_free(const struct world_pool *p, uint32_t i)
{
	for (uint32_t k = 0; k < p->freed; k++)
		if (i == k * (p->used + p->freed) / p->freed)
			return true;
	return false;
}

static void assert_block(const struct plot *plot, uint64_t at, uint64_t size, bool used)
{
	const uint64_t inside[] = {0, 1, size / 2, size - 1};
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		struct plot_place place, same;
		assert_int_equal(plot_find(plot, at + inside[i], &place), used);
		if (!used)
			continue;
		assert_int_equal(place.start, at);
		assert_int_equal(place.size, size);
		assert_true(place.block < plot->n_run_blocks);
		plot_place(plot, place.block, &same);
		assert_memory_equal(&place, &same, sizeof(place));
	}
}

/* all_used: its lists are damaged. */
static void assert_pool(const struct drawn *d, const struct world_heap *h, uint32_t arena,
			uint32_t pool, bool all_used)
{
	const struct world_pool *p = &h->arenas[arena].pools[pool];
	uint64_t size = (p->class + 1) * h->world->model->alignment;
	uint64_t at = world_pool_at(h, arena, pool).value;
	uint64_t all = world_capacity(h->world, p->class);
	struct plot_place place;
	uint64_t first =
		at + size_align_up(layout_width(&h->world->layout, LAYOUT_POOL_HEADER_SIZE),
				   h->world->model->alignment);
	assert_false(plot_find(&d->plot, at, &place));
	assert_false(plot_find(&d->plot, first - 1, &place));
	for (uint32_t i = 0; i < all; i++) {
		bool made = !p->empty && i < p->carved_blocks;
		assert_block(&d->plot, first + i * size, size,
			     made && (all_used || !is_free(p, i)));
	}
}

static uint64_t assert_heap(const struct drawn *d, const struct world_heap *h)
{
	uint64_t used = 0;
	for (uint32_t a = 0; a < h->n_arenas; a++)
		for (uint32_t i = 0; i < h->arenas[a].n_carved; i++) {
			assert_pool(d, h, a, i, false);
			used += h->arenas[a].pools[i].empty ? 0 : h->arenas[a].pools[i].used;
		}
	return used;
}

static void assert_sums(const struct plot *p, uint64_t used)
{
	uint64_t sum = 0, bits = 0;
	for (size_t i = 0; i < p->arenas.count; i++)
		sum += p->arenas.items[i].used_blocks;
	for (uint32_t i = 0; i < p->n_blocks; i++)
		bits += plot_is_used(p, i);
	assert_int_equal(p->n_used, used);
	assert_int_equal(sum, used);
	assert_int_equal(bits, used);
}

static void build(struct world_heap *h)
{
	const struct world *w = h->world;
	uint32_t last = (uint32_t)(512 / w->model->alignment) - 1;
	uint32_t a = world_arena(h, 0);
	for (uint32_t i = 0; i < h->arenas[a].n_total && i < 90; i++) {
		uint32_t class = i % (last + 1), all = world_capacity(w, class);
		if (i % 5 == 0)
			world_pool(h, a, class, all, 0);
		else if (i % 5 == 1)
			world_pool(h, a, class, 0, all > 3 ? 3 : all);
		else
			world_pool(h, a, class, 1 + i % 3, i % 4);
	}
	uint32_t b = world_arena(h, w->model->pool_size > 4096 ? 4096 : 0);
	for (uint32_t i = 0; i < 20; i++)
		world_pool(h, b, i % 7, 2, 1);
	world_pool(h, world_arena(h, 0), last, 3, 3);
}

static void every_model(void **state)
{
	(void)state;
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = world_new(&world_models[i]);
		struct drawn d;
		build(&w->heaps[0]);
		if (world_models[i].roots != WORLD_STATICS) {
			world_interpreter(w, true);
			build(&w->heaps[1]);
			world_interpreter(w, false);
		}
		world_finish(w);
		look_at(w, &d);
		draw_in(&d, GIB);
		uint64_t used = assert_heap(&d, &w->heaps[0]);
		if (world_models[i].roots != WORLD_STATICS)
			used += assert_heap(&d, &w->heaps[1]);
		assert_sums(&d.plot, used);
		assert_int_equal(d.plot.n_damaged, 0);
		erase(&d);
		world_free(w);
	}
}

/* Nothing is copied, all is read in windows: the same plot. */
static void without_memory(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct drawn d;
	build(&w->heaps[0]);
	world_finish(w);
	look_at(w, &d);
	draw_in(&d, 0);
	assert_sums(&d.plot, assert_heap(&d, &w->heaps[0]));
	erase(&d);
	world_free(w);
}

/* ---- what moved since the look -------------------------------------------------------------- */

static void arenas_come_and_go(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		struct world *w = world_new(world_model_of(WORLD_POINTER));
		struct world_heap *h = &w->heaps[0];
		struct drawn d;
		build(h);
		world_finish(w);
		look_at(w, &d);
		uint32_t a = world_arena(h, 0);
		world_pool(h, a, 4, 7, 5);
		world_finish(w);
		raddr table = raddr_at(world_get(w, h->roots.arenas, 8));
		if (round == 1) /* nobody knows of the new one */
			world_put(w, h->roots.arenas, 8, 0xdead0000);
		if (round == 2) /* one was given back */
			world_put(w, world_field(w, world_object(h, 1), LAYOUT_ARENA_ADDRESS), 8,
				  0);
		for (uint32_t i = 0; round == 3 && i <= a;
		     i++) /* others have written where it was */
			world_put(w, world_field(w, world_object(h, i), LAYOUT_ARENA_ADDRESS), 8,
				  0);
		draw_in(&d, GIB);
		world_put(w, h->roots.arenas, 8, table.value);
		assert_int_equal(d.plot.arenas.count, 4 - (round > 0));
		if (round == 0)
			assert_sums(&d.plot, assert_heap(&d, h));
		struct plot_place place;
		assert_int_equal(plot_find(&d.plot, d.plot.runs.items[0].start, &place), true);
		assert_int_equal(d.plot.n_damaged, 0);
		erase(&d);
		world_free(w);
	}
}

/* What came to be after the copy is of another moment: left out. */
static void newer_than_the_copy(void **state)
{
	(void)state;
	for (uint32_t newer = 0; newer < 2; newer++) {
		struct world *w = world_new(world_model_of(WORLD_POINTER));
		struct world_heap *h = &w->heaps[0];
		struct drawn d;
		const uint32_t arenas[] = {world_arena(h, 0), world_arena(h, 0)};
		for (uint32_t i = 0; i < 2; i++)
			world_pool(h, arenas[i], 3, 10, 4);
		world_finish(w);
		look_at(w, &d);
		raddr object = world_object(h, arenas[newer]);
		d.newer = world_get(w, world_field(w, object, LAYOUT_ARENA_ADDRESS), 8);
		draw_in(&d, GIB);
		assert_int_equal(d.plot.n_later, 1);
		assert_int_equal(d.plot.arenas.count, 1);
		assert_pool(&d, h, arenas[1 - newer], 0, false);
		assert_sums(&d.plot, 10);
		erase(&d);
		world_free(w);
	}
}

/* ---- damage --------------------------------------------------------------------------------- */

enum harm {
	HARM_CYCLE,   /* a freed block leads to itself */
	HARM_ASTRAY,  /* to where no block begins */
	HARM_FAR,     /* out of its pool */
	HARM_VIRGIN,  /* to a block never made */
	HARM_COUNT,   /* the count is another */
	HARM_SHORT,   /* the list ends too early */
	HARM_UNMAPPED /* to where nothing is */
};

static void harm(struct world_heap *h, raddr pool, enum harm what)
{
	struct world *w = h->world;
	raddr head = world_field(w, pool, LAYOUT_POOL_FREEBLOCK);
	raddr first = raddr_at(world_get(w, head, 8));
	raddr count = world_field(w, pool, LAYOUT_POOL_REF_COUNT);
	if (what == HARM_COUNT)
		world_put(w, count, 4, world_get(w, count, 4) - 1);
	else if (what == HARM_SHORT)
		world_put(w, first, 8, 0);
	else
		world_put(w, first, 8,
			  what == HARM_CYCLE    ? first.value
			  : what == HARM_ASTRAY ? first.value + 8
			  : what == HARM_FAR    ? first.value + w->model->pool_size
			  : what == HARM_VIRGIN ? pool.value + w->model->pool_size - 512
						: 0xdead0000);
}

static void damaged_lists(void **state)
{
	(void)state;
	for (enum harm what = HARM_CYCLE; what <= HARM_UNMAPPED; what++) {
		struct world *w = world_new(world_model_of(WORLD_STATICS));
		struct world_heap *h = &w->heaps[0];
		struct drawn d;
		uint32_t a = world_arena(h, 0);
		world_pool(h, a, 3, 10, 4);
		raddr pool = world_pool(h, a, 5, 7, 3);
		world_pool(h, a, 3, 4, 2);
		world_finish(w);
		look_at(w, &d);
		harm(h, pool, what);
		draw_in(&d, GIB);
		assert_int_equal(d.plot.n_damaged, 1);
		assert_pool(&d, h, a, 0, false);
		assert_pool(&d, h, a, 1, true);
		assert_pool(&d, h, a, 2, false);
		assert_sums(&d.plot, 10 + 7 + 3 + 4);
		erase(&d);
		world_free(w);
	}
}

/* A header that no interpreter writes makes no run, and the others stay. */
static void damaged_header(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_STATICS));
	struct world_heap *h = &w->heaps[0];
	struct drawn d;
	uint32_t a = world_arena(h, 0);
	world_pool(h, a, 3, 10, 4);
	raddr pool = world_pool(h, a, 5, 7, 3);
	world_pool(h, a, 3, 4, 2);
	world_finish(w);
	look_at(w, &d);
	world_put(w, world_field(w, pool, LAYOUT_POOL_SZIDX), 4, 77777);
	draw_in(&d, GIB);
	assert_int_equal(d.plot.n_damaged, 1);
	assert_int_equal(d.plot.runs.count, 2);
	assert_pool(&d, h, a, 0, false);
	assert_pool(&d, h, a, 2, false);
	assert_sums(&d.plot, 14);
	erase(&d);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_model),        cmocka_unit_test(without_memory),
		cmocka_unit_test(arenas_come_and_go), cmocka_unit_test(damaged_lists),
		cmocka_unit_test(damaged_header),     cmocka_unit_test(newer_than_the_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
