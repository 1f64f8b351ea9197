/* scan: one answer where there is one, and none where there are two. */
#include "scan_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scan look(struct scan_world *s)
{
	struct scan scan = {.verdict = SCAN_NONE};
	struct error *err = scan_run(&s->world->space, &s->image, NULL, &s->build, &scan);
	if (err)
		fail_msg("%s", err->cause);
	if (getenv("VERBOSE"))
		print_message("%s: %s\n", s->world->model->name, scan.why ? scan.why : "found");
	return scan;
}

static enum scan_verdict verdict(struct scan_world *s)
{
	struct scan scan = look(s);
	enum scan_verdict found = scan.verdict;
	scan_fini(&scan);
	return found;
}

static bool is_same(enum layout_entry_id id, const struct layout_entry *a,
		    const struct layout_entry *b)
{
	uint64_t n = a->count > 1 ? a->count : 1, m = b->count > 1 ? b->count : 1;
	/* Of a state without an arena not all can be seen. */
	bool same_width = id == LAYOUT_INTERP_OBMALLOC ? (a->width > 8) == (b->width > 8)
						       : a->width == b->width;
	return a->offset == b->offset && same_width && n == m;
}

/* Nothing found is wrong; and of `names`' entries nothing is missing. */
static void assert_truth(const struct scan_world *s, const enum layout_entry_id *wanted, size_t n)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const struct layout_entry *found = &s->build.layout.entries[id];
		bool assumed = id >= LAYOUT_ALLOCATOR_SIZE && id <= LAYOUT_DEBUG_API_ALLOC;
		if (found->provenance == PROVENANCE_SCANNED && !assumed &&
		    !is_same(id, found, &s->truth.entries[id]))
			fail_msg("%s: %s is wrong", s->world->model->name, layout_name(id));
	}
	for (size_t i = 0; i < n; i++) {
		if (layout_has(&s->truth, wanted[i]) && !layout_has(&s->build.layout, wanted[i]))
			fail_msg("%s: %s is missing", s->world->model->name,
				 layout_name(wanted[i]));
	}
}

static const enum layout_entry_id statics[] = {
	LAYOUT_STATIC_ARENAS,
	LAYOUT_STATIC_MAXARENAS,
	LAYOUT_STATIC_UNUSED_ARENA_OBJECTS,
	LAYOUT_STATIC_USABLE_ARENAS,
	LAYOUT_STATIC_NFP2LASTA,
	LAYOUT_STATIC_NTIMES_ALLOCATED,
	LAYOUT_STATIC_NARENAS_HIGHWATER,
	LAYOUT_STATIC_ARENA_MAP_ROOT,
	LAYOUT_STATIC_ARENA_MAP_MID_COUNT,
	LAYOUT_STATIC_ARENA_MAP_BOT_COUNT,
};

static const enum layout_entry_id state[] = {
	LAYOUT_INTERP_OBMALLOC,           LAYOUT_STATE_SIZE,
	LAYOUT_STATE_USEDPOOLS,           LAYOUT_STATE_ARENAS,
	LAYOUT_STATE_MAXARENAS,           LAYOUT_STATE_UNUSED_ARENA_OBJECTS,
	LAYOUT_STATE_USABLE_ARENAS,       LAYOUT_STATE_NFP2LASTA,
	LAYOUT_STATE_NARENAS_CURRENT,     LAYOUT_STATE_NTIMES_ALLOCATED,
	LAYOUT_STATE_NARENAS_HIGHWATER,   LAYOUT_STATE_RAW_ALLOCATED_BLOCKS,
	LAYOUT_STATE_ARENA_MAP_ROOT,      LAYOUT_STATE_ARENA_MAP_MID_COUNT,
	LAYOUT_STATE_ARENA_MAP_BOT_COUNT,
};

