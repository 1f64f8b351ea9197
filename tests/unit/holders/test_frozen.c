/* frozen: what stands on a list of gc.freeze()'s, however torn that is, and what then is garbage. */
#include "heap_world.h"

#include "base/cleanup.h"
#include "inspector/holders/walk/frozen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define N_BLOCKS 64

static uint64_t head(const struct world *w)
{
	return w->statics + 256;
}

/* A collector's head stands where its block begins. */
static uint64_t at(const struct world *w, uint32_t block)
{
	return w->start + (uint64_t)block * WORLD_BLOCK;
}

static void join(struct world *w, uint64_t from, uint64_t to)
{
	world_poke(w, from, to);
	world_poke(w, to + 8, from);
}

/* The list of blocks from `first` to `last`. */
static void freeze(struct world *w, uint32_t first, uint32_t last)
{
	join(w, head(w), at(w, first));
	for (uint32_t i = first; i < last; i++)
		join(w, at(w, i), at(w, i + 1));
	join(w, at(w, last), head(w));
}

static void begin(struct world *w)
{
	world_init(w, N_BLOCKS, 0, 0);
	for (uint32_t i = 0; i < N_BLOCKS; i++)
		world_object(w, i, WORLD_NODE, 1);
}

/* Those that are found, a bit for each. */
static uint64_t found(struct world *w, bool *ret_whole)
{
	_cleanup_(graph_freep) struct graph *graph = world_walk(w);
	assert_null(frozen_add(graph->scanner, raddr_at(head(w)), graph->n_nodes, &graph->frozen,
			       ret_whole));
	return graph->frozen ? graph->frozen[0] : 0;
}

static uint64_t bits(uint32_t first, uint32_t last)
{
	return (UINT64_C(2) << last) - (UINT64_C(1) << first);
}

static void follows_a_list(void **state)
{
	(void)state;
	struct world w;
	bool whole;
	begin(&w);
	freeze(&w, 3, 50);
	assert_int_equal(found(&w, &whole), bits(3, 50));
	assert_true(whole);
	world_fini(&w);
}

/* One that nobody has begun is all zeros. */
static void an_empty_list_is_whole(void **state)
{
	(void)state;
	struct world w;
	bool whole = false;
	begin(&w);
	assert_int_equal(found(&w, &whole), 0);
	assert_true(whole);
	join(&w, head(&w), head(&w));
	whole = false;
	assert_int_equal(found(&w, &whole), 0);
	assert_true(whole);
	world_fini(&w);
}

/* One that was finalized is marked in its link, which in a file without contents may be blank then. */
static void marks_are_no_part_of_links(void **state)
{
	(void)state;
	struct world w;
	bool whole;
	begin(&w);
	freeze(&w, 3, 50);
	world_poke(&w, at(&w, 7) + 8, at(&w, 6) | 1);
	world_poke(&w, at(&w, 9) + 8, 0);
	world_poke(&w, at(&w, 20) + 8, 0);
	world_poke(&w, at(&w, 11), at(&w, 12) | 1);
	assert_int_equal(found(&w, &whole), bits(3, 50));
	assert_true(whole);
	world_fini(&w);
}

/* 20 went while memory was copied: the neighbour before it was read earlier, the one behind it later, or the other way round. */
static void one_gap_is_bridged(void **state)
{
	(void)state;
	for (int earlier = 0; earlier < 2; earlier++) {
		struct world w;
		bool whole;
		begin(&w);
		freeze(&w, 3, 50);
		world_poke(&w, at(&w, 20), 0);
		world_poke(&w, at(&w, 20) + 8, 0);
		if (earlier)
			world_poke(&w, at(&w, 21) + 8, at(&w, 19));
		else
			world_poke(&w, at(&w, 19), at(&w, 21));
		assert_int_equal(found(&w, &whole) & ~(UINT64_C(1) << 20),
				 bits(3, 50) & ~(UINT64_C(1) << 20));
		assert_true(whole);
		world_fini(&w);
	}
}

/* Of two gaps what lies between them is not known, and that is told. */
static void two_gaps_are_told(void **state)
{
	(void)state;
	struct world w;
	bool whole;
	begin(&w);
	freeze(&w, 3, 50);
	for (uint32_t i = 20; i <= 40; i += 20) {
		world_poke(&w, at(&w, i), 0);
		world_poke(&w, at(&w, i) + 8, 0);
		world_poke(&w, at(&w, i + 1) + 8, at(&w, i - 1));
	}
	assert_int_equal(found(&w, &whole), bits(3, 19) | bits(41, 50));
	assert_false(whole);
	world_fini(&w);
}

