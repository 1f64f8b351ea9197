/*
 * change: a heap that changes while it is copied is settled by reading again; what
 * never settles is said; a copy under a stop allocates nothing.
 */
#include "world.h"

#include "inspector/heap/pymalloc_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The linker leads the room's allocations through here (--wrap in meson.build). */
static unsigned n_allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);

void *__wrap_malloc(size_t size)
{
	n_allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	n_allocations++;
	return __real_calloc(n, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	n_allocations++;
	return __real_reallocarray(old, n, size);
}

struct scene {
	struct world *w;
	struct world_heap *h;
	struct pymalloc_copy *copy;
	struct pymalloc p;
	struct doubts doubts;
};

static struct scene begin(const struct world_model *model, uint32_t arenas)
{
	struct scene s = {.w = world_new(model), .copy = pymalloc_copy_new()};
	s.h = &s.w->heaps[0];
	for (uint32_t a = 0; a < arenas; a++) {
		world_arena(s.h, 0);
		for (uint32_t i = 0; i < 20; i++)
			world_pool(s.h, a, i % 5, i % 6, i % 4);
	}
	world_finish(s.w);
	return s;
}

static void take(struct scene *s, bool frozen)
{
	assert_null(
		pymalloc_copy_take(s->copy, &s->w->space, &s->w->layout, &s->h->roots, 0, frozen));
}

static void forget(struct scene *s)
{
	pymalloc_fini(&s->p);
	doubts_fini(&s->doubts);
	s->p = (struct pymalloc){0};
}

static void walk(struct scene *s)
{
	forget(s);
	assert_null(pymalloc_walk(s->copy, &s->w->layout, &s->h->roots, &s->p, &s->doubts));
}

static void end(struct scene *s)
{
	forget(s);
	pymalloc_copy_free(s->copy);
	world_free(s->w);
}

static void with_every_model(void (*run)(const struct world_model *model))
{
	for (size_t i = 0; i < world_n_models; i++)
		run(&world_models[i]);
}

/* Runs an action once, when the reader has come that far. */
#define AT_READ 40

static void once(struct world *w, void (*change)(struct world_heap *h))
{
	if (w->n_reads < AT_READ || w->marks[0]++)
		return;
	change(&w->heaps[0]);
	world_finish(w);
}

static void carve_more(struct world_heap *h)
{
	for (uint32_t a = 0; a < h->n_arenas; a++)
		world_pool(h, a, 3, 2, 2);
}

static void carve_once(struct world *w)
{
	once(w, carve_more);
}

static void a_growing_arena_settles(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	s.w->before_read = carve_once;
	take(&s, false);
	assert_int_equal(pymalloc_copy_unsettled(s.copy), 0);
	walk(&s);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_NOTE);
	for (uint32_t a = 0; a < 4; a++) {
		assert_int_equal(s.p.arenas.items[a].n_carved, 21);
		assert_true(s.p.arenas.items[a].settled);
	}
	assert_int_equal(pymalloc_copy_pools(s.copy), 4 * 21);
	end(&s);
}

static void drop_last(struct world_heap *h)
{
	raddr gone = h->arenas[--h->n_arenas].address;
	world_put(h->world,
		  world_field(h->world, world_object(h, h->n_arenas), LAYOUT_ARENA_ADDRESS), 8, 0);
	for (size_t i = 0; i < h->world->space.regions.count; i++) {
		if (raddr_equal(h->world->space.regions.items[i].start, gone))
			h->world->space.regions.items[i].readable = false;
	}
}

static void drop_once(struct world *w)
{
	once(w, drop_last);
}

static void a_vanished_arena_is_forgotten(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	s.w->before_read = drop_once;
	take(&s, false);
	walk(&s);
	assert_int_equal(s.p.arenas.count, 3);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_NOTE);
	assert_int_equal(s.p.total_bytes, 3 * s.p.arena_size);
	end(&s);
}

static void add_arena(struct world_heap *h)
{
	world_pool(h, world_arena(h, 0), 1, 5, 0);
}

static void add_once(struct world *w)
{
	once(w, add_arena);
}

static void a_new_arena_is_found(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	s.w->before_read = add_once;
	take(&s, false);
	walk(&s);
	assert_int_equal(s.p.arenas.count, 5);
	assert_int_equal(s.p.arenas.items[4].used_blocks, 5);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_NOTE);
	end(&s);
}

/* What realloc does to arenas[] when it is full: another place, the old one overwritten. */
static void move_table(struct world_heap *h)
{
	uint64_t size = h->maxarenas * layout_width(&h->world->layout, LAYOUT_ARENA_OBJECT_SIZE);
	raddr to = world_place(h->world, size);
	for (uint64_t i = 0; i < size; i += 8) {
		world_put(h->world, raddr_plus(to, i), 8,
			  world_get(h->world, raddr_plus(h->table, i), 8));
		world_put(h->world, raddr_plus(h->table, i), 8, 0xdddddddddddddddd);
	}
	h->table = to;
	world_put(h->world, h->roots.arenas, 8, to.value);
}

static void move_once(struct world *w)
{
	once(w, move_table);
}

