/* cross_check: symbols that lie are found out, and what memory tells where flags are missing. */
#include "scan_world.h"

#include "inspector/scan/cross_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Who shares is told by the state itself, where no flags are known: the same pointer, or an embedded
 * state that never had an arena. */
static void test_who_shares_is_told_without_flags(void **unused)
{
	(void)unused;
	static const enum world_roots roots[] = {WORLD_EMBEDDED, WORLD_POINTER};
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		struct world *w = world_new(world_model_of(roots[i]));
		struct doubts doubts = {VEC_EMPTY};
		struct runtime runtime = RUNTIME_EMPTY;
		world_interpreter(w, true);
		world_interpreter(w, false);
		for (size_t k = 0; k < 2; k++)
			world_pool(&w->heaps[k], world_arena(&w->heaps[k], 0), 3, 10, 2);
		world_finish(w);
		w->layout.entries[LAYOUT_INTERP_FEATURE_FLAGS].provenance = PROVENANCE_ABSENT;
		assert_null(runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version,
					 &runtime, &doubts));
		assert_int_equal(runtime.interpreters.count, 3);
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(runtime.interpreters.items[k].shares_main, k == 2);
			assert_int_equal(runtime.interpreters.items[k].has_heap, k != 2);
		}
		runtime_fini(&runtime);
		doubts_fini(&doubts);
		world_free(w);
	}
}

static enum cross_check_result compare(const struct scan_world *s, const struct layout *layout,
				       bool moves)
{
	enum cross_check_result result;
	const char *what;
	assert_null(cross_check(&s->world->space, &s->image, layout, moves, &result, &what));
	return result;
}

static void test_symbols_that_lie_are_found_out(void **unused)
{
	(void)unused;
	static const enum layout_entry_id moved[] = {
		LAYOUT_STATIC_USEDPOOLS, LAYOUT_STATIC_MAXARENAS,
		LAYOUT_STATIC_ARENAS,    LAYOUT_STATE_USEDPOOLS,
		LAYOUT_STATE_MAXARENAS,  LAYOUT_STATE_UNUSED_ARENA_OBJECTS};
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		assert_int_equal(compare(s, &s->truth, false), CROSS_CHECK_AGREES);
		for (size_t k = 0; k < ARRAY_SIZE(moved); k++) {
			struct layout lie = s->truth;
			if (!layout_has(&lie, moved[k]))
				continue;
			lie.entries[moved[k]].offset += 16;
			assert_int_equal(compare(s, &lie, false), CROSS_CHECK_DISAGREES);
		}
		scan_world_free(s);
	}
}

/* A thread that waits for a processor between a list's head and its links. */
static struct {
	raddr at;
	uint64_t value;
	size_t reads; /* until it goes on */
} change;

static void go_on(struct world *w)
{
	if (w->n_reads > change.reads)
		world_put(w, change.at, 8, change.value);
}

static void test_half_a_change_is_waited_for(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		struct world *w = s->world;
		if (!layout_has(&s->truth, LAYOUT_STATIC_USABLE_ARENAS)) {
			scan_world_free(s);
			continue;
		}
		change.at = raddr_at(s->image.bias +
				     layout_offset(&s->truth, LAYOUT_STATIC_USABLE_ARENAS));
		change.value = world_get(w, change.at, 8);
		size_t before = w->n_reads;
		assert_int_equal(compare(s, &s->truth, true), CROSS_CHECK_AGREES);
		change.reads = w->n_reads + 12 * (w->n_reads - before);
		world_put(w, change.at, 8, change.value + 48);
		assert_int_equal(compare(s, &s->truth, false), CROSS_CHECK_DISAGREES);
		w->before_read = go_on;
		assert_int_equal(compare(s, &s->truth, true), CROSS_CHECK_AGREES);
		scan_world_free(s);
	}
}

static void test_an_idle_heap_proves_nothing(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 0);
		assert_int_equal(compare(s, &s->truth, false), CROSS_CHECK_SILENT);
		scan_world_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_shares_is_told_without_flags),
		cmocka_unit_test(test_symbols_that_lie_are_found_out),
		cmocka_unit_test(test_half_a_change_is_waited_for),
		cmocka_unit_test(test_an_idle_heap_proves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
