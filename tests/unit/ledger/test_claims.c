/* claims: order, overlap, shares; and what an arena's pools make of its pages. */
#include "inspector/ledger/claims.h"
#include "inspector/ledger/pymalloc_claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PAGE UINT64_C(4096)

static void add(struct claims *claims, uint64_t start, uint64_t end)
{
	assert_non_null(claims_add(claims, raddr_at(start), end - start));
}

static void expect(const struct claims *claims, size_t i, uint64_t start)
{
	assert_true(i < claims->list.count);
	assert_int_equal(claims->list.items[i].start.value, start);
}

static void the_first_to_claim_stays(void **state)
{
	(void)state;
	struct claims claims = CLAIMS_EMPTY;
	add(&claims, 0x5000, 0x6000);
	add(&claims, 0x4000, 0x6000); /* later, though it begins below */
	add(&claims, 0x1000, 0x2000);
	add(&claims, 0x5000, 0x5800);
	add(&claims, 0x6000, 0x7000); /* a neighbour */
	assert_int_equal(claims_sort(&claims), 2);
	assert_int_equal(claims.list.count, 3);
	expect(&claims, 0, 0x1000);
	expect(&claims, 1, 0x5000);
	assert_int_equal(claims.list.items[1].size, 0x1000);
	expect(&claims, 2, 0x6000);
	claims_fini(&claims);
}

/* C overlaps B alone, and B gives way to A: C stays. */
static void who_gives_way_hides_nobody(void **state)
{
	(void)state;
	struct claims claims = CLAIMS_EMPTY;
	add(&claims, 0x1000, 0x3000);
	add(&claims, 0x2000, 0x5000);
	add(&claims, 0x4000, 0x6000);
	assert_int_equal(claims_sort(&claims), 1);
	expect(&claims, 0, 0x1000);
	expect(&claims, 1, 0x4000);
	claims_fini(&claims);
}

static void hostile_heaps_of_claims_end_disjoint(void **state)
{
	(void)state;
	struct claims claims = CLAIMS_EMPTY;
	for (uint64_t i = 0; i < 3000; i++)
		add(&claims, i * 7919 % 3000 * PAGE, i * 7919 % 3000 * PAGE + 5 * PAGE);
	assert_true(claims_sort(&claims) > 0);
	for (size_t i = 1; i < claims.list.count; i++)
		assert_true(claims.list.items[i - 1].start.value + 5 * PAGE <=
			    claims.list.items[i].start.value);
	assert_true(claims.list.count >= 500);
	claims_fini(&claims);
}

/*
 * One arena of 32 KiB, pools of 8 KiB, blocks of 512, not aligned to pools:
 *
 *	[ lost ][ full ][ 3 of 15 used ][ empty ][ lost ]      pages 0 1 2 3 4 5 6 7
 *	resident: 0 1 2 3 . 5 6 . ; page 5 swapped
 */
static struct pymalloc_arena arena = {
	.address = {0x10001000},
	.first_pool = {0x10002000},
	.n_pools = 3,
	.n_carved = 3,
};

static struct pymalloc_pool pools[] = {
	{.used = 15, .capacity = 15, .state = POOL_FULL},
	{.used = 3, .capacity = 15, .state = POOL_PARTIAL},
	{.state = POOL_EMPTY},
};

static struct pymalloc made(void)
{
	struct pymalloc p = {
		.used = true,
		.pool_size = 8192,
		.arena_size = 8 * PAGE,
		.pool_overhead = 48,
		.n_classes = 1,
		.classes = {{.size = 512}},
	};
	p.arenas.items = &arena;
	p.arenas.count = 1;
	p.pools.items = pools;
	p.pools.count = 3;
	return p;
}

static const struct claim_share *share(const struct claim *claim, enum leaf leaf)
{
	for (size_t i = 0; i < claim->n_shares; i++)
		if (claim->shares[i].leaf == leaf)
			return &claim->shares[i];
	fail_msg("no share of %s", leaf_key(leaf));
	return NULL;
}

static void pools_share_an_arena_to_the_byte(void **state)
{
	(void)state;
	struct pymalloc p = made();
	struct claims claims = CLAIMS_EMPTY;
	struct residency r = RESIDENCY_EMPTY;
	assert_true(residency_add_traits(&r, arena.address, 3 * PAGE, false, RESIDENCY_SHARED));
	assert_true(residency_add(&r, raddr_plus(arena.address, 3 * PAGE), PAGE, false));
	assert_true(residency_add(&r, raddr_plus(arena.address, 5 * PAGE), PAGE, true));
	assert_true(residency_add(&r, raddr_plus(arena.address, 6 * PAGE), PAGE, false));
	assert_null(pymalloc_claim(&p, &r, &claims));
	assert_int_equal(claims.list.count, 1);
	const struct claim *claim = &claims.list.items[0];
	const struct claim_share *live = share(claim, LEAF_PYMALLOC_LIVE);
	const struct claim_share *blocks = share(claim, LEAF_PYMALLOC_FREE_BLOCKS);
	const struct claim_share *empty = share(claim, LEAF_PYMALLOC_FREE_POOLS);
	const struct claim_share *over = share(claim, LEAF_PYMALLOC_OVERHEAD);
	assert_int_equal(claim->n_shares, 4);
	assert_int_equal(live->size, 18 * 512);
	assert_int_equal(live->tally.present, 18 * 512);
	assert_int_equal(blocks->size, 12 * 512);
	/* Of the pool of which one page is there, what is left of it behind header and used blocks. */
	assert_int_equal(blocks->tally.present, PAGE - 48 - 3 * 512);
	assert_int_equal(empty->size, 2 * PAGE);
	assert_int_equal(empty->tally.present, PAGE);
	assert_int_equal(empty->tally.swapped, PAGE);
	struct residency_tally sum = {0};
	for (size_t i = 0; i < claim->n_shares; i++)
		residency_tally_add(&sum, &claim->shares[i].tally);
	assert_int_equal(over->size, 8 * PAGE - 18 * 512 - 12 * 512 - 2 * PAGE);
	assert_int_equal(sum.present, 5 * PAGE);
	assert_int_equal(sum.swapped, PAGE);
	assert_int_equal(sum.shared, 3 * PAGE);
	residency_fini(&r);
	claims_fini(&claims);
}

static void without_residency_there_are_sizes(void **state)
{
	(void)state;
	struct pymalloc p = made();
	struct claims claims = CLAIMS_EMPTY;
	assert_null(pymalloc_claim(&p, NULL, &claims));
	assert_int_equal(share(&claims.list.items[0], LEAF_PYMALLOC_LIVE)->size, 18 * 512);
	assert_int_equal(share(&claims.list.items[0], LEAF_PYMALLOC_LIVE)->tally.present, 0);
	claims_fini(&claims);
}

static void an_arena_inside_a_page_is_anothers(void **state)
{
	(void)state;
	struct pymalloc p = made();
	struct pymalloc_arena inside = arena;
	struct claims claims = CLAIMS_EMPTY;
	inside.address = raddr_plus(inside.address, 16);
	p.arenas.items = &inside;
	assert_null(pymalloc_claim(&p, NULL, &claims));
	assert_int_equal(claims.list.count, 0);
	claims_fini(&claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_to_claim_stays),
		cmocka_unit_test(who_gives_way_hides_nobody),
		cmocka_unit_test(hostile_heaps_of_claims_end_disjoint),
		cmocka_unit_test(pools_share_an_arena_to_the_byte),
		cmocka_unit_test(without_residency_there_are_sizes),
		cmocka_unit_test(an_arena_inside_a_page_is_anothers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
