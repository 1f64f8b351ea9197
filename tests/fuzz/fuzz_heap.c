/*
 * heap: a small heap that is whole, then words of it overwritten, some before the look and some
 * under it. Whatever stands there, a look ends, and what it says fits in the memory that is there.
 *
 *	model u8, under u8 │ where u8, index u16, how u8, value u64 │ where, index, how, value │ …
 *	                   └─ the first `under` of them are written between two reads
 */
#include "fuzz.h"
#include "tests/unit/heap/world.h"

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

/* ---- what must hold ------------------------------------------------------------------- */

static void check_arena(const struct pymalloc *p, const struct pymalloc_arena *a)
{
	assert(a->n_pools <= p->arena_size / p->pool_size && a->n_carved <= a->n_pools);
	assert(a->n_free <= a->n_pools && a->used_bytes <= p->arena_size);
	assert(a->used_blocks <= a->used_bytes / p->alignment);
	assert((uint64_t)a->pools_at + a->n_pools <= p->pools.count);
	assert(raddr_distance(a->address, a->first_pool) < p->pool_size);
	uint64_t used = 0;
	for (uint32_t i = 0; i < a->n_pools; i++) {
		const struct pymalloc_pool *pool = &p->pools.items[a->pools_at + i];
		assert(pool->used <= pool->capacity && pool->class < p->n_classes);
		used += pool->used;
	}
	assert(used == a->used_blocks);
}

static void check_heap(const struct pymalloc *p, const struct world *w, const struct doubts *doubts)
{
	if (!p->used)
		return;
	uint64_t used = 0, bytes = 0;
	raddr above = RADDR_NULL;
	for (size_t i = 0; i < p->arenas.count; i++) {
		const struct pymalloc_arena *a = &p->arenas.items[i];
		check_arena(p, a);
		assert(raddr_compare(a->address, above) >= 0);
		above = raddr_plus(a->address, p->arena_size);
		used += a->used_blocks;
		bytes += a->used_bytes;
	}
	assert(used == p->used_blocks && bytes == p->allocated_bytes);
	assert(p->allocated_bytes <= w->space.mapped_size);
	assert(p->total_bytes == p->arenas.count * p->arena_size ||
	       doubts_worst(doubts) != DOUBT_NOTE);
	for (uint64_t i = 0; i < p->n_classes; i++)
		used -= p->classes[i].used_blocks;
	assert(used == 0);
}

/* ---- the looks ------------------------------------------------------------------------ */

static void look_at_blocks(struct world *w, const struct pymalloc *p)
{
	for (size_t i = 0; i < size_min(p->arenas.count, 4); i++)
		for (uint32_t k = 0; k < size_min(p->arenas.items[i].n_carved, 12); k++) {
			struct pymalloc_blocks b;
			raddr at = pymalloc_pool_address(p, &p->arenas.items[i], k);
			struct error *err = pymalloc_blocks_read(&w->space, &w->layout, p, at, &b);
			if (!err) {
				assert(b.n_used + b.n_free + b.n_virgin == b.n_blocks);
				assert(b.n_blocks * b.block_size <= p->pool_size);
				pymalloc_blocks_fini(&b);
			}
			error_free(err);
		}
}

static struct error *copy(struct world *w, const struct pymalloc_roots *roots,
			  struct pymalloc_copy *to)
{
	struct error *err = pymalloc_copy_take(to, &w->space, &w->layout, roots, 256 * MIB, false);
	if (!err)
		err = pymalloc_copy_settle(to, &w->space, false);
	if (!err)
		err = pymalloc_copy_prepare(to, 256 * MIB);
	if (!err)
		err = pymalloc_copy_settle(to, &w->space, true);
	if (!err)
		err = pymalloc_copy_refresh(to, &w->space, &w->layout, roots, 256 * MIB, 3);
	return err;
}

static void look_at_heap(struct world *w, const struct pymalloc_roots *roots)
{
	struct doubts doubts = {VEC_EMPTY};
	struct pymalloc p = {0};
	struct pymalloc_copy *to = pymalloc_copy_new();
	struct error *err = copy(w, roots, to);
	if (!err)
		err = pymalloc_walk(to, &w->layout, roots, &p, &doubts);
	if (!err) {
		check_heap(&p, w, &doubts);
		look_at_blocks(w, &p);
	}
	pymalloc_fini(&p);
	pymalloc_copy_free(to);
	doubts_fini(&doubts);
	error_free(err);
}

static void look_at_runtime(struct world *w, const struct runtime *runtime, struct doubts *doubts)
{
	struct snapshot *s = snapshot_new();
	struct runtime_counters counters;
	uint32_t version = w->model->version;
	error_free(
		runtime_allocator(&w->space, &w->layout, WORLD_BIAS, version, &s->target, doubts));
	error_free(runtime_counters_read(&w->space, &w->layout, WORLD_BIAS, version, &counters,
					 doubts));
	assert(runtime->interpreters.count <= w->space.mapped_size / 8);
	for (size_t i = 0; i < size_min(runtime->interpreters.count, 4); i++) {
		const struct runtime_interpreter *interpreter = &runtime->interpreters.items[i];
		struct snapshot_interpreter *to = vec_push(&s->interpreters);
		*to = (struct snapshot_interpreter){.id = interpreter->id};
		error_free(runtime_free_lists(&w->space, &w->layout, WORLD_BIAS, version,
					      interpreter, to, doubts));
		assert(to->free_lists.count < 128);
		if (!interpreter->shares_main)
			look_at_heap(w, &interpreter->roots);
	}
	snapshot_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct world *w = make(&world_models[fuzz_number(&f, 1) % world_n_models]);
	late = (struct late){f, (unsigned)fuzz_number(&f, 1) % 8};
	late.rest = f;
	w->before_read = mutate_late;
	for (unsigned i = 0; i < late.n; i++)
		fuzz_number(&f, 8), fuzz_number(&f, 4);
	for (unsigned i = 0; i < MUTATIONS_MAX && f.size > 0; i++)
		mutate(w, &f);
	struct doubts doubts = {VEC_EMPTY};
	struct runtime runtime = RUNTIME_EMPTY;
	struct error *err = runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version,
					 &runtime, &doubts);
	if (!err)
		look_at_runtime(w, &runtime, &doubts);
	error_free(err);
	runtime_fini(&runtime);
	doubts_fini(&doubts);
	world_free(w);
	return 0;
}
