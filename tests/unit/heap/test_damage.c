/* damage: whatever stands in the target's memory, a look ends soon, with doubts or an error. */
#include "world.h"

#include "inspector/heap/pymalloc_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#define LIMIT_SECONDS 20

/* Three arenas with pools of every kind; heap 0. */
static struct world *make(const struct world_model *model)
{
	struct world *w = world_new(model);
	struct world_heap *h = &w->heaps[0];
	for (uint32_t a = 0; a < 3; a++) {
		world_arena(h, a == 1 && model->pool_size > 4096 ? 4096 : 0);
		for (uint32_t i = 0; i < 30; i++)
			world_pool(h, a, i % 6, i % 7 == 6 ? 0 : 3 + i % 3, i % 3);
		world_pool(h, a, 4, world_capacity(w, 4), 0);
	}
	world_finish(w);
	return w;
}

struct outcome {
	struct pymalloc p;
	struct doubts doubts;
	bool failed;
};

static struct outcome look(struct world *w)
{
	struct outcome o = {.doubts = {VEC_EMPTY}};
	alarm(LIMIT_SECONDS);
	struct error *err = world_look(w, 0, &o.p, &o.doubts);
	alarm(0);
	o.failed = err != NULL;
	error_free(err);
	return o;
}

static void forget(struct outcome *o)
{
	pymalloc_fini(&o->p);
	doubts_fini(&o->doubts);
}

static uint64_t look_for(struct world *w, enum doubt_kind kind, enum doubt_severity *ret_worst)
{
	struct outcome o = look(w);
	assert_false(o.failed);
	uint64_t n = world_doubts(&o.doubts, kind);
	*ret_worst = doubts_worst(&o.doubts);
	forget(&o);
	return n;
}

#define assert_doubt(w, kind, severity)                      \
	do {                                                 \
		enum doubt_severity worst_;                  \
		assert_true(look_for(w, kind, &worst_) > 0); \
		assert_int_equal(worst_, severity);          \
	} while (0)

static void for_each_model(void (*run)(struct world *w))
{
	for (size_t i = 0; i < world_n_models; i++) {
		struct world *w = make(&world_models[i]);
		run(w);
		world_free(w);
	}
}

/* ---- lists ---------------------------------------------------------------------------- */

static void bend_used_list(struct world *w)
{
	const struct world_heap *h = &w->heaps[0];
	raddr pool = world_pool_at(h, 0, 1);
	raddr next = world_field(w, pool, LAYOUT_POOL_NEXTPOOL);
	const uint64_t wild[] = {pool.value,
				 0,
				 1,
				 UINT64_MAX,
				 pool.value + 8,
				 world_pool_at(h, 0, 2).value,  /* of another class */
				 world_pool_at(h, 0, 6).value,  /* empty */
				 world_pool_at(h, 2, 40).value, /* virgin */
				 h->table.value};
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		world_put(w, next, 8, wild[i]);
		assert_doubt(w, DOUBT_USED_LIST, DOUBT_INCONSISTENT);
	}
	world_finish(w);
	raddr head = raddr_plus(h->roots.usedpools, 16);
	for (size_t i = 1; i < ARRAY_SIZE(wild); i++) { /* the first is the true one */
		world_put(w, head, 8, wild[i]);
		assert_doubt(w, DOUBT_USED_LIST, DOUBT_INCONSISTENT);
	}
}

/* Links that lead on, but not back; and a pool left out of its list with care. */
static void bend_back_links(struct world *w)
{
	const struct world_heap *h = &w->heaps[0];
	raddr pool = world_pool_at(h, 1, 2), next = world_field(w, pool, LAYOUT_POOL_NEXTPOOL);
	raddr prev = world_field(w, pool, LAYOUT_POOL_PREVPOOL);
	raddr before = raddr_at(world_get(w, prev, 8)), after = raddr_at(world_get(w, next, 8));
	world_put(w, prev, 8, after.value);
	assert_doubt(w, DOUBT_USED_LIST, DOUBT_INCONSISTENT);
	world_finish(w);
	world_put(w, world_field(w, before, LAYOUT_POOL_NEXTPOOL), 8, after.value);
	world_put(w, world_field(w, after, LAYOUT_POOL_PREVPOOL), 8, before.value);
	assert_doubt(w, DOUBT_USED_LIST, DOUBT_INCONSISTENT);
	world_finish(w);
	raddr back = world_field(w, raddr_at(world_get(w, h->roots.usable_arenas, 8)),
				 LAYOUT_ARENA_PREVARENA);
	world_put(w, back, 8, world_object(h, 2).value);
	assert_doubt(w, DOUBT_USABLE_LIST, DOUBT_INCONSISTENT);
	world_finish(w);
	if (w->model->old)
		return;
	world_put(w, raddr_plus(h->roots.nfp2lasta, 8 * world_free_pools(h, 0)), 8, 0);
	assert_doubt(w, DOUBT_USABLE_LIST, DOUBT_INCONSISTENT);
}

