/*
 * world: the layout table is made first, with `pad` bytes before every field, and
 * everything is written through it: a reader that assumed an offset would be found
 * out by the padded models.
 */
#include "world.h"

#include "base/bytes.h"

#include <assert.h>
#include <sys/mman.h>

#define DATA_AT   UINT64_C(0x555500100000)
#define DATA_SIZE (1 * MIB)
#define ARENAS_AT UINT64_C(0x7f1200000000)

const struct world_model world_models[] = {
	{"2.7 8-byte", 0x02070d00, WORLD_STATICS, 8, 4 * KIB, 256 * KIB, 0, true, false, true},
	{"3.6 8-byte", 0x03060f00, WORLD_STATICS, 8, 4 * KIB, 256 * KIB, 0, true, false, false},
	{"3.9", 0x03091200, WORLD_STATICS, 16, 4 * KIB, 256 * KIB, 0, false, false, false},
	{"3.10", 0x030a0d00, WORLD_STATICS, 16, 16 * KIB, 1 * MIB, 0, false, true, false},
	{"3.11 moved", 0x030b0700, WORLD_STATICS, 16, 16 * KIB, 1 * MIB, 24, false, true, false},
	{"3.11 no radix", 0x030b0700, WORLD_STATICS, 16, 4 * KIB, 1 * MIB, 0, false, false, false},
	{"3.12", 0x030c0100, WORLD_EMBEDDED, 16, 16 * KIB, 1 * MIB, 0, false, true, false},
	{"3.12 moved", 0x030c0100, WORLD_EMBEDDED, 16, 16 * KIB, 1 * MIB, 8, false, true, false},
	{"3.13", 0x030d0000, WORLD_POINTER, 16, 16 * KIB, 1 * MIB, 0, false, true, false},
	{"3.15 2 MiB", 0x030f0000, WORLD_POINTER, 16, 16 * KIB, 2 * MIB, 0, false, true, false},
};
const size_t world_n_models = ARRAY_SIZE(world_models);

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

/* Everything is resident but one page that may be swapped out. */
static struct error *source_residency(void *source, raddr start, uint64_t size,
				      struct residency *ret)
{
	struct world *w = source;
	raddr page = w->absent;
	if (raddr_is_null(page) || !raddr_in(page, start, size))
		return residency_add(ret, start, size, false) ? NULL : error_out_of_memory();
	uint64_t before = raddr_distance(start, page);
	if (!residency_add(ret, start, before, false) || !residency_add(ret, page, 4096, true) ||
	    !residency_add(ret, raddr_plus(page, 4096), size - before - 4096, false))
		return error_out_of_memory();
	return NULL;
}

static const struct space_ops ops = {.read = source_read, .residency = source_residency};

/* ---- the layout table ----------------------------------------------------------------- */

struct field {
	enum layout_entry_id id;
	uint64_t width, count;
};

/* Lays fields out one after another, and says how large the struct became. */
static uint64_t lay_out(struct world *w, const struct field *fields, size_t n)
{
	uint64_t at = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t align = fields[i].width < 8 ? fields[i].width : 8;
		at = size_align_up(at + w->model->pad, align);
		w->layout.entries[fields[i].id] = (struct layout_entry){
			.offset = at,
			.width = fields[i].width,
			.count = fields[i].count,
			.stride = fields[i].width,
			.provenance = PROVENANCE_DWARF,
		};
		at += fields[i].width * fields[i].count;
	}
	return size_align_up(at, 8);
}

static void set_size(struct world *w, enum layout_entry_id id, uint64_t size)
{
	w->layout.entries[id] = (struct layout_entry){
		.width = size, .count = 1, .stride = size, .provenance = PROVENANCE_DWARF};
}

static raddr place_variable(struct world *w, enum layout_entry_id id, uint64_t size)
{
	raddr at = world_place(w, size);
	set_size(w, id, size);
	w->layout.entries[id].offset = at.value - WORLD_BIAS;
	return at;
}