/* Wherever a link leads, it ends. */
static void damage_ends(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const uint64_t wild[] = {1,
				 8,
				 UINT64_MAX,
				 UINT64_MAX - 7,
				 w.start + 12,
				 w.start + w.size - 8,
				 at(&w, 30),
				 at(&w, 10),
				 head(&w) + 64};
	world_fini(&w);
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		bool whole;
		begin(&w);
		freeze(&w, 3, 50);
		world_poke(&w, at(&w, 30), wild[i]);
		world_poke(&w, at(&w, 30) + 8, wild[i]);
		assert_int_equal(found(&w, &whole), bits(3, 29) | bits(31, 50));
		assert_false(whole);
		world_fini(&w);
	}
}

/* Links back that are blank deny nothing: the round is left when there can be no more. */
static void a_round_without_the_head_ends(void **state)
{
	(void)state;
	struct world w;
	bool whole;
	begin(&w);
	freeze(&w, 3, 50);
	world_poke(&w, at(&w, 50), at(&w, 3));
	world_poke(&w, at(&w, 3) + 8, 0);
	world_poke(&w, head(&w) + 8, 1);
	assert_int_equal(found(&w, &whole), bits(3, 50));
	assert_false(whole);
	world_fini(&w);
}

/* Where a head's links lead nobody links back: it is none. */
static void nothing_stands_at_the_head(void **state)
{
	(void)state;
	struct world w;
	bool whole;
	begin(&w);
	world_poke(&w, head(&w), at(&w, 3));
	world_poke(&w, head(&w) + 8, at(&w, 50));
	assert_int_equal(found(&w, &whole), 0);
	assert_false(whole);
	world_fini(&w);
}

/* ---- what then is garbage ------------------------------------------------------------------ */

static void refer(struct world *w, uint32_t from, unsigned slot, uint32_t to)
{
	world_put(w, from, slot, world_at(w, to));
}

/*
 *	[0]↺ ─▷ 1↺ ─▷ 2      [ ] is frozen, ↺ refers to itself
 *	3↺ ─▷ [4] ─▷ 5       goes, as 4 and 5 do: they have no more than that reference
 *	3  ─▷ [6]↺           stays
 *	app.KEPT ─▷ [7]      is known
 */
static void what_is_frozen_keeps_what_it_holds(void **state)
{
	(void)state;
	struct world w;
	struct holders h;
	bool whole;
	world_init(&w, N_BLOCKS, 0, 0);
	for (uint32_t i = 0; i < 8; i++)
		world_object(&w, i, i == 2 || i == 5 ? WORLD_STR : WORLD_NODE,
			     i < 2 || i == 6 ? 2 : 1);
	refer(&w, 0, 0, 0);
	refer(&w, 0, 1, 1);
	refer(&w, 1, 0, 1);
	refer(&w, 1, 1, 2);
	refer(&w, 3, 0, 3);
	refer(&w, 3, 1, 4);
	refer(&w, 3, 2, 6);
	refer(&w, 4, 0, 5);
	refer(&w, 6, 0, 6);
	world_poke(&w, world_at(&w, 0), 1);
	world_global(&w, "app.KEPT", world_at(&w, 7), 0);
	join(&w, head(&w), at(&w, 0));
	join(&w, at(&w, 0), at(&w, 4));
	join(&w, at(&w, 4), at(&w, 6));
	join(&w, at(&w, 6), at(&w, 7));
	join(&w, at(&w, 7), head(&w));
	_cleanup_(graph_freep) struct graph *graph = world_walk(&w);
	assert_null(frozen_add(graph->scanner, raddr_at(head(&w)), graph->n_nodes, &graph->frozen,
			       &whole));
	assert_null(graph_report(graph, &h));
	assert_true(whole);
	assert_int_equal(graph->frozen[0], 1 << 0 | 1 << 1 | 1 << 2 | 1 << 6);
	assert_int_equal(graph->garbage[0], 1 << 3 | 1 << 4 | 1 << 5);
	assert_int_equal(h.frozen.count, 4);
	assert_int_equal(h.frozen.bytes, 4 * WORLD_BLOCK);
	assert_string_equal(h.frozen.type, "app.Node");
	assert_int_equal(h.frozen_types.count, 2);
	assert_int_equal(h.garbage.count, 3);
	assert_int_equal(h.leaked.count + h.unreached_count, 0);
	holders_fini(&h);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_a_list),
		cmocka_unit_test(an_empty_list_is_whole),
		cmocka_unit_test(marks_are_no_part_of_links),
		cmocka_unit_test(one_gap_is_bridged),
		cmocka_unit_test(two_gaps_are_told),
		cmocka_unit_test(damage_ends),
		cmocka_unit_test(a_round_without_the_head_ends),
		cmocka_unit_test(nothing_stands_at_the_head),
		cmocka_unit_test(what_is_frozen_keeps_what_it_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