static void assert_found(const struct world_model *model, enum scan_order order, uint32_t n_arenas)
{
	struct scan_world *s = scan_world_new(model, order, n_arenas);
	bool is_static = model->roots == WORLD_STATICS;
	struct scan scan = look(s);
	if (scan.verdict != SCAN_FOUND)
		fail_msg("%s, order %d, %u arenas: %s", model->name, (int)order, (unsigned)n_arenas,
			 scan.why);
	assert_true(scan_is_enough(&scan, &s->build));
	scan_fini(&scan);
	/* Far from the others and without nfp2lasta beside it, usable_arenas cannot be told. */
	if (model->old && order == ORDER_LTO)
		s->truth.entries[LAYOUT_STATIC_USABLE_ARENAS].provenance = PROVENANCE_ABSENT;
	if (is_static)
		assert_truth(s, statics, ARRAY_SIZE(statics));
	else
		assert_truth(s, state, ARRAY_SIZE(state));
	assert_null(layout_check(&s->build.layout));
	scan_world_free(s);
}

/* 8- and 16-byte alignment, pools of 4 and 16 KiB, arenas of 256 KiB, 1 and 2 MiB; one arena, in which
 * usable_arenas and arenas have the same value, and several. */
static void test_every_model_is_found(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		for (int order = 0; order < ORDER_COUNT; order++) {
			assert_found(&world_models[i], (enum scan_order)order, 1);
			assert_found(&world_models[i], (enum scan_order)order, 3);
			assert_found(&world_models[i], (enum scan_order)order, 20);
		}
	}
	assert_found(&scan_model_2m, ORDER_AGAINST, 3);
	assert_found(&scan_model_no_radix, ORDER_AGAINST, 3);
}

/* What a built-in table says of another arena size gives way; what DWARF says does not. */
static void test_memory_wins_over_a_recorded_state(void **unused)
{
	(void)unused;
	struct scan_world *s = scan_world_new(&scan_model_2m, ORDER_AGAINST, 3);
	struct layout_entry wrong = s->truth.entries[LAYOUT_STATE_NARENAS_CURRENT];
	wrong.offset -= 512;
	wrong.provenance = PROVENANCE_BUILTIN;
	s->build.layout.entries[LAYOUT_STATE_NARENAS_CURRENT] = wrong;
	assert_int_equal(verdict(s), SCAN_FOUND);
	assert_truth(s, state, ARRAY_SIZE(state));
	wrong.provenance = PROVENANCE_SYMTAB;
	s->build.layout.entries[LAYOUT_STATE_NARENAS_CURRENT] = wrong;
	assert_int_equal(verdict(s), SCAN_DISAGREES);
	scan_world_free(s);
}

static void copy(struct world *w, raddr to, raddr from, uint64_t size)
{
	for (uint64_t i = 0; i < size; i += 8)
		world_put(w, raddr_plus(to, i), 8, world_get(w, raddr_plus(from, i), 8));
}

/* n heads of empty lists, one after the other. */
static raddr put_heads(struct scan_world *s, unsigned n)
{
	uint64_t link = layout_offset(&s->truth, LAYOUT_POOL_NEXTPOOL);
	raddr at = scan_world_place(s, n * 16 + 16);
	for (unsigned i = 0; i < n; i++) {
		raddr pair = raddr_plus(at, i * 16);
		world_put(s->world, pair, 8, pair.value - link);
		world_put(s->world, raddr_plus(pair, 8), 8, pair.value - link);
	}
	return at;
}

static unsigned n_classes(const struct scan_world *s)
{
	return (unsigned)(512 / s->world->model->alignment);
}

static void test_two_tables_of_pools_are_no_answer(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		put_heads(s, n_classes(s));
		struct scan scan = look(s);
		assert_int_equal(scan.verdict, SCAN_NONE);
		assert_false(scan_is_enough(&scan, &s->build));
		scan_fini(&scan);
		scan_world_free(s);
	}
}

/* A copy at another place refers to the original; a table with a broken link in the middle or one
 * list too many is none; a run too short is not looked at. */
static void test_what_is_almost_a_table_is_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		const struct pymalloc_roots *r = &s->world->heaps[0].roots;
		copy(s->world, scan_world_place(s, r->n_usedpools * 8), r->usedpools,
		     r->n_usedpools * 8);
		raddr broken = put_heads(s, n_classes(s));
		world_put(s->world, raddr_plus(broken, 5 * 16), 8, 0x1000);
		put_heads(s, n_classes(s) + 1);
		put_heads(s, 31);
		assert_int_equal(verdict(s), SCAN_FOUND);
		assert_truth(s, NULL, 0);
		scan_world_free(s);
	}
}