static void used_lists(void **state)
{
	(void)state;
	for_each_model(bend_used_list);
}

static void links_back(void **state)
{
	(void)state;
	for_each_model(bend_back_links);
}

static void bend_usable_list(struct world *w)
{
	const struct world_heap *h = &w->heaps[0];
	raddr next = world_field(w, world_object(h, 1), LAYOUT_ARENA_NEXTARENA);
	raddr unused = world_field(w, world_object(h, 7), LAYOUT_ARENA_NEXTARENA);
	const uint64_t wild[] = {
		world_object(h, 1).value, world_object(h, 9).value,           1, UINT64_MAX,
		h->table.value + 4,       world_object(h, h->maxarenas).value};
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		world_put(w, next, 8, wild[i]);
		assert_doubt(w, DOUBT_USABLE_LIST, DOUBT_INCONSISTENT);
		world_put(w, h->roots.usable_arenas, 8, wild[i]);
		assert_doubt(w, DOUBT_USABLE_LIST, DOUBT_INCONSISTENT);
		world_finish(w);
		world_put(w, unused, 8, wild[i]);
		assert_doubt(w, DOUBT_USABLE_LIST, DOUBT_INCONSISTENT);
		world_finish(w);
	}
	world_put(w, h->roots.usable_arenas, 8, 0);
	assert_doubt(w, DOUBT_USABLE_LIST, DOUBT_INCONSISTENT);
}

static void usable_lists(void **state)
{
	(void)state;
	for_each_model(bend_usable_list);
}

static void bend_freepools(struct world *w)
{
	const struct world_heap *h = &w->heaps[0];
	raddr freepools = world_field(w, world_object(h, 2), LAYOUT_ARENA_FREEPOOLS);
	raddr empty = raddr_at(world_get(w, freepools, 8));
	raddr next = world_field(w, empty, LAYOUT_POOL_NEXTPOOL);
	const uint64_t wild[] = {empty.value, 1, UINT64_MAX, world_pool_at(h, 2, 0).value,
				 world_pool_at(h, 0, 6).value};
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		world_put(w, next, 8, wild[i]);
		assert_doubt(w, DOUBT_ARENA_UNSETTLED, DOUBT_INCONSISTENT);
		world_finish(w);
		world_put(w, freepools, 8, wild[i]);
		if (wild[i] != empty.value)
			assert_doubt(w, DOUBT_ARENA_UNSETTLED, DOUBT_INCONSISTENT);
		world_finish(w);
	}
}

static void lists_of_empty_pools(void **state)
{
	(void)state;
	for_each_model(bend_freepools);
}

/* ---- sizes and counts ------------------------------------------------------------------- */

static void lie_in_headers(struct world *w)
{
	raddr pool = world_pool_at(&w->heaps[0], 0, 3);
	const struct {
		enum layout_entry_id field;
		uint64_t value;
	} lies[] = {
		{LAYOUT_POOL_SZIDX, 0xffff},
		{LAYOUT_POOL_SZIDX, UINT32_MAX},
		{LAYOUT_POOL_REF_COUNT, UINT32_MAX},
		{LAYOUT_POOL_NEXTOFFSET, w->model->pool_size + 16},
		{LAYOUT_POOL_NEXTOFFSET, UINT32_MAX},
		{LAYOUT_POOL_NEXTOFFSET, 0},
		{LAYOUT_POOL_MAXNEXTOFFSET, UINT32_MAX},
		{LAYOUT_POOL_ARENAINDEX, UINT32_MAX},
	};
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		raddr at = world_field(w, pool, lies[i].field);
		uint64_t kept = world_get(w, at, 4);
		world_put(w, at, 4, lies[i].value);
		assert_doubt(w, DOUBT_POOL_INVALID, DOUBT_INCONSISTENT);
		assert_doubt(w, DOUBT_ARENA_UNSETTLED, DOUBT_INCONSISTENT);
		world_put(w, at, 4, kept);
	}
	struct outcome o = look(w);
	assert_int_equal(o.doubts.list.count, 0);
	forget(&o);
}

