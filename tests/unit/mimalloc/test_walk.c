/* mimalloc walked: written worlds of every shape, and damaged ones. */
#include "segment_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct looked {
	struct segment_world world;
	struct mimalloc_copy *copy;
	struct mimalloc m;
	struct doubts doubts;
};

static void begin(struct looked *l, const struct segment_kind *kind, bool residency)
{
	*l = (struct looked){0};
	segment_world_init(&l->world, kind, residency);
	segment_world_add(&l->world);
	segment_world_add(&l->world);
	segment_world_page(&l->world, 0, &segment_pages[SEGMENT_SMALL]);
	segment_world_page(&l->world, 0, &segment_pages[SEGMENT_MEDIUM]);
	segment_world_page(&l->world, 1, &segment_pages[SEGMENT_LEFT_BEHIND]);
	segment_world_finish(&l->world);
	l->copy = mimalloc_copy_new();
	assert_non_null(l->copy);
}

static void look(struct looked *l, bool frozen)
{
	const struct mimalloc_request request = segment_world_request(&l->world);
	mimalloc_fini(&l->m);
	doubts_clear(&l->doubts);
	assert_null(mimalloc_copy_take(l->copy, &l->world.space, &request, frozen));
	assert_null(mimalloc_walk(l->copy, 0, &l->m, &l->doubts));
}

static void end(struct looked *l)
{
	mimalloc_fini(&l->m);
	doubts_fini(&l->doubts);
	mimalloc_copy_free(l->copy);
	segment_world_fini(&l->world);
}

static bool doubts_have(const struct doubts *doubts, enum doubt_kind kind)
{
	for (size_t i = 0; i < doubts->list.count; i++)
		if (doubts->list.items[i].kind == kind)
			return true;
	return false;
}

static void every_shape_is_walked(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEGMENT_KINDS; i++) {
		struct looked l;
		begin(&l, &segment_kinds[i], false);
		look(&l, false);
		assert_int_equal(l.doubts.list.count, 0);
		assert_int_equal(mimalloc_copy_unsettled(l.copy), 0);
		assert_int_equal(l.m.segments.count, 2);
		assert_int_equal(l.m.pages.count, 3);
		assert_int_equal(l.m.used_blocks, 666 + 4 + 64);
		assert_int_equal(l.m.used_bytes, 666 * 48 + 4 * 32768 + 64 * 1024);
		assert_int_equal(l.m.free_bytes, 334 * 48 + 5 * 32768);
		assert_int_equal(l.m.heaps.count, 2);
		assert_int_equal(l.m.heaps.items[0].kind, MIMALLOC_GC);
		assert_int_equal(l.m.heaps.items[0].n_pages, 2);
		assert_int_equal(l.m.heaps.items[1].kind, MIMALLOC_ABANDONED);
		assert_int_equal(l.m.heaps.items[1].used_blocks, 64);
		end(&l);
	}
}

static void what_changed_is_read_again(void **state)
{
	(void)state;
	struct looked l;
	begin(&l, &segment_kinds[0], false);
	look(&l, false);
	assert_null(mimalloc_copy_prepare(l.copy, 0));
	struct segment_page now = segment_pages[SEGMENT_SMALL];
	now.used = 800;
	now.delayed = 0;
	l.world.n_pages--;
	memset(l.world.heap, 0, sizeof(l.world.heap));
	segment_world_page(&l.world, 0, &now);
	segment_world_finish(&l.world);
	look(&l, true);
	assert_true(mimalloc_copy_complete(l.copy));
	assert_int_equal(l.doubts.list.count, 0);
	assert_int_equal(l.m.pages.items[0].used, 770);
	end(&l);
}

static void a_page_in_the_midst_of_a_change_is_told(void **state)
{
	(void)state;
	struct looked l;
	begin(&l, &segment_kinds[0], false);
	segment_world_put_page(&l.world, 0, 1, MIMALLOC_PAGE_USED, 701);
	look(&l, false);
	assert_int_equal(mimalloc_copy_unsettled(l.copy), 1);
	assert_true(doubts_have(&l.doubts, DOUBT_PAGE_UNSETTLED));
	assert_false(l.m.pages.items[0].agrees);
	assert_true(l.m.pages.items[1].agrees);
	end(&l);
}

/* A list that comes round, leaves the page, or hits the middle of a block, ends there. */
static void a_damaged_list_ends(void **state)
{
	(void)state;
	raddr block = raddr_plus(segment_world_start(0), MIMALLOC_SLICE + 3 * 48 + 998 * 48);
	const uint64_t bad[] = {block.value, block.value + 8, block.value + 48 * 900, 8,
				UINT64_MAX - 7};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct looked l;
		begin(&l, &segment_kinds[0], false);
		segment_world_word(&l.world, block, bad[i]);
		look(&l, false);
		assert_true(doubts_have(&l.doubts, DOUBT_PAGE_UNSETTLED));
		assert_int_equal(mimalloc_copy_unsettled(l.copy), 1);
		end(&l);
	}
}