static void a_moved_table_is_followed(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	s.w->before_read = move_once;
	take(&s, false);
	walk(&s);
	assert_int_equal(s.p.arenas.count, 4);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_NOTE);
	end(&s);
}

/* One arena whose counter is another at every look. */
static void never_still(struct world *w)
{
	raddr at = world_field(w, world_object(&w->heaps[0], 1), LAYOUT_ARENA_NFREEPOOLS);
	world_put(w, at, 4, 20 + w->n_reads % 2);
}

static void what_never_settles_is_said(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	s.w->before_read = never_still;
	take(&s, false);
	assert_int_equal(pymalloc_copy_unsettled(s.copy), 1);
	walk(&s);
	assert_int_equal(world_doubts(&s.doubts, DOUBT_ARENA_UNSETTLED), 1);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_INCONSISTENT);
	assert_int_equal(world_doubts(&s.doubts, DOUBT_TOTALS), 0);
	assert_false(s.p.arenas.items[1].settled);
	assert_true(s.p.arenas.items[0].settled);

	s.w->before_read = NULL; /* stopped */
	world_finish(s.w);
	uint32_t free_pools = world_free_pools(s.h, 1);
	world_put(s.w, world_field(s.w, world_object(s.h, 1), LAYOUT_ARENA_NFREEPOOLS), 4,
		  free_pools);
	assert_null(pymalloc_copy_prepare(s.copy, 0));
	assert_null(pymalloc_copy_settle(s.copy, &s.w->space, true));
	assert_int_equal(pymalloc_copy_unsettled(s.copy), 0);
	walk(&s);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_NOTE);
	assert_true(s.p.arenas.items[1].settled);
	end(&s);
}

/* Between two copies of it a block is freed in one pool; or none, anywhere. */
static struct {
	raddr count;
	unsigned at_read;
} freeing;

static void free_one(struct world *w)
{
	if (w->n_reads >= freeing.at_read)
		world_put(w, freeing.count, 4, 1);
}

/* A link that leads nowhere, in both copies: damage in a heap that stands still, of two moments in one that moves. */
static void lists_of_a_moving_heap_are_no_damage(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	raddr pool = world_pool_at(s.h, 0, 1);
	freeing.count = world_field(s.w, world_pool_at(s.h, 1, 2), LAYOUT_POOL_REF_COUNT);
	assert_int_equal(world_get(s.w, freeing.count, 4), 2);
	world_put(s.w, world_field(s.w, pool, LAYOUT_POOL_NEXTPOOL), 8, 1);
	unsigned before = s.w->n_reads;
	take(&s, false);
	walk(&s);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_INCONSISTENT);

	unsigned n = s.w->n_reads - before;
	freeing.at_read = s.w->n_reads + n / 2;
	s.w->before_read = free_one;
	pymalloc_copy_free(s.copy);
	s.copy = pymalloc_copy_new();
	take(&s, false);
	walk(&s);
	assert_true(world_doubts(&s.doubts, DOUBT_USED_LIST) > 0);
	assert_int_equal(doubts_worst(&s.doubts), DOUBT_NOTE);
	end(&s);
}

static void a_stopped_copy_allocates_nothing(const struct world_model *model)
{
	struct scene s = begin(model, 6);
	take(&s, false);
	assert_null(pymalloc_copy_prepare(s.copy, 0));
	for (uint32_t a = 0; a < 3; a++) /* a heap half as large again */
		world_pool(s.h, world_arena(s.h, 0), 2, 3, 0);
	carve_more(s.h);
	world_finish(s.w);
	unsigned before = n_allocations;
	take(&s, true);
	assert_int_equal(n_allocations, before);
	assert_true(pymalloc_copy_complete(s.copy));
	assert_int_equal(pymalloc_copy_unsettled(s.copy), 0);
	walk(&s);
	assert_true(n_allocations > before); /* the wrap is in place */
	assert_int_equal(s.p.arenas.count, 9);
	assert_int_equal(s.doubts.list.count, 0);
	end(&s);
}

/* Whatever lay between the pass and the stop would drive out of the processor's caches what the stop reads. */
static void a_pass_before_a_stop_leaves_no_room_to_make(const struct world_model *model)
{
	struct scene s = begin(model, 6);
	pymalloc_copy_expect_stop(s.copy);
	take(&s, false);
	unsigned before = n_allocations;
	uint64_t size = pymalloc_copy_bytes(s.copy);
	assert_null(pymalloc_copy_prepare(s.copy, 0));
	assert_int_equal(n_allocations, before);
	assert_int_equal(pymalloc_copy_bytes(s.copy), size);
	walk(&s);
	assert_int_equal(s.p.arenas.count, 6);
	end(&s);

	s = begin(model, 6); /* and where none is expected, none is made */
	take(&s, false);
	assert_true(pymalloc_copy_bytes(s.copy) < size);
	end(&s);
}

