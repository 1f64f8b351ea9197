/* runtime: which interpreters there are, and which of them has a heap of its own. */
#include "world.h"

#include "inspector/python/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct error *read_runtime(struct world *w, struct runtime *ret, struct doubts *doubts)
{
	return runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version, ret, doubts);
}

static void check_interpreters(const struct world_model *model)
{
	struct world *w = world_new(model);
	struct runtime r = RUNTIME_EMPTY;
	struct doubts doubts = {VEC_EMPTY};
	world_interpreter(w, true);
	world_interpreter(w, false);
	assert_null(read_runtime(w, &r, &doubts));
	assert_int_equal(r.interpreters.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(r.interpreters.items[i].id, i);
		assert_int_equal(r.interpreters.items[i].address.value, w->interpreters[i].value);
		assert_int_equal(r.interpreters.items[i].shares_main, i == 2);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(r.interpreters.items[i].roots.arenas.value,
				 w->heaps[i].roots.arenas.value);
	assert_int_equal(doubts.list.count, 0);
	runtime_fini(&r);
	world_free(w);
}

static void interpreters_own_or_share(void **state)
{
	(void)state;
	check_interpreters(world_model_of(WORLD_EMBEDDED));
	check_interpreters(world_model_of(WORLD_POINTER));
}

static void check_two_heaps(const struct world_model *model)
{
	struct world *w = world_new(model);
	struct doubts doubts = {VEC_EMPTY};
	world_interpreter(w, true);
	for (size_t i = 0; i < 2; i++)
		world_pool(&w->heaps[i], world_arena(&w->heaps[i], 0), 5, 3 + (uint32_t)i, 0);
	world_finish(w);
	for (size_t i = 0; i < 2; i++) {
		struct pymalloc p;
		assert_null(world_look(w, i, &p, &doubts));
		assert_int_equal(p.arenas.count, 1);
		assert_int_equal(p.classes[5].used_blocks, 3 + i);
		pymalloc_fini(&p);
	}
	assert_int_equal(doubts.list.count, 0);
	world_free(w);
}

static void each_interpreter_has_its_heap(void **state)
{
	(void)state;
	check_two_heaps(world_model_of(WORLD_EMBEDDED));
	check_two_heaps(world_model_of(WORLD_POINTER));
}

/* 3.13 on: it is in the list before its state is there, and gone from it a moment after. */
static void one_being_born_has_no_heap_yet(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct runtime r = RUNTIME_EMPTY;
	struct doubts doubts = {VEC_EMPTY};
	world_interpreter(w, true);
	world_interpreter(w, false);
	world_put(w, world_field(w, w->interpreters[1], LAYOUT_INTERP_OBMALLOC), 8, 0);
	assert_null(read_runtime(w, &r, &doubts));
	assert_int_equal(r.interpreters.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(r.interpreters.items[i].readable);
		assert_int_equal(r.interpreters.items[i].has_heap, i == 0);
		assert_int_equal(r.interpreters.items[i].shares_main, i == 2);
	}
	assert_int_equal(doubts_worst(&doubts), DOUBT_NOTE);
	assert_int_equal(world_doubts(&doubts, DOUBT_INTERPRETER), 1);
	runtime_fini(&r);
	doubts_fini(&doubts);
	world_free(w);
}

static void a_damaged_list_ends(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	world_interpreter(w, true);
	world_interpreter(w, true);
	const uint64_t wild[] = {w->interpreters[2].value, w->interpreters[0].value, 1, UINT64_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		struct runtime r = RUNTIME_EMPTY;
		struct doubts doubts = {VEC_EMPTY};
		raddr oldest = world_field(w, w->interpreters[0], LAYOUT_INTERP_NEXT);
		world_put(w, oldest, 8, wild[i]);
		assert_null(read_runtime(w, &r, &doubts));
		assert_int_equal(r.interpreters.count, 3);
		assert_int_equal(world_doubts(&doubts, DOUBT_INTERPRETER), 1);
		runtime_fini(&r);
		doubts_fini(&doubts);
	}
	world_free(w);
}

/* The youngest, whose end is seen by the first readings: then it is no more in the list. */
static void end_youngest(struct world *w)
{
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	if (w->n_reads == 2)
		world_put(w, world_field(w, runtime, LAYOUT_RUNTIME_INTERPRETERS_HEAD), 8,
			  w->interpreters[1].value);
	if (w->n_reads == 2)
		world_put(w, world_field(w, w->interpreters[2], LAYOUT_INTERP_NEXT), 8, 0x666);
}

static void an_interpreter_may_end_meanwhile(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct runtime r = RUNTIME_EMPTY;
	struct doubts doubts = {VEC_EMPTY};
	world_interpreter(w, true);
	world_interpreter(w, true);
	w->before_read = end_youngest;
	assert_null(read_runtime(w, &r, &doubts));
	assert_int_equal(r.interpreters.count, 2);
	assert_int_equal(doubts.list.count, 0);
	runtime_fini(&r);
	world_free(w);
}

static void the_main_one_is_found_behind_damage(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct runtime r = RUNTIME_EMPTY;
	struct doubts doubts = {VEC_EMPTY};
	world_interpreter(w, true);
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	raddr at = world_place(w, 8);
	w->layout.entries[LAYOUT_RUNTIME_INTERPRETERS_MAIN] =
		(struct layout_entry){at.value - runtime.value, 8, 1, 8, PROVENANCE_DWARF};
	world_put(w, at, 8, w->interpreters[0].value);
	world_put(w, world_field(w, w->interpreters[1], LAYOUT_INTERP_NEXT), 8, 0x666);
	assert_null(read_runtime(w, &r, &doubts));
	assert_int_equal(r.interpreters.count, 2);
	assert_int_equal(r.interpreters.items[0].address.value, w->interpreters[0].value);
	assert_int_equal(world_doubts(&doubts, DOUBT_INTERPRETER), 1);
	runtime_fini(&r);
	doubts_fini(&doubts);
	world_free(w);
}

static void no_interpreter_is_no_python_yet(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct runtime r = RUNTIME_EMPTY;
	struct doubts doubts = {VEC_EMPTY};
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	raddr head = world_field(w, runtime, LAYOUT_RUNTIME_INTERPRETERS_HEAD);
	world_put(w, head, 8, 0);
	struct error *err = read_runtime(w, &r, &doubts);
	assert_true(error_catch(&err, ERROR_UNSUPPORTED));
	world_put(w, head, 8, 1);
	err = read_runtime(w, &r, &doubts);
	assert_true(error_catch(&err, ERROR_INCONSISTENT));
	doubts_fini(&doubts);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interpreters_own_or_share),
		cmocka_unit_test(each_interpreter_has_its_heap),
		cmocka_unit_test(one_being_born_has_no_heap_yet),
		cmocka_unit_test(a_damaged_list_ends),
		cmocka_unit_test(an_interpreter_may_end_meanwhile),
		cmocka_unit_test(the_main_one_is_found_behind_damage),
		cmocka_unit_test(no_interpreter_is_no_python_yet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
