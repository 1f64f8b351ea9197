/* malloc_look on a written world: whole, and damaged in each way that a program's bug leaves. */
#include "base/cleanup.h"
#include "malloc_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N_FAST ((size_t)1000)

struct looked {
	struct malloc_account account;
	struct claims claims;
	struct doubts doubts;
};

static void looked_fini(struct looked *l)
{
	malloc_account_fini(&l->account);
	claims_fini(&l->claims);
	doubts_fini(&l->doubts);
}

static struct looked look(struct malloc_world *w)
{
	_cleanup_(malloc_look_freep) struct malloc_look *look = NULL;
	const struct malloc_look_request request = {.space = &w->space};
	struct looked l = {.account = {.filled = false}};
	assert_null(malloc_look_new(&request, &look));
	assert_null(malloc_look_walk(look));
	assert_null(malloc_look_finish(look, &l.account, &l.claims, &l.doubts));
	return l;
}

static const struct malloc_arena *main_of(const struct looked *l)
{
	assert_int_equal(l->account.arenas.count, 1);
	return &l->account.arenas.items[0];
}

static uint64_t places[6];

static struct malloc_world *make(void)
{
	struct malloc_world *w = malloc_world_new();
	places[0] = malloc_world_add(w, WORLD_USED, 0x290);
	places[1] = malloc_world_add(w, WORLD_FREE, 0x3000);
	places[2] = malloc_world_add(w, WORLD_USED, 0x40);
	places[3] = malloc_world_add(w, WORLD_FAST, 0x20);
	places[4] = malloc_world_add(w, WORLD_FREE, 0x2000);
	places[5] = malloc_world_add(w, WORLD_USED, 0x500);
	malloc_world_finish(w);
	return w;
}

static uint64_t claimed(const struct looked *l)
{
	uint64_t size = 0;
	for (size_t i = 0; i < l->claims.list.count; i++)
		for (size_t k = 0; k < l->claims.list.items[i].n_shares; k++)
			size += l->claims.list.items[i].shares[k].size;
	return size;
}

static void a_whole_heap_is_told_to_the_byte(void **state)
{
	(void)state;
	struct malloc_world *w = make();
	_cleanup_(looked_fini) struct looked l = look(w);
	const struct malloc_arena *a = main_of(&l);
	assert_int_equal(l.account.implementation, MALLOC_GLIBC);
	assert_string_equal(l.account.version, "2.36");
	assert_true(a->verified);
	assert_null(a->damage);
	assert_int_equal(a->in_use, 0x290 + 0x40 + 0x500);
	assert_int_equal(a->free, 0x5000);
	assert_int_equal(a->fastbin, 0x20);
	assert_int_equal(a->top, WORLD_HEAP_SIZE - 0x57f0);
	assert_true(raddr_equal(a->pin.chunk, raddr_at(places[5])));
	assert_int_equal(a->pin.below, 0x2020); /* the fast chunk would be merged */
	/* 0x290: pages 0x1000 to 0x3000; 0x32d0: 0x4000, 0x5000 is not whole; the top's. */
	assert_int_equal(a->trimmable.value,
			 0x2000 + 0x1000 + ((WORLD_HEAP_SIZE - 0x57f0 - 33) & ~0xfff));
	assert_int_equal(l.account.info.fordblks, a->top + 0x5020);
	assert_int_equal(l.account.info.ordblks, 3);
	assert_int_equal(claimed(&l), WORLD_HEAP_SIZE);
	assert_int_equal(l.account.settings.mmap_threshold, 131072);
	malloc_world_free(w);
}

/* Its links, 48 bytes from the chunk's begin, stay: so does the page that they reach into. */
static void a_page_with_links_is_not_given_back(void **state)
{
	(void)state;
	struct malloc_world *w = malloc_world_new();
	malloc_world_add(w, WORLD_USED, 0xfe0);
	malloc_world_add(w, WORLD_FREE, 0x2000);
	malloc_world_add(w, WORLD_USED, WORLD_HEAP_SIZE - 0x2fe0 - 0x1000);
	malloc_world_finish(w);
	_cleanup_(looked_fini) struct looked l = look(w);
	assert_true(main_of(&l)->verified);
	assert_int_equal(main_of(&l)->trimmable.value, 0);
	assert_int_equal(main_of(&l)->stuck.value, 0x2000);
	malloc_world_free(w);
}