static void lay_out_pools(struct world *w)
{
	const struct field arena[] = {
		{LAYOUT_ARENA_ADDRESS, 8, 1},    {LAYOUT_ARENA_POOL_ADDRESS, 8, 1},
		{LAYOUT_ARENA_NFREEPOOLS, 4, 1}, {LAYOUT_ARENA_NTOTALPOOLS, 4, 1},
		{LAYOUT_ARENA_FREEPOOLS, 8, 1},  {LAYOUT_ARENA_NEXTARENA, 8, 1},
		{LAYOUT_ARENA_PREVARENA, 8, 1},
	};
	/* nextpool and prevpool stay neighbours: usedpools depends on it in every version */
	const struct field pool[] = {
		{LAYOUT_POOL_REF_COUNT, 8, 1},     {LAYOUT_POOL_FREEBLOCK, 8, 1},
		{LAYOUT_POOL_NEXTPOOL, 8, 2},      {LAYOUT_POOL_ARENAINDEX, 4, 1},
		{LAYOUT_POOL_SZIDX, 4, 1},         {LAYOUT_POOL_NEXTOFFSET, 4, 1},
		{LAYOUT_POOL_MAXNEXTOFFSET, 4, 1},
	};
	set_size(w, LAYOUT_ARENA_OBJECT_SIZE, lay_out(w, arena, ARRAY_SIZE(arena)));
	set_size(w, LAYOUT_POOL_HEADER_SIZE, lay_out(w, pool, ARRAY_SIZE(pool)));
	struct layout_entry *next = &w->layout.entries[LAYOUT_POOL_NEXTPOOL];
	next->count = 1;
	w->layout.entries[LAYOUT_POOL_PREVPOOL] = *next;
	w->layout.entries[LAYOUT_POOL_PREVPOOL].offset += 8;
	w->layout.entries[LAYOUT_POOL_REF_COUNT].width = 4;
	set_size(w, LAYOUT_ARENA_MAP_MID_SIZE, 8192);
	set_size(w, LAYOUT_ARENA_MAP_BOT_SIZE, 2048);
}

static uint64_t n_usedpools(const struct world *w)
{
	return 2 * (512 / w->model->alignment);
}

static uint64_t n_nfp2lasta(const struct world *w)
{
	return w->model->arena_size / w->model->pool_size + 1;
}

static void lay_out_state(struct world *w)
{
	const struct field state[] = {
		{LAYOUT_STATE_USEDPOOLS, 8, n_usedpools(w)},
		{LAYOUT_STATE_ARENAS, 8, 1},
		{LAYOUT_STATE_MAXARENAS, 4, 1},
		{LAYOUT_STATE_UNUSED_ARENA_OBJECTS, 8, 1},
		{LAYOUT_STATE_USABLE_ARENAS, 8, 1},
		{LAYOUT_STATE_NFP2LASTA, 8, n_nfp2lasta(w)},
		{LAYOUT_STATE_NARENAS_CURRENT, 8, 1},
		{LAYOUT_STATE_NTIMES_ALLOCATED, 8, 1},
		{LAYOUT_STATE_NARENAS_HIGHWATER, 8, 1},
		{LAYOUT_STATE_RAW_ALLOCATED_BLOCKS, 8, 1},
		{LAYOUT_STATE_ARENA_MAP_ROOT, 8, 1},
		{LAYOUT_STATE_ARENA_MAP_MID_COUNT, 4, 1},
		{LAYOUT_STATE_ARENA_MAP_BOT_COUNT, 4, 1},
	};
	uint64_t size = lay_out(w, state, ARRAY_SIZE(state));
	set_size(w, LAYOUT_STATE_SIZE, size);
	const struct field interpreter[] = {
		{LAYOUT_INTERP_NEXT, 8, 1},
		{LAYOUT_INTERP_ID, 8, 1},
		{LAYOUT_INTERP_FEATURE_FLAGS, 8, 1},
		{LAYOUT_FREELIST_DICT, 4, 1},
		{LAYOUT_FREELIST_FLOAT, 4, 1},
		{LAYOUT_FREELIST_LIST, 4, 1},
		{LAYOUT_FREELIST_TUPLE, 4, 20},
		{LAYOUT_INTERP_OBMALLOC, w->model->roots == WORLD_EMBEDDED ? size : 8, 1},
	};
	set_size(w, LAYOUT_INTERP_SIZE, lay_out(w, interpreter, ARRAY_SIZE(interpreter)));
}