/* One list may be caught in the middle of a change; a second one with pools of another class denies the
 * table. */
static void test_pools_of_other_classes_deny_the_table(void **unused)
{
	(void)unused;
	for (unsigned n = 1; n <= 2; n++) {
		struct scan_world *s = scan_world_new(&world_models[3], ORDER_AGAINST, 3);
		for (unsigned i = 0; i < n; i++) {
			raddr head = raddr_plus(s->world->heaps[0].roots.usedpools, i * 16);
			raddr pool = raddr_at(world_get(s->world, head, 8));
			world_put(s->world, world_field(s->world, pool, LAYOUT_POOL_SZIDX), 4, 9);
		}
		assert_int_equal(verdict(s), n == 1 ? SCAN_FOUND : SCAN_NONE);
		scan_world_free(s);
	}
}

/* Pools that agree with each other, but not with the list that they are on. */
static void test_a_list_of_another_class_denies_the_table(void **unused)
{
	(void)unused;
	struct scan_world *s = scan_world_new(&world_models[3], ORDER_AGAINST, 3);
	struct world *w = s->world;
	raddr head = w->heaps[0].roots.usedpools;
	for (unsigned end = 0; end < 2; end++) {
		raddr pool = raddr_at(world_get(w, raddr_plus(head, end * 8), 8));
		world_put(w, world_field(w, pool, LAYOUT_POOL_SZIDX), 4, 9);
		world_put(w, world_field(w, pool, LAYOUT_POOL_MAXNEXTOFFSET), 4,
			  w->model->pool_size - 10 * w->model->alignment);
	}
	assert_int_equal(verdict(s), SCAN_NONE);
	scan_world_free(s);
}

/* arenas[] as it would be elsewhere: its links lead to the copy; *ret_table. */
static raddr plant_arenas(struct scan_world *s, uint64_t at)
{
	struct world *w = s->world;
	const struct world_heap *h = &w->heaps[0];
	uint64_t size = layout_width(&w->layout, LAYOUT_ARENA_OBJECT_SIZE);
	raddr to = world_map(w, raddr_at(at), size_align_up(size * SCAN_SLOTS, 4096));
	copy(w, to, h->table, size * SCAN_SLOTS);
	for (uint32_t i = 0; i < SCAN_SLOTS; i++) {
		static const enum layout_entry_id links[] = {LAYOUT_ARENA_NEXTARENA,
							     LAYOUT_ARENA_PREVARENA};
		for (size_t k = 0; k < ARRAY_SIZE(links); k++) {
			raddr link = world_field(w, raddr_plus(to, i * size), links[k]);
			uint64_t value = world_get(w, link, 8);
			if (value)
				world_put(w, link, 8, value - h->table.value + to.value);
		}
	}
	world_put(w, scan_world_place(s, 8), 8, to.value);
	return to;
}

static void test_two_tables_of_arenas_are_no_answer(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		if (world_models[i].roots != WORLD_STATICS)
			continue;
		static const uint64_t places[] = {0x7d0000000000, 0x7f8000000000};
		for (size_t k = 0; k < ARRAY_SIZE(places); k++) {
			struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
			plant_arenas(s, places[k]); /* before the true one, and behind it */
			assert_int_equal(verdict(s), SCAN_NONE);
			scan_world_free(s);
		}
	}
}