static void a_table_that_does_not_fit_is_told(void **state)
{
	(void)state;
	static const uint64_t counts[] = {0, 2, 400, 513, UINT32_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct looked l;
		begin(&l, &segment_kinds[0], false);
		segment_world_put_page(&l.world, 0, 10, MIMALLOC_PAGE_SLICE_COUNT, counts[i]);
		look(&l, false);
		assert_true(doubts_have(&l.doubts, DOUBT_SEGMENT_UNSETTLED));
		end(&l);
	}
}

static void a_heap_counts_its_pages(void **state)
{
	(void)state;
	struct looked l;
	begin(&l, &segment_kinds[0], false);
	l.world.n_pages++;
	segment_world_finish(&l.world);
	look(&l, false);
	assert_int_equal(mimalloc_copy_unsettled(l.copy), 1);
	assert_true(doubts_have(&l.doubts, DOUBT_COUNTERS));
	end(&l);
}

/* Another copy of mimalloc in the process has a cookie of its own. */
static void a_stranger_is_not_counted(void **state)
{
	(void)state;
	struct looked l;
	begin(&l, &segment_kinds[0], false);
	segment_world_put(&l.world, 1, MIMALLOC_SEGMENT_COOKIE, 0x4242);
	look(&l, false);
	assert_int_equal(l.m.segments.count, 1);
	assert_int_equal(l.m.used_blocks, 670);
	assert_true(doubts_have(&l.doubts, DOUBT_SEGMENT_FOREIGN));
	end(&l);
}

static void claims_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEGMENT_KINDS; i++) {
		struct looked l;
		struct claims claims = CLAIMS_EMPTY;
		begin(&l, &segment_kinds[i], true);
		segment_world_add(&l.world); /* given back: no page in use */
		segment_world_finish(&l.world);
		look(&l, false);
		assert_null(mimalloc_claims(l.copy, &claims));
		assert_int_equal(l.m.segments.count, 2);
		assert_int_equal(claims.list.count, 3);
		for (size_t c = 0; c < claims.list.count; c++) {
			const struct claim *claim = &claims.list.items[c];
			struct residency whole = RESIDENCY_EMPTY;
			struct residency_tally sum = {0}, all = {0};
			uint64_t size = 0;
			size_t near = 0;
			for (size_t s = 0; s < claim->n_shares; s++) {
				size += claim->shares[s].size;
				residency_tally_add(&sum, &claim->shares[s].tally);
			}
			assert_null(
				space_residency(&l.world.space, claim->start, claim->size, &whole));
			residency_tally(&whole, claim->start, claim->size, &near, &all);
			assert_int_equal(size, claim->size);
			assert_int_equal(sum.present, all.present);
			assert_true(all.present > 0 && all.present < claim->size);
			residency_fini(&whole);
		}
		assert_int_equal(claims.list.items[0].shares[0].size, 666 * 48 + 4 * 32768);
		assert_int_equal(claims.list.items[2].shares[1].size, claims.list.items[2].size);
		claims_fini(&claims);
		end(&l);
	}
}

#define A_TEXT UINT64_C(0x7465726365532041)

struct told {
	size_t links, texts;
};

static void hear_words(void *context, raddr at, const void *bytes, size_t size)
{
	struct told *told = context;
	uint64_t word;
	(void)at;
	told->links += size == sizeof(word);
	for (size_t i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, (const char *)bytes + i, sizeof(word));
		told->texts += word == A_TEXT;
	}
}

/* Blocks that left a list meanwhile: of a page's free ones, of those that others freed, of a heap's. */
static void what_a_program_keeps_is_not_told(void **state)
{
	static const uint32_t taken[] = {900, 681, 698};
	(void)state;
	for (size_t i = 0; i < SEGMENT_KINDS; i++) {
		struct looked l;
		struct told told = {0};
		const struct space_tap tap = {hear_words, &told};
		begin(&l, &segment_kinds[i], false);
		for (size_t k = 0; k < ARRAY_SIZE(taken); k++)
			segment_world_word(&l.world,
					   raddr_plus(segment_world_start(0),
						      MIMALLOC_SLICE + (3 + taken[k]) * 48),
					   A_TEXT);
		l.world.space.tap = &tap;
		look(&l, false);
		assert_true(told.links > 0);
		assert_int_equal(told.texts, 0);
		end(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape_is_walked),
		cmocka_unit_test(what_changed_is_read_again),
		cmocka_unit_test(a_page_in_the_midst_of_a_change_is_told),
		cmocka_unit_test(a_damaged_list_ends),
		cmocka_unit_test(a_table_that_does_not_fit_is_told),
		cmocka_unit_test(a_heap_counts_its_pages),
		cmocka_unit_test(a_stranger_is_not_counted),
		cmocka_unit_test(claims_add_up),
		cmocka_unit_test(what_a_program_keeps_is_not_told),
	};
	return cmocka_run_group_tests_name("mimalloc/walk", tests, NULL, NULL);
}