static void lay_out_runtime(struct world *w)
{
	const struct field runtime[] = {
		{LAYOUT_RUNTIME_INTERPRETERS_HEAD, 8, 1},
		{LAYOUT_RUNTIME_INTERPRETER_LEAKS, 8, 1},
		{LAYOUT_RUNTIME_ALLOCATORS_OBJ, 40, 1},
	};
	uint64_t size = lay_out(w, runtime, ARRAY_SIZE(runtime));
	set_size(w, LAYOUT_RUNTIME_SIZE, size);
	place_variable(w, LAYOUT_RUNTIME, size);
	lay_out_state(w);
}

raddr world_field(const struct world *w, raddr at, enum layout_entry_id field)
{
	return raddr_plus(at, layout_offset(&w->layout, field));
}

/* ---- roots ---------------------------------------------------------------------------- */

static void close_usedpools(struct world_heap *h)
{
	struct world *w = h->world;
	uint64_t next = layout_offset(&w->layout, LAYOUT_POOL_NEXTPOOL);
	for (uint64_t i = 0; i < n_usedpools(w); i++) {
		raddr pair = raddr_plus(h->roots.usedpools, (i & ~UINT64_C(1)) * 8);
		world_put(w, raddr_plus(h->roots.usedpools, i * 8), 8, pair.value - next);
	}
}

static void make_statics(struct world *w)
{
	struct world_heap *h = &w->heaps[0];
	struct pymalloc_roots *r = &h->roots;
	const struct world_model *m = w->model;
	h->world = w;
	r->n_usedpools = n_usedpools(w);
	r->n_nfp2lasta = m->old ? 0 : n_nfp2lasta(w);
	r->usedpools = place_variable(w, LAYOUT_STATIC_USEDPOOLS, 8 * n_usedpools(w));
	r->arenas = place_variable(w, LAYOUT_STATIC_ARENAS, 8);
	r->maxarenas = place_variable(w, LAYOUT_STATIC_MAXARENAS, 4);
	r->unused_arena_objects = place_variable(w, LAYOUT_STATIC_UNUSED_ARENA_OBJECTS, 8);
	r->usable_arenas = place_variable(w, LAYOUT_STATIC_USABLE_ARENAS, 8);
	r->arenas_current = place_variable(w, LAYOUT_STATIC_NARENAS_CURRENT, 8);
	if (!m->old)
		r->nfp2lasta = place_variable(w, LAYOUT_STATIC_NFP2LASTA, 8 * n_nfp2lasta(w));
	if (!m->no_count) {
		r->arenas_total = place_variable(w, LAYOUT_STATIC_NTIMES_ALLOCATED, 8);
		r->arenas_highwater = place_variable(w, LAYOUT_STATIC_NARENAS_HIGHWATER, 8);
	}
	if (m->version >= 0x03090000)
		r->raw_allocated_blocks = place_variable(w, LAYOUT_STATIC_RAW_ALLOCATED_BLOCKS, 8);
	if (!m->has_map)
		return;
	r->arena_map_root = place_variable(w, LAYOUT_STATIC_ARENA_MAP_ROOT, 8192);
	r->arena_map_mid_count = place_variable(w, LAYOUT_STATIC_ARENA_MAP_MID_COUNT, 4);
	r->arena_map_bot_count = place_variable(w, LAYOUT_STATIC_ARENA_MAP_BOT_COUNT, 4);
}

