/* scan: the module's relocations say where the table of pools is, and memory bears it out or does not. */
#include "scan_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOWHERE UINT64_C(0x7abc00000000) /* nothing is mapped there */

static unsigned n_classes(const struct scan_world *s)
{
	return (unsigned)(512 / s->world->model->alignment);
}

static raddr true_place(const struct scan_world *s)
{
	return s->world->heaps[0].roots.usedpools;
}

static void say(struct scan_world *s, raddr place, unsigned n)
{
	s->build.pools = (struct pool_pattern){
		.vaddr = place.value - WORLD_BIAS, .n_classes = n, .n_found = 1};
}

/* Heads of empty lists that nobody uses. */
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

/* The pools of the first n lists are swapped out: nothing can be read where the lists lead to. */
static void swap_out(struct scan_world *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		raddr pair = raddr_plus(true_place(s), i * 16);
		world_put(s->world, pair, 8, NOWHERE + i * 4096);
		world_put(s->world, raddr_plus(pair, 8), 8, NOWHERE + i * 4096);
	}
}

/* What exported functions' code tells of some builds. */
static void know_arenas(struct scan_world *s)
{
	static const enum layout_entry_id told[] = {LAYOUT_STATIC_ARENAS, LAYOUT_STATIC_MAXARENAS};
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		s->build.layout.entries[told[i]] = s->truth.entries[told[i]];
}

static enum scan_verdict look(struct scan_world *s, bool *ret_enough)
{
	struct scan scan = {.verdict = SCAN_NONE};
	struct error *err = scan_run(&s->world->space, &s->image, NULL, &s->build, &scan);
	if (err)
		fail_msg("%s", err->cause);
	if (getenv("VERBOSE"))
		print_message("%s: %s\n", s->world->model->name, scan.why ? scan.why : "found");
	enum scan_verdict verdict = scan.verdict;
	assert_true((verdict == SCAN_FOUND) == !scan.why);
	*ret_enough = scan_is_enough(&scan, &s->build);
	scan_fini(&scan);
	return verdict;
}

static void assert_found(struct scan_world *s)
{
	static const enum layout_entry_id ids[] = {
		LAYOUT_STATIC_USEDPOOLS, LAYOUT_STATIC_ARENAS, LAYOUT_STATIC_MAXARENAS,
		LAYOUT_INTERP_OBMALLOC,  LAYOUT_STATE_ARENAS,  LAYOUT_STATE_NARENAS_CURRENT};
	bool enough;
	assert_int_equal(look(s, &enough), SCAN_FOUND);
	assert_true(enough);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (!layout_has(&s->truth, ids[i]))
			continue;
		assert_true(layout_has(&s->build.layout, ids[i]));
		assert_int_equal(layout_offset(&s->build.layout, ids[i]),
				 layout_offset(&s->truth, ids[i]));
	}
}

static void assert_refused(struct scan_world *s, enum scan_verdict verdict)
{
	bool enough;
	assert_int_equal(look(s, &enough), verdict);
	assert_false(enough);
	assert_false(layout_has(&s->build.layout, LAYOUT_STATIC_USEDPOOLS));
}

typedef void visit_fn(struct scan_world *s);

static void each_world(visit_fn *visit)
{
	for (size_t i = 0; i < world_n_models; i++) {
		struct scan_world *s = scan_world_new(&world_models[i], ORDER_AGAINST, 3);
		if (world_models[i].roots == WORLD_STATICS)
			know_arenas(s);
		visit(s);
		scan_world_free(s);
	}
}

/* ---- one answer ---------------------------------------------------------------------------- */

static void one_more_table(struct scan_world *s)
{
	put_heads(s, n_classes(s));
	put_heads(s, n_classes(s));
	say(s, true_place(s), n_classes(s));
	assert_found(s);
}

static void test_the_file_decides_between_several(void **unused)
{
	(void)unused;
	each_world(one_more_table);
}

static void as_memory_shows(struct scan_world *s)
{
	say(s, true_place(s), n_classes(s));
	assert_found(s);
}

static void test_the_file_agrees(void **unused)
{
	(void)unused;
	each_world(as_memory_shows);
}

/* Memory alone would not take it for one: too little of it can be seen. */
static void most_pools_are_away(struct scan_world *s)
{
	swap_out(s, n_classes(s) - 2);
	assert_refused(s, SCAN_NONE);
	say(s, true_place(s), n_classes(s));
	assert_found(s);
}

static void test_a_place_that_is_known_needs_less_proof(void **unused)
{
	(void)unused;
	each_world(most_pools_are_away);
}

/* Nothing proves arenas; where code told it already, that is enough for a look. */
static void all_pools_are_away(struct scan_world *s)
{
	bool enough, is_static = s->world->model->roots == WORLD_STATICS;
	swap_out(s, n_classes(s));
	say(s, true_place(s), n_classes(s));
	assert_int_equal(look(s, &enough), SCAN_NONE);
	assert_int_equal(enough, is_static);
	if (is_static)
		assert_int_equal(layout_offset(&s->build.layout, LAYOUT_STATIC_USEDPOOLS),
				 true_place(s).value - WORLD_BIAS);
}

static void test_pools_that_are_all_swapped_out_are_not_idle(void **unused)
{
	(void)unused;
	each_world(all_pools_are_away);
}

/* ---- none ---------------------------------------------------------------------------------- */

/* Nobody guesses which of the two is right, whatever else is known. */
static void somewhere_else(struct scan_world *s)
{
	raddr other = scan_world_place(s, 2048);
	say(s, other, n_classes(s));
	assert_refused(s, SCAN_DISAGREES);
	say(s, raddr_plus(true_place(s), 16), n_classes(s));
	assert_refused(s, SCAN_DISAGREES);
	say(s, true_place(s), 96 - n_classes(s)); /* 32 for 64, and the other way round */
	assert_refused(s, SCAN_DISAGREES);
}

static void test_the_file_disagrees(void **unused)
{
	(void)unused;
	each_world(somewhere_else);
}

static void none_of_several(struct scan_world *s)
{
	put_heads(s, n_classes(s));
	say(s, scan_world_place(s, 2048), n_classes(s));
	assert_refused(s, SCAN_NONE);
	say(s, true_place(s), 2 * n_classes(s)); /* only half of it is there */
	if (n_classes(s) == 32)
		assert_refused(s, SCAN_NONE);
	say(s, raddr_plus(true_place(s), 16), n_classes(s));
	assert_refused(s, SCAN_NONE);
}

static void test_what_the_file_names_is_no_table(void **unused)
{
	(void)unused;
	each_world(none_of_several);
}

/* A file with two of them says nothing. */
static void two_in_the_file(struct scan_world *s)
{
	say(s, raddr_plus(true_place(s), 16), n_classes(s));
	s->build.pools.n_found = 2;
	assert_found(s);
}

static void test_a_file_that_does_not_tell(void **unused)
{
	(void)unused;
	each_world(two_in_the_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_file_decides_between_several),
		cmocka_unit_test(test_the_file_agrees),
		cmocka_unit_test(test_a_place_that_is_known_needs_less_proof),
		cmocka_unit_test(test_pools_that_are_all_swapped_out_are_not_idle),
		cmocka_unit_test(test_the_file_disagrees),
		cmocka_unit_test(test_what_the_file_names_is_no_table),
		cmocka_unit_test(test_a_file_that_does_not_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
