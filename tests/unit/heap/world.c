/*
 * world: memory that ends at a guard page, and what an allocator writes into it,
 * all of it through the layout table (world_shape.c).
 */
#include "world.h"

#include "base/bytes.h"

#include <assert.h>
#include <sys/mman.h>

#define DATA_AT   UINT64_C(0x555500100000)
#define DATA_SIZE (1 * MIB)
#define ARENAS_AT UINT64_C(0x7f1200000000)

/* ---- memory -------------------------------------------------------------------------- */

raddr world_map(struct world *w, raddr start, uint64_t size)
{
	assert(w->n_regions < WORLD_REGIONS_MAX);
	struct world_region *r = &w->regions[w->n_regions++];
	size_t pages = (size_t)size_align_up(size, 4096);
	r->mapping_size = pages + 4096;
	r->mapping = mmap(NULL, r->mapping_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(r->mapping != MAP_FAILED);
	assert(mprotect(r->mapping + pages, 4096, PROT_NONE) == 0);
	r->start = start;
	r->size = size;
	r->host = r->mapping + pages - size;
	struct region *region = vec_push(&w->space.regions);
	assert(region);
	*region = (struct region){.start = start, .size = size, .readable = true, .writable = true};
	for (size_t i = w->space.regions.count - 1; i > 0; i--) {
		struct region *a = &w->space.regions.items[i - 1], *b = a + 1, swap = *a;
		if (raddr_compare(a->start, b->start) <= 0)
			break;
		*a = *b;
		*b = swap;
	}
	w->space.mapped_size += size;
	return start;
}

static uint8_t *host_of(struct world *w, raddr at, uint64_t size)
{
	for (size_t i = 0; i < w->n_regions; i++) {
		struct world_region *r = &w->regions[i];
		if (raddr_in(at, r->start, r->size) &&
		    size <= r->size - raddr_distance(r->start, at))
			return r->host + raddr_distance(r->start, at);
	}
	return NULL;
}

void world_put(struct world *w, raddr at, unsigned width, uint64_t value)
{
	uint8_t *host = host_of(w, at, width);
	assert(host);
	memcpy(host, &value, width);
}

uint64_t world_get(struct world *w, raddr at, unsigned width)
{
	uint64_t value = 0;
	const uint8_t *host = host_of(w, at, width);
	assert(host);
	memcpy(&value, host, width);
	return value;
}

raddr world_place(struct world *w, uint64_t size)
{
	raddr at = w->data;
	w->data = raddr_plus(w->data, size_align_up(size, 16));
	assert(raddr_in(w->data, raddr_at(DATA_AT), DATA_SIZE));
	return at;
}

static struct error *source_read(void *source, raddr at, void *buffer, size_t size)
{
	struct world *w = source;
	w->n_reads++;
	if (w->before_read)
		w->before_read(w);
	const uint8_t *host = host_of(w, at, size);
	if (!host)
		return error_new(ERROR_FAULT, "nothing at " RADDR_FORMAT, at.value);
	memcpy(buffer, host, size);
	return NULL;
}

/* Everything is resident but one page that may be swapped out, or may not have been touched. */
static struct error *source_residency(void *source, raddr start, uint64_t size,
				      struct residency *ret)
{
	struct world *w = source;
	raddr page = w->absent;
	if (raddr_is_null(page) || !raddr_in(page, start, size))
		return residency_add(ret, start, size, false) ? NULL : error_out_of_memory();
	uint64_t before = raddr_distance(start, page);
	if (!residency_add(ret, start, before, false) ||
	    (!w->never_there && !residency_add(ret, page, 4096, true)) ||
	    !residency_add(ret, raddr_plus(page, 4096), size - before - 4096, false))
		return error_out_of_memory();
	return NULL;
}

static const struct space_ops ops = {.read = source_read, .residency = source_residency};

struct world *world_new(const struct world_model *model)
{
	struct world *w = calloc(1, sizeof(*w));
	assert(w);
	w->model = model;
	w->space.ops = &ops;
	w->space.source = w;
	w->next_arena = raddr_at(ARENAS_AT);
	w->data = world_map(w, raddr_at(DATA_AT), DATA_SIZE);
	world_shape(w);
	return w;
}

void world_free(struct world *w)
{
	for (size_t i = 0; i < w->n_regions; i++)
		munmap(w->regions[i].mapping, w->regions[i].mapping_size);
	space_fini(&w->space);
	free(w);
}

/* ---- arenas and pools ----------------------------------------------------------------- */

raddr world_object(const struct world_heap *h, uint32_t arena)
{
	return raddr_plus(h->table,
			  arena * layout_width(&h->world->layout, LAYOUT_ARENA_OBJECT_SIZE));
}

static void make_table(struct world_heap *h)
{
	h->maxarenas = WORLD_ARENAS_MAX;
	h->table = world_place(h->world, WORLD_ARENAS_MAX * layout_width(&h->world->layout,
									 LAYOUT_ARENA_OBJECT_SIZE));
	world_put(h->world, h->roots.arenas, 8, h->table.value);
	world_put(h->world, h->roots.maxarenas, 4, h->maxarenas);
}

static void put_object(struct world_heap *h, uint32_t index)
{
	struct world *w = h->world;
	raddr object = world_object(h, index);
	const struct world_arena *a = &h->arenas[index];
	raddr next = raddr_plus(raddr_align_up(a->address, w->model->pool_size),
				a->n_carved * w->model->pool_size);
	world_put(w, world_field(w, object, LAYOUT_ARENA_ADDRESS), 8, a->address.value);
	world_put(w, world_field(w, object, LAYOUT_ARENA_POOL_ADDRESS), 8, next.value);
	world_put(w, world_field(w, object, LAYOUT_ARENA_NTOTALPOOLS), 4, a->n_total);
	world_put(w, world_field(w, object, LAYOUT_ARENA_NFREEPOOLS), 4,
		  world_free_pools(h, index));
}

uint32_t world_arena(struct world_heap *h, uint64_t skew)
{
	struct world *w = h->world;
	if (raddr_is_null(h->table))
		make_table(h);
	assert(h->n_arenas < WORLD_ARENAS_MAX);
	uint32_t index = h->n_arenas++;
	struct world_arena *a = &h->arenas[index];
	a->address = raddr_plus(w->next_arena, skew);
	w->next_arena = raddr_plus(w->next_arena, 2 * w->model->arena_size);
	a->n_total = (uint32_t)(w->model->arena_size / w->model->pool_size) - (skew ? 1 : 0);
	world_map(w, a->address, w->model->arena_size);
	put_object(h, index);
	return index;
}

uint32_t world_free_pools(const struct world_heap *h, uint32_t arena)
{
	const struct world_arena *a = &h->arenas[arena];
	return a->n_total - a->n_carved + a->n_pools_free;
}

raddr world_pool_at(const struct world_heap *h, uint32_t arena, uint32_t pool)
{
	uint64_t size = h->world->model->pool_size;
	return raddr_plus(raddr_align_up(h->arenas[arena].address, size), pool * size);
}

static uint64_t overhead(const struct world *w)
{
	return size_align_up(layout_width(&w->layout, LAYOUT_POOL_HEADER_SIZE),
			     w->model->alignment);
}

uint32_t world_capacity(const struct world *w, uint32_t class)
{
	return (uint32_t)((w->model->pool_size - overhead(w)) /
			  ((class + 1) * w->model->alignment));
}

/* Block i of a pool. */
static raddr block_at(const struct world *w, raddr pool, uint32_t class, uint32_t i)
{
	return raddr_plus(pool, overhead(w) + i * (class + 1) * w->model->alignment);
}

raddr world_pool(struct world_heap *h, uint32_t arena, uint32_t class, uint32_t used,
		 uint32_t freed)
{
	struct world *w = h->world;
	struct world_arena *a = &h->arenas[arena];
	assert(a->n_carved < a->n_total && a->n_carved < WORLD_POOLS_MAX &&
	       used + freed <= world_capacity(w, class));
	raddr pool = world_pool_at(h, arena, a->n_carved);
	uint64_t block = (class + 1) * w->model->alignment;
	a->pools[a->n_carved++] = (struct world_pool){class, used, freed, used + freed, used == 0};
	a->n_pools_free += used == 0;
	world_put(w, world_field(w, pool, LAYOUT_POOL_REF_COUNT), 4, used);
	world_put(w, world_field(w, pool, LAYOUT_POOL_ARENAINDEX), 4, arena);
	world_put(w, world_field(w, pool, LAYOUT_POOL_SZIDX), 4, class);
	world_put(w, world_field(w, pool, LAYOUT_POOL_NEXTOFFSET), 4,
		  overhead(w) + (used + freed) * block);
	world_put(w, world_field(w, pool, LAYOUT_POOL_MAXNEXTOFFSET), 4,
		  w->model->pool_size - block);
	uint64_t chain = 0;
	for (uint32_t i = 0; i < freed; i++) {
		raddr at = block_at(w, pool, class, i * (used + freed) / freed); /* spread */
		world_put(w, at, 8, chain);
		chain = at.value;
	}
	world_put(w, world_field(w, pool, LAYOUT_POOL_FREEBLOCK), 8, chain);
	put_object(h, arena);
	return pool;
}

/* ---- lists and counters ---------------------------------------------------------------- */

static void link_used(struct world_heap *h, raddr pool, uint32_t class)
{
	struct world *w = h->world;
	raddr pair = raddr_plus(h->roots.usedpools, class * UINT64_C(16));
	raddr head = raddr_minus(pair, layout_offset(&w->layout, LAYOUT_POOL_NEXTPOOL));
	raddr last = raddr_at(world_get(w, raddr_plus(pair, 8), 8));
	world_put(w, world_field(w, pool, LAYOUT_POOL_NEXTPOOL), 8, head.value);
	world_put(w, world_field(w, pool, LAYOUT_POOL_PREVPOOL), 8, last.value);
	world_put(w, world_field(w, last, LAYOUT_POOL_NEXTPOOL), 8, pool.value);
	world_put(w, world_field(w, head, LAYOUT_POOL_PREVPOOL), 8, pool.value);
}

static void link_pools(struct world_heap *h, uint32_t arena)
{
	struct world *w = h->world;
	const struct world_arena *a = &h->arenas[arena];
	uint64_t freepools = 0;
	for (uint32_t i = 0; i < a->n_carved; i++) {
		const struct world_pool *p = &a->pools[i];
		raddr pool = world_pool_at(h, arena, i);
		if (p->empty) {
			world_put(w, world_field(w, pool, LAYOUT_POOL_NEXTPOOL), 8, freepools);
			freepools = pool.value;
		} else if (p->used < world_capacity(w, p->class)) {
			link_used(h, pool, p->class);
		}
	}
	world_put(w, world_field(w, world_object(h, arena), LAYOUT_ARENA_FREEPOOLS), 8, freepools);
}

static void link_usable(struct world_heap *h)
{
	struct world *w = h->world;
	raddr last = RADDR_NULL;
	world_put(w, h->roots.usable_arenas, 8, 0);
	for (uint32_t nfree = 1; nfree < world_n_nfp2lasta(w); nfree++) {
		uint64_t last_of = 0;
		for (uint32_t i = 0; i < h->n_arenas; i++) {
			raddr o = world_object(h, i);
			if (world_free_pools(h, i) != nfree)
				continue;
			world_put(w, world_field(w, o, LAYOUT_ARENA_PREVARENA), 8, last.value);
			world_put(w, world_field(w, o, LAYOUT_ARENA_NEXTARENA), 8, 0);
			world_put(w,
				  raddr_is_null(last)
					  ? h->roots.usable_arenas
					  : world_field(w, last, LAYOUT_ARENA_NEXTARENA),
				  8, o.value);
			last = o;
			last_of = o.value;
		}
		if (!w->model->old)
			world_put(w, raddr_plus(h->roots.nfp2lasta, 8 * nfree), 8, last_of);
	}
}

static void link_unused(struct world_heap *h)
{
	struct world *w = h->world;
	uint64_t next = 0;
	for (uint32_t i = h->maxarenas; i > h->n_arenas; i--) {
		raddr o = world_object(h, i - 1);
		world_put(w, world_field(w, o, LAYOUT_ARENA_NEXTARENA), 8, next);
		next = o.value;
	}
	world_put(w, h->roots.unused_arena_objects, 8, next);
}

static void finish_heap(struct world_heap *h)
{
	struct world *w = h->world;
	world_close_usedpools(h);
	for (uint32_t i = 0; i < h->n_arenas; i++)
		link_pools(h, i);
	link_usable(h);
	link_unused(h);
	world_put(w, h->roots.arenas_current, 8, h->n_arenas);
	if (!w->model->no_count) {
		world_put(w, h->roots.arenas_total, 8, h->n_arenas + 7);
		world_put(w, h->roots.arenas_highwater, 8, h->n_arenas + 3);
	}
	if (!raddr_is_null(h->roots.raw_allocated_blocks))
		world_put(w, h->roots.raw_allocated_blocks, 8, 1000);
	if (!w->model->has_map)
		return;
	world_put(w, h->roots.arena_map_mid_count, 4, 1);
	world_put(w, h->roots.arena_map_bot_count, 4, 2);
}

void world_finish(struct world *w)
{
	for (size_t i = 0; i < WORLD_HEAPS_MAX; i++) {
		if (w->heaps[i].world && w->heaps[i].n_arenas)
			finish_heap(&w->heaps[i]);
	}
}

/* ---- looking ------------------------------------------------------------------------- */

struct error *world_look(struct world *w, size_t i, struct pymalloc *ret, struct doubts *doubts)
{
	struct runtime runtime = RUNTIME_EMPTY;
	struct pymalloc_copy *copy = pymalloc_copy_new();
	struct error *err = runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version,
					 &runtime, doubts);
	const struct pymalloc_roots *roots = NULL;
	if (!err && i >= runtime.interpreters.count)
		err = error_new(ERROR_BUG, "no interpreter %zu", i);
	if (!err) {
		roots = &runtime.interpreters.items[i].roots;
		err = pymalloc_copy_take(copy, &w->space, &w->layout, roots, 0, false);
	}
	if (!err)
		err = pymalloc_walk(copy, &w->layout, roots, ret, doubts);
	pymalloc_copy_free(copy);
	runtime_fini(&runtime);
	return err;
}

uint64_t world_doubts(const struct doubts *doubts, enum doubt_kind kind)
{
	uint64_t n = 0;
	for (size_t i = 0; i < doubts->list.count; i++) {
		if (doubts->list.items[i].kind == kind)
			n += doubts->list.items[i].count;
	}
	return n;
}