static void make_state(struct world *w, size_t i, raddr state)
{
	struct pymalloc_roots *r = &w->heaps[i].roots;
	w->heaps[i].world = w;
	r->n_usedpools = n_usedpools(w);
	r->n_nfp2lasta = n_nfp2lasta(w);
	r->usedpools = world_field(w, state, LAYOUT_STATE_USEDPOOLS);
	r->arenas = world_field(w, state, LAYOUT_STATE_ARENAS);
	r->maxarenas = world_field(w, state, LAYOUT_STATE_MAXARENAS);
	r->unused_arena_objects = world_field(w, state, LAYOUT_STATE_UNUSED_ARENA_OBJECTS);
	r->usable_arenas = world_field(w, state, LAYOUT_STATE_USABLE_ARENAS);
	r->nfp2lasta = world_field(w, state, LAYOUT_STATE_NFP2LASTA);
	r->arenas_current = world_field(w, state, LAYOUT_STATE_NARENAS_CURRENT);
	r->arenas_total = world_field(w, state, LAYOUT_STATE_NTIMES_ALLOCATED);
	r->arenas_highwater = world_field(w, state, LAYOUT_STATE_NARENAS_HIGHWATER);
	r->raw_allocated_blocks = world_field(w, state, LAYOUT_STATE_RAW_ALLOCATED_BLOCKS);
	r->arena_map_mid_count = world_field(w, state, LAYOUT_STATE_ARENA_MAP_MID_COUNT);
	r->arena_map_bot_count = world_field(w, state, LAYOUT_STATE_ARENA_MAP_BOT_COUNT);
	close_usedpools(&w->heaps[i]);
}

void world_interpreter(struct world *w, bool own)
{
	size_t i = w->n_interpreters++;
	assert(i < WORLD_HEAPS_MAX && w->model->roots != WORLD_STATICS);
	raddr at = world_place(w, layout_width(&w->layout, LAYOUT_INTERP_SIZE));
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	raddr head = world_field(w, runtime, LAYOUT_RUNTIME_INTERPRETERS_HEAD);
	w->interpreters[i] = at;
	world_put(w, world_field(w, at, LAYOUT_INTERP_NEXT), 8, world_get(w, head, 8));
	world_put(w, world_field(w, at, LAYOUT_INTERP_ID), 8, i);
	world_put(w, world_field(w, at, LAYOUT_INTERP_FEATURE_FLAGS), 8,
		  own && i > 0 ? 0x500 : 0x18c20);
	world_put(w, head, 8, at.value);
	raddr member = world_field(w, at, LAYOUT_INTERP_OBMALLOC);
	raddr state = member;
	if (w->model->roots == WORLD_POINTER) {
		state = own ? world_place(w, layout_width(&w->layout, LAYOUT_STATE_SIZE))
			    : raddr_at(world_get(
				      w, world_field(w, w->interpreters[0], LAYOUT_INTERP_OBMALLOC),
				      8));
		world_put(w, member, 8, state.value);
	}
	if (own)
		make_state(w, i, state);
}

struct world *world_new(const struct world_model *model)
{
	struct world *w = calloc(1, sizeof(*w));
	assert(w);
	w->model = model;
	w->space.ops = &ops;
	w->space.source = w;
	w->next_arena = raddr_at(ARENAS_AT);
	w->data = world_map(w, raddr_at(DATA_AT), DATA_SIZE);
	lay_out_pools(w);
	if (model->roots == WORLD_STATICS) {
		make_statics(w);
		close_usedpools(&w->heaps[0]);
	} else {
		lay_out_runtime(w);
		world_interpreter(w, true);
	}
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
	for (uint32_t nfree = 1; nfree < n_nfp2lasta(w); nfree++) {
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
	close_usedpools(h);
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