/* It fits all pools in use but those of one arena, or its slots are not what they must be. */
static void test_a_table_that_fits_all_pools_but_one_is_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		if (world_models[i].roots != WORLD_STATICS)
			continue;
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		struct world *w = s->world;
		uint64_t size = layout_width(&w->layout, LAYOUT_ARENA_OBJECT_SIZE);
		raddr one = plant_arenas(s, UINT64_C(0x7d0000000000));
		raddr other = plant_arenas(s, UINT64_C(0x7d1000000000));
		static const enum layout_entry_id moved[] = {LAYOUT_ARENA_ADDRESS,
							     LAYOUT_ARENA_POOL_ADDRESS};
		for (size_t k = 0; k < ARRAY_SIZE(moved); k++) {
			raddr at = world_field(w, raddr_plus(one, 2 * size), moved[k]);
			world_put(w, at, 8, world_get(w, at, 8) + 64 * w->model->arena_size);
		}
		world_put(w, world_field(w, raddr_plus(other, 5 * size), LAYOUT_ARENA_NEXTARENA), 8,
			  other.value);
		assert_int_equal(verdict(s), SCAN_FOUND);
		assert_truth(s, statics, ARRAY_SIZE(statics));
		scan_world_free(s);
	}
}

/* A length that no word has, or that two neighbours have: nobody guesses. */
static void test_maxarenas_must_be_beside_arenas(void **unused)
{
	(void)unused;
	struct scan_world *s = scan_world_new(&world_models[2], ORDER_AGAINST, 3);
	world_put(s->world, s->world->heaps[0].roots.maxarenas, 4, 2 * SCAN_SLOTS);
	assert_int_equal(verdict(s), SCAN_NONE);
	scan_world_free(s);

	/* The same four words once more, in order: which are the variables? */
	s = scan_world_new(&world_models[2], ORDER_AGAINST, 3);
	const struct pymalloc_roots *r = &s->world->heaps[0].roots;
	copy(s->world, scan_world_place(s, 32), r->usable_arenas, 32);
	assert_int_equal(verdict(s), SCAN_NONE);
	scan_world_free(s);
}

/* Three more words that could be the counters: they stay unknown, and nothing else suffers. */
static void test_counters_that_could_be_others_stay_unknown(void **unused)
{
	(void)unused;
	struct scan_world *s = scan_world_new(&world_models[2], ORDER_AGAINST, 3);
	raddr twin = scan_world_place(s, 24);
	world_put(s->world, twin, 8, 5);
	world_put(s->world, raddr_plus(twin, 8), 8, 9);
	world_put(s->world, raddr_plus(twin, 16), 8, 3);
	assert_int_equal(verdict(s), SCAN_FOUND);
	assert_false(layout_has(&s->build.layout, LAYOUT_STATIC_NTIMES_ALLOCATED));
	assert_false(layout_has(&s->build.layout, LAYOUT_STATIC_NARENAS_HIGHWATER));
	assert_true(layout_has(&s->build.layout, LAYOUT_STATIC_NFP2LASTA));
	assert_truth(s, NULL, 0);
	scan_world_free(s);
}

/* Counts that lie elsewhere: the nodes are counted by hand, at every look. */
static void test_a_radix_tree_without_counts_is_counted(void **unused)
{
	(void)unused;
	for (size_t i = 3; i <= 4; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		const struct pymalloc_roots *r = &s->world->heaps[0].roots;
		uint64_t mids = world_get(s->world, r->arena_map_mid_count, 4);
		uint64_t bots = world_get(s->world, r->arena_map_bot_count, 4);
		struct pymalloc p = {0};
		struct doubts doubts = {VEC_EMPTY};
		world_put(s->world, r->arena_map_mid_count, 4, 77);
		assert_int_equal(verdict(s), SCAN_FOUND);
		assert_true(layout_has(&s->build.layout, LAYOUT_STATIC_ARENA_MAP_ROOT));
		assert_false(layout_has(&s->build.layout, LAYOUT_STATIC_ARENA_MAP_MID_COUNT));
		s->world->layout = s->build.layout;
		struct error *err = world_look(s->world, 0, &p, &doubts);
		assert_null(err);
		assert_true(p.has_arena_map && p.arena_map_mids.known && p.arena_map_bots.known);
		assert_int_equal(p.arena_map_mids.value, mids);
		assert_int_equal(p.arena_map_bots.value, bots);
		pymalloc_fini(&p);
		doubts_fini(&doubts);
		scan_world_free(s);
	}
}

