/*
 * fuzz_world: a small heap that is whole, then words of it overwritten, some before the look and
 * some under it.
 *
 *	model u8, under u8 │ where u8, index u16, how u8, value u64 │ where, index, how, value │ …
 *	                   └─ the first `under` of them are written between two reads
 */
#include "fuzz_world.h"

#define MUTATIONS_MAX 64

/* The writes that wait for the reader to be under way. */
struct late {
	struct fuzz rest;
	unsigned n;
};

static struct late late;

static struct world *make(const struct world_model *model)
{
	struct world *w = world_new(model);
	struct world_heap *h = &w->heaps[0];
	for (uint32_t a = 0; a < 3; a++) {
		world_arena(h, a == 1 && model->pool_size > 4096 ? 4096 : 0);
		for (uint32_t i = 0; i < 8; i++)
			world_pool(h, a, i % 6, i % 7 == 6 ? 0 : 3 + i % 3, i % 3);
		world_pool(h, a, 4, world_capacity(w, 4), 0);
	}
	if (model->roots != WORLD_STATICS)
		world_interpreter(w, true);
	world_finish(w);
	return w;
}

/* ---- mutations ------------------------------------------------------------------------ */

/* A word of something structural: a pool, an arena object, a list's head, the data region. */
static raddr pick(struct world *w, uint64_t where, uint64_t index)
{
	const struct world_heap *h = &w->heaps[0];
	uint64_t word = index % 16 * 8, item = index / 16;
	switch (where % 4) {
	case 0:
		return raddr_plus(world_pool_at(h, (uint32_t)(item % 3), (uint32_t)(item / 3 % 12)),
				  word);
	case 1:
		return raddr_plus(world_object(h, (uint32_t)(item % 5)), word % 56);
	case 2:
		return raddr_plus(h->roots.usedpools, index % h->roots.n_usedpools * 8);
	default:
		return raddr_plus(w->regions[0].start, index % (32 * KIB) & ~UINT64_C(7));
	}
}

/* A whole struct where another should be: single words seldom make a lie that holds together. */
static void transplant(struct world *w, raddr to, raddr from)
{
	uint64_t size = layout_width(&w->layout, LAYOUT_ARENA_OBJECT_SIZE);
	for (uint64_t i = 0; i < size; i += 8)
		world_put(w, raddr_plus(to, i), 8, world_get(w, raddr_plus(from, i), 8));
}

/* A number, an address of something else, or a word from elsewhere, a little off. */
static void mutate(struct world *w, struct fuzz *f)
{
	uint64_t where = fuzz_number(f, 1), index = fuzz_number(f, 2);
	uint64_t how = fuzz_number(f, 1), value = fuzz_number(f, 8);
	raddr at = pick(w, where, index), other = pick(w, value >> 16, value & 0xffff);
	if (how % 4 == 1)
		value = other.value + (value >> 32 & 15);
	else if (how % 4 == 2)
		value = world_get(w, other, 8) + (value >> 32 & 15);
	if (how % 4 == 3)
		transplant(w, pick(w, where, index & ~UINT64_C(15)),
			   pick(w, where, value & ~UINT64_C(15)));
	else
		world_put(w, at, how & 4 ? 4 : 8, value);
}

static void mutate_late(struct world *w)
{
	if (late.n > 0 && late.rest.size > 0) {
		late.n--;
		mutate(w, &late.rest);
	}
}

struct world *fuzz_world(struct fuzz *f)
{
	struct world *w = make(&world_models[fuzz_number(f, 1) % world_n_models]);
	late.n = (unsigned)fuzz_number(f, 1) % 8;
	late.rest = *f;
	w->before_read = mutate_late;
	for (unsigned i = 0; i < late.n; i++) {
		fuzz_number(f, 8);
		fuzz_number(f, 4);
	}
	for (unsigned i = 0; i < MUTATIONS_MAX && f->size > 0; i++)
		mutate(w, f);
	return w;
}
