/*
 * malloc: whatever stands in libc's variables and in a heap, a look ends, and what it says fits in the
 * memory that is there.
 *
 *	chunks: kind and size, u16 each │ writes: where u32, value u64 │ …
 */
#include "../unit/malloc/malloc_world.h"
#include "fuzz_drawing.h"

#define CHUNKS    40
#define MUTATIONS 32

static struct malloc_world *make(struct fuzz *f)
{
	struct malloc_world *w = malloc_world_new();
	for (size_t n = fuzz_number(f, 1) % CHUNKS; n > 0; n--) {
		uint64_t word = fuzz_number(f, 2), size = 32 + (word >> 4) % 160 * 16;
		enum world_chunk kind = word % 4 == 1 && w->before ? WORLD_FREE
					: word % 4 == 2            ? WORLD_FAST
								   : WORLD_USED;
		if (w->at + size + 64 < WORLD_HEAP + WORLD_HEAP_SIZE)
			malloc_world_add(w, kind, size);
	}
	malloc_world_finish(w);
	for (size_t n = 0; n < MUTATIONS && f->size; n++) {
		uint64_t where = fuzz_number(f, 4), value = fuzz_number(f, 8);
		uint64_t at = where % 3 ? WORLD_HEAP + (where >> 2) % WORLD_HEAP_SIZE
					: WORLD_DATA + (where >> 2) % 0x2000;
		malloc_world_put(w, at & ~UINT64_C(7), value);
	}
	return w;
}

static void check(const struct malloc_account *account, struct claims *claims)
{
	uint64_t size = 0;
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		uint64_t parts =
			a->in_use + a->tcache + a->fastbin + a->free + a->top + a->overhead;
		assert(!a->verified || parts == a->system);
		assert(!a->verified || !a->damage);
		assert(a->trimmable.value <= WORLD_HEAP_SIZE + 0x3000);
	}
	(void)claims_sort(claims);
	for (size_t i = 0; i < claims->list.count; i++) {
		uint64_t shares = 0;
		for (size_t k = 0; k < claims->list.items[i].n_shares; k++)
			shares += claims->list.items[i].shares[k].size;
		assert(shares >= claims->list.items[i].size || shares == 0);
		size += claims->list.items[i].size;
	}
	assert(size <= WORLD_HEAP_SIZE + 0x4000 || account->arenas.count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct malloc_world *w = make(&f);
	const struct malloc_look_request request = {.space = &w->space};
	struct malloc_look *look = NULL;
	struct malloc_account account = {.filled = false};
	struct claims claims = CLAIMS_EMPTY;
	struct doubts doubts = {VEC_EMPTY};
	struct error *err = malloc_look_new(&request, &look);
	if (!err)
		err = malloc_look_walk(look);
	if (!err)
		err = malloc_look_finish(look, &account, &claims, &doubts);
	if (!err)
		check(&account, &claims);
	if (!err) {
		const struct look kept = {.malloc = look};
		fuzz_draw(&w->space, &kept, NULL, size % 2 ? 16 * MIB : 128 * KIB);
	}
	error_free(err);
	malloc_look_free(look);
	malloc_account_fini(&account);
	claims_fini(&claims);
	doubts_fini(&doubts);
	malloc_world_free(w);
	return 0;
}