/* A tree that is not found is not one that is not there: pools of 16 KiB have one. */
static void test_a_radix_tree_that_is_not_found_stays_unknown(void **unused)
{
	(void)unused;
	struct scan_world *s = scan_world_new(&world_models[3], ORDER_AGAINST, 3);
	const struct world_heap *h = &s->world->heaps[0];
	struct pymalloc p = {0};
	struct doubts doubts = {VEC_EMPTY};
	uint64_t top = h->arenas[0].address.value >> 38 & 1023;
	world_put(s->world, raddr_plus(h->roots.arena_map_root, top * 8), 8, 0x1000);
	assert_int_equal(verdict(s), SCAN_FOUND);
	assert_false(layout_has(&s->build.layout, LAYOUT_STATIC_ARENA_MAP_ROOT));
	s->world->layout = s->build.layout;
	struct error *err = world_look(s->world, 0, &p, &doubts);
	assert_null(err);
	assert_true(p.has_arena_map && !p.arena_map_mids.known && !p.arena_map_mids.absent);
	pymalloc_fini(&p);
	doubts_fini(&doubts);
	scan_world_free(s);
}

/* Two words of the interpreter lead to the state. */
static void test_two_pointers_to_the_state_are_no_answer(void **unused)
{
	(void)unused;
	struct scan_world *s = scan_world_new(&scan_model_2m, ORDER_AGAINST, 3);
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&s->truth, LAYOUT_RUNTIME));
	raddr head = world_field(s->world, runtime, LAYOUT_RUNTIME_INTERPRETERS_HEAD);
	raddr main = raddr_at(world_get(s->world, head, 8));
	world_put(s->world, raddr_plus(main, 96), 8, s->state.value);
	assert_int_equal(verdict(s), SCAN_NONE);
	scan_world_free(s);
}

/* A member of the state that is not what it must be. */
static void test_a_state_that_contradicts_itself_is_refused(void **unused)
{
	(void)unused;
	static const enum layout_entry_id members[] = {
		LAYOUT_STATE_MAXARENAS,          LAYOUT_STATE_UNUSED_ARENA_OBJECTS,
		LAYOUT_STATE_USABLE_ARENAS,      LAYOUT_STATE_NFP2LASTA,
		LAYOUT_STATE_NARENAS_CURRENT,    LAYOUT_STATE_ARENA_MAP_ROOT,
		LAYOUT_STATE_ARENA_MAP_MID_COUNT};
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct scan_world *s = scan_world_new(&scan_model_2m, ORDER_AGAINST, 3);
		raddr at = raddr_plus(s->state, layout_offset(&s->truth, members[i]));
		world_put(s->world, at, 4, world_get(s->world, at, 4) + 48);
		assert_int_equal(verdict(s), SCAN_NONE);
		scan_world_free(s);
	}
}

static void test_without_any_arena_it_is_idle(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 0);
		assert_int_equal(verdict(s), SCAN_IDLE);
		assert_truth(s, NULL, 0);
		scan_world_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_model_is_found),
		cmocka_unit_test(test_memory_wins_over_a_recorded_state),
		cmocka_unit_test(test_two_tables_of_pools_are_no_answer),
		cmocka_unit_test(test_what_is_almost_a_table_is_refused),
		cmocka_unit_test(test_pools_of_other_classes_deny_the_table),
		cmocka_unit_test(test_a_list_of_another_class_denies_the_table),
		cmocka_unit_test(test_two_tables_of_arenas_are_no_answer),
		cmocka_unit_test(test_a_table_that_fits_all_pools_but_one_is_refused),
		cmocka_unit_test(test_maxarenas_must_be_beside_arenas),
		cmocka_unit_test(test_counters_that_could_be_others_stay_unknown),
		cmocka_unit_test(test_a_radix_tree_without_counts_is_counted),
		cmocka_unit_test(test_a_radix_tree_that_is_not_found_stays_unknown),
		cmocka_unit_test(test_two_pointers_to_the_state_are_no_answer),
		cmocka_unit_test(test_a_state_that_contradicts_itself_is_refused),
		cmocka_unit_test(test_without_any_arena_it_is_idle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