/* Its pools are all free and its memory unmapped, and the interpreter was stopped before it said so. */
static void an_arena_on_its_way_out_is_gone(const struct world_model *model)
{
	struct scene s = begin(model, 3);
	uint32_t last = world_arena(s.h, 0);
	for (uint32_t i = 0; i < 3; i++)
		world_pool(s.h, last, 2, 0, 1);
	world_finish(s.w);
	take(&s, false);
	walk(&s);
	assert_int_equal(s.p.arenas.count, 4);
	for (size_t i = 0; i < s.w->n_regions; i++)
		if (raddr_equal(s.w->regions[i].start, s.h->arenas[last].address))
			s.w->regions[i].size = 0;
	assert_null(pymalloc_copy_prepare(s.copy, 0));
	take(&s, true);
	assert_int_equal(pymalloc_copy_unsettled(s.copy), 0);
	walk(&s);
	assert_int_equal(s.p.arenas.count, 3);
	assert_int_equal(s.p.total_bytes, 3 * s.p.arena_size);
	assert_true(!s.p.arenas_current.known || s.p.arenas_current.value == 3);
	assert_int_equal(world_doubts(&s.doubts, DOUBT_POOL_UNREADABLE), 0);
	assert_true(doubts_worst(&s.doubts) <= DOUBT_NOTE);
	end(&s);
}

static void a_heap_that_outgrew_its_room_is_incomplete(const struct world_model *model)
{
	struct scene s = begin(model, 2);
	take(&s, false);
	for (uint32_t a = 0; a < 5; a++)
		world_pool(s.h, world_arena(s.h, 0), 2, 3, 0);
	world_finish(s.w);
	unsigned before = n_allocations;
	take(&s, true);
	assert_int_equal(n_allocations, before);
	assert_false(pymalloc_copy_complete(s.copy));
	walk(&s);
	assert_int_equal(s.p.arenas.count, 2);
	assert_int_equal(world_doubts(&s.doubts, DOUBT_ARENA_UNSETTLED), 5);
	take(&s, false);
	assert_true(pymalloc_copy_complete(s.copy));
	walk(&s);
	assert_int_equal(s.p.arenas.count, 7);
	assert_int_equal(s.doubts.list.count, 0);
	end(&s);
}

/* A change inside a pool is seen when its arena's turn comes; one of the arena object at once. */
static void turns_come_round(const struct world_model *model)
{
	struct scene s = begin(model, 4);
	take(&s, false);
	walk(&s);
	uint64_t before = s.p.used_blocks;
	for (uint32_t a = 0; a < 4; a++) {
		raddr count = world_field(s.w, world_pool_at(s.h, a, 2), LAYOUT_POOL_REF_COUNT);
		world_put(s.w, count, 4, world_get(s.w, count, 4) + 1);
	}
	uint64_t seen[4];
	for (unsigned turn = 0; turn < 4; turn++) {
		assert_null(pymalloc_copy_refresh(s.copy, &s.w->space, &s.w->layout, &s.h->roots, 0,
						  4));
		walk(&s);
		seen[turn] = s.p.used_blocks - before;
		assert_int_equal(seen[turn], turn + 1);
	}
	carve_more(s.h);
	world_finish(s.w);
	assert_null(pymalloc_copy_refresh(s.copy, &s.w->space, &s.w->layout, &s.h->roots, 0, 4));
	walk(&s);
	for (uint32_t a = 0; a < 4; a++)
		assert_int_equal(s.p.arenas.items[a].n_carved, 21);
	end(&s);
}

#define EVERY_MODEL(test)                           \
	static void test##_everywhere(void **state) \
	{                                           \
		(void)state;                        \
		with_every_model(test);             \
	}

EVERY_MODEL(a_growing_arena_settles)
EVERY_MODEL(a_vanished_arena_is_forgotten)
EVERY_MODEL(a_new_arena_is_found)
EVERY_MODEL(a_moved_table_is_followed)
EVERY_MODEL(what_never_settles_is_said)
EVERY_MODEL(lists_of_a_moving_heap_are_no_damage)
EVERY_MODEL(a_stopped_copy_allocates_nothing)
EVERY_MODEL(a_pass_before_a_stop_leaves_no_room_to_make)
EVERY_MODEL(an_arena_on_its_way_out_is_gone)
EVERY_MODEL(a_heap_that_outgrew_its_room_is_incomplete)
EVERY_MODEL(turns_come_round)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_growing_arena_settles_everywhere),
		cmocka_unit_test(a_vanished_arena_is_forgotten_everywhere),
		cmocka_unit_test(a_new_arena_is_found_everywhere),
		cmocka_unit_test(a_moved_table_is_followed_everywhere),
		cmocka_unit_test(what_never_settles_is_said_everywhere),
		cmocka_unit_test(lists_of_a_moving_heap_are_no_damage_everywhere),
		cmocka_unit_test(a_stopped_copy_allocates_nothing_everywhere),
		cmocka_unit_test(a_pass_before_a_stop_leaves_no_room_to_make_everywhere),
		cmocka_unit_test(an_arena_on_its_way_out_is_gone_everywhere),
		cmocka_unit_test(a_heap_that_outgrew_its_room_is_incomplete_everywhere),
		cmocka_unit_test(turns_come_round_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
