/*
 * heap: whatever stands in a heap's memory, a look ends, and what it says fits in the memory that
 * is there.
 */
#include "fuzz_world.h"

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

static void look_at_pool(struct world *w, const struct pymalloc *p, raddr at)
{
	struct pymalloc_blocks b;
	struct error *err = pymalloc_blocks_read(&w->space, &w->layout, p, at, &b);
	if (!err) {
		assert(b.n_used + b.n_free + b.n_virgin == b.n_blocks);
		assert(b.n_blocks * b.block_size <= p->pool_size);
		pymalloc_blocks_fini(&b);
	}
	error_free(err);
}

static void look_at_blocks(struct world *w, const struct pymalloc *p)
{
	for (size_t i = 0; i < size_min(p->arenas.count, 4); i++)
		for (uint32_t k = 0; k < size_min(p->arenas.items[i].n_carved, 12); k++)
			look_at_pool(w, p, pymalloc_pool_address(p, &p->arenas.items[i], k));
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
		uint64_t n_unknown = 0;
		error_free(runtime_free_lists(&w->space, &w->layout, WORLD_BIAS, version,
					      interpreter, to, &n_unknown));
		assert(to->free_lists.count < 128 && n_unknown <= to->free_lists.count);
		if (!interpreter->shares_main)
			look_at_heap(w, &interpreter->roots);
	}
	snapshot_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct world *w = fuzz_world(&f);
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