/*
 * Lists too long to be followed one by one are guessed; and a block whose first word was never written still
 * has the link that stood there: it is in use all the same.
 */
static void an_old_link_makes_no_fast_chunk(void **state)
{
	(void)state;
	struct malloc_world *w = malloc_world_new();
	uint64_t first = 0, used = 0;
	for (size_t i = 0; i < N_FAST; i++) {
		uint64_t at = malloc_world_add(w, WORLD_FAST, 0x20);
		first = first ?: at;
		used = malloc_world_add(w, WORLD_USED, 0x30);
	}
	malloc_world_finish(w);
	for (int old = 0; old < 2; old++) {
		_cleanup_(looked_fini) struct looked l = look(w);
		assert_true(main_of(&l)->verified);
		assert_int_equal(main_of(&l)->fastbin, N_FAST * 0x20);
		assert_int_equal(main_of(&l)->in_use, N_FAST * 0x30);
		assert_true(raddr_equal(main_of(&l)->pin.chunk, raddr_at(used)));
		malloc_world_put(w, used + 16, (used + 16) >> 12 ^ first);
	}
	malloc_world_put(w, first + 16, (first + 16) >> 12 ^ first); /* in a circle */
	_cleanup_(looked_fini) struct looked l = look(w);
	assert_false(main_of(&l)->verified);
	malloc_world_free(w);
}

/* One word is wrong: what was walked is kept, the rest told to be lost, and all bytes stay claimed. */
static void damaged(uint64_t at, uint64_t value, const char *told)
{
	struct malloc_world *w = make();
	malloc_world_put(w, at, value);
	_cleanup_(looked_fini) struct looked l = look(w);
	const struct malloc_arena *a = main_of(&l);
	assert_false(a->verified);
	if (told) {
		assert_non_null(a->damage);
		assert_non_null(strstr(a->damage, told));
	}
	assert_int_equal(l.doubts.list.count, 1);
	assert_int_equal(l.doubts.list.items[0].kind, DOUBT_MALLOC_ARENA);
	assert_true(claimed(&l) <= WORLD_HEAP_SIZE);
	malloc_world_free(w);
}

static void damage_is_told_with_its_place(void **state)
{
	(void)state;
	damaged(places[2] + 8, 0, "no chunk has this size");
	damaged(places[2] + 8, 0x48 | 1, "no chunk has this size");
	damaged(places[5] + 8, 0x7000000000 | 1, "reaches over the end");
	damaged(places[2] + 8, 0x40 | 3, "of another kind");
	damaged(places[2], 0x3010, "the size before it");
	damaged(places[1] + 16, places[1], NULL); /* a ring of its own */
	damaged(places[4] + 24, places[0], NULL); /* back leads elsewhere */
	damaged(places[3] + 16, (places[3] + 16) >> 12 ^ places[3],
		NULL); /* a fast list in a circle */
}

/* Behind a broken chunk the next that a bin knows goes on. */
static void it_goes_on_behind_damage(void **state)
{
	(void)state;
	struct malloc_world *w = make();
	malloc_world_put(w, places[2] + 8, 0);
	_cleanup_(looked_fini) struct looked l = look(w);
	const struct malloc_arena *a = main_of(&l);
	assert_int_equal(a->top, WORLD_HEAP_SIZE - 0x57f0);
	assert_true(raddr_equal(a->pin.chunk, raddr_at(places[5])));
	malloc_world_free(w);
}

static void a_ring_that_does_not_close_is_none(void **state)
{
	(void)state;
	struct malloc_world *w = make();
	malloc_world_put(w, WORLD_ARENA + 2160, WORLD_ARENA + 16); /* its ring does not close */
	_cleanup_(looked_fini) struct looked l = look(w);
	assert_int_equal(l.account.implementation, MALLOC_UNKNOWN);
	assert_int_equal(l.account.arenas.count, 0);
	malloc_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_heap_is_told_to_the_byte),
		cmocka_unit_test(a_page_with_links_is_not_given_back),
		cmocka_unit_test(an_old_link_makes_no_fast_chunk),
		cmocka_unit_test(damage_is_told_with_its_place),
		cmocka_unit_test(it_goes_on_behind_damage),
		cmocka_unit_test(a_ring_that_does_not_close_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