static void pool_headers(void **state)
{
	(void)state;
	for_each_model(lie_in_headers);
}

static void lie_in_objects(struct world *w)
{
	raddr object = world_object(&w->heaps[0], 1);
	const struct {
		enum layout_entry_id field;
		unsigned width;
		uint64_t value;
	} lies[] = {
		{LAYOUT_ARENA_NTOTALPOOLS, 4, UINT32_MAX},
		{LAYOUT_ARENA_NTOTALPOOLS, 4, 0},
		{LAYOUT_ARENA_NFREEPOOLS, 4, UINT32_MAX},
		{LAYOUT_ARENA_POOL_ADDRESS, 8, 0},
		{LAYOUT_ARENA_POOL_ADDRESS, 8, UINT64_MAX},
		{LAYOUT_ARENA_POOL_ADDRESS, 8, UINT64_MAX & ~UINT64_C(0xffff)},
		{LAYOUT_ARENA_ADDRESS, 8, UINT64_MAX},
		{LAYOUT_ARENA_ADDRESS, 8, UINT64_MAX & ~UINT64_C(0xfffff)},
		{LAYOUT_ARENA_ADDRESS, 8, 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		raddr at = world_field(w, object, lies[i].field);
		uint64_t kept = world_get(w, at, lies[i].width);
		world_put(w, at, lies[i].width, lies[i].value);
		assert_doubt(w, DOUBT_ARENA_INVALID, DOUBT_INCONSISTENT);
		world_put(w, at, lies[i].width, kept);
	}
}

static void arena_objects(void **state)
{
	(void)state;
	for_each_model(lie_in_objects);
}

/* Two arena objects that claim the same memory: counted once. */
static void claim_twice(struct world *w)
{
	const struct world_heap *h = &w->heaps[0];
	uint64_t size = layout_width(&w->layout, LAYOUT_ARENA_OBJECT_SIZE);
	struct outcome before = look(w);
	for (uint64_t i = 0; i + 4 <= size; i += 4)
		world_put(w, raddr_plus(world_object(h, 5), i), 4,
			  world_get(w, raddr_plus(world_object(h, 0), i), 4));
	struct outcome after = look(w);
	assert_int_equal(after.p.total_bytes, before.p.total_bytes);
	assert_int_equal(after.p.arenas.count, 3);
	assert_true(world_doubts(&after.doubts, DOUBT_ARENA_INVALID) > 0);
	forget(&before);
	forget(&after);
}

static void arenas_that_share_memory(void **state)
{
	(void)state;
	for_each_model(claim_twice);
}

static void lie_in_roots(struct world *w)
{
	const struct pymalloc_roots *r = &w->heaps[0].roots;
	const uint64_t sizes[] = {UINT64_C(1) << 31, UINT32_MAX, 100000};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		world_put(w, r->maxarenas, 4, sizes[i]);
		assert_doubt(w, DOUBT_ARENAS_UNREADABLE, DOUBT_PARTIAL);
	}
	world_put(w, r->maxarenas, 4, w->heaps[0].maxarenas);
	const uint64_t wild[] = {1, UINT64_MAX, w->heaps[0].arenas[0].address.value - 64};
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		world_put(w, r->arenas, 8, wild[i]);
		assert_doubt(w, DOUBT_ARENAS_UNREADABLE, DOUBT_PARTIAL);
	}
	world_put(w, r->arenas, 8, w->heaps[0].table.value);
	world_put(w, r->arenas_current, 8, 77);
	assert_doubt(w, DOUBT_COUNTERS, DOUBT_INCONSISTENT);
	world_finish(w);
	if (w->model->no_count)
		return;
	world_put(w, r->arenas_highwater, 8, 1);
	assert_doubt(w, DOUBT_COUNTERS, DOUBT_INCONSISTENT);
}

static void variables(void **state)
{
	(void)state;
	for_each_model(lie_in_roots);
}

/* An arena that is not mapped any more although its object says so. */
static void unmap_arena(struct world *w)
{
	raddr gone = w->heaps[0].arenas[2].address;
	for (size_t i = 0; i < w->space.regions.count; i++) {
		if (raddr_equal(w->space.regions.items[i].start, gone))
			w->space.regions.items[i].readable = false;
	}
	struct outcome o = look(w);
	assert_false(o.failed);
	assert_int_equal(world_doubts(&o.doubts, DOUBT_POOL_UNREADABLE), 31);
	assert_int_equal(o.p.arenas.count, 3);
	forget(&o);
}

static void arenas_that_are_gone(void **state)
{
	(void)state;
	for_each_model(unmap_arena);
}

/* A table of a million arena objects, all lying: the copy stays within what is mapped. */
static void a_huge_table_is_bounded(void **state)
{
	(void)state;
	struct world *w = make(&world_models[2]);
	struct world_heap *h = &w->heaps[0];
	uint32_t n = 1000000;
	uint64_t size = layout_width(&w->layout, LAYOUT_ARENA_OBJECT_SIZE);
	raddr table = world_map(w, raddr_at(UINT64_C(0x7e0000000000)), n * size);
	h->table = table;
	for (uint32_t i = 0; i < n; i++) {
		raddr o = world_object(h, i);
		raddr at = raddr_plus(raddr_at(UINT64_C(0x600000000000)), i * 256 * KIB);
		world_put(w, world_field(w, o, LAYOUT_ARENA_ADDRESS), 8, at.value);
		world_put(w, world_field(w, o, LAYOUT_ARENA_POOL_ADDRESS), 8, at.value + 256 * KIB);
		world_put(w, world_field(w, o, LAYOUT_ARENA_NTOTALPOOLS), 4, 64);
	}
	world_put(w, h->roots.arenas, 8, table.value);
	world_put(w, h->roots.maxarenas, 4, n);
	struct outcome o = look(w);
	assert_true(o.failed || doubts_worst(&o.doubts) == DOUBT_INCONSISTENT);
	if (!o.failed)
		assert_true(o.p.arenas.count * 256 * KIB <= 2 * w->space.mapped_size + 64 * MIB);
	forget(&o);
	world_free(w);
}

static void the_budget_is_kept(void **state)
{
	(void)state;
	struct world *w = make(&world_models[3]);
	struct pymalloc_copy *copy = pymalloc_copy_new();
	struct error *err =
		pymalloc_copy_take(copy, &w->space, &w->layout, &w->heaps[0].roots, 4096, false);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	assert_null(pymalloc_copy_take(copy, &w->space, &w->layout, &w->heaps[0].roots, 1 * MIB,
				       false));
	err = pymalloc_copy_prepare(copy, 4096);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	pymalloc_copy_free(copy);
	world_free(w);
}

/* ---- noise ---------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* A word of something structural: headers, objects, variables. */
static raddr pick(struct world *w, uint64_t *seed)
{
	const struct world_heap *h = &w->heaps[0];
	uint64_t r = next_random(seed);
	uint64_t word = next_random(seed) % 8 * 8;
	if (r % 3 == 0)
		return raddr_plus(world_pool_at(h, (uint32_t)(r / 3 % 3), (uint32_t)(r / 9 % 31)),
				  word);
	if (r % 3 == 1)
		return raddr_plus(world_object(h, (uint32_t)(r / 3 % 4)), word % 48);
	return raddr_plus(h->roots.usedpools, r / 3 % 40 * 8);
}

static void noise_is_survived(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252u;
	for (unsigned run = 0; run < 400; run++) {
		struct world *w = make(&world_models[run % world_n_models]);
		for (unsigned i = 0; i < 1 + run % 12; i++) {
			raddr at = pick(w, &seed), from = pick(w, &seed);
			uint64_t value = next_random(&seed);
			if (value % 2) /* a word that means something, in the wrong place */
				value = world_get(w, from, 8);
			world_put(w, at, 8, value);
		}
		struct outcome o = look(w);
		if (!o.failed) {
			struct pymalloc_blocks b;
			for (size_t i = 0; i < o.p.arenas.count; i++) {
				struct error *err =
					pymalloc_blocks_read(&w->space, &w->layout, &o.p,
							     o.p.arenas.items[i].first_pool, &b);
				if (!err)
					pymalloc_blocks_fini(&b);
				error_free(err);
			}
		}
		forget(&o);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used_lists),
		cmocka_unit_test(links_back),
		cmocka_unit_test(usable_lists),
		cmocka_unit_test(lists_of_empty_pools),
		cmocka_unit_test(pool_headers),
		cmocka_unit_test(arena_objects),
		cmocka_unit_test(arenas_that_share_memory),
		cmocka_unit_test(variables),
		cmocka_unit_test(arenas_that_are_gone),
		cmocka_unit_test(a_huge_table_is_bounded),
		cmocka_unit_test(the_budget_is_kept),
		cmocka_unit_test(noise_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
