/*
 * world_shape: the layout table, made with `pad` bytes before every field, and the
 * roots that it leads to: a reader that assumed an offset would be found out by the
 * padded models.
 */
#include "world.h"

#include <assert.h>

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

const struct world_model *world_model_of(enum world_roots roots)
{
	size_t i = 0;
	while (world_models[i].roots != roots)
		i++;
	return &world_models[i];
}

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

uint64_t world_n_nfp2lasta(const struct world *w)
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
		{LAYOUT_STATE_NFP2LASTA, 8, world_n_nfp2lasta(w)},
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

void world_close_usedpools(struct world_heap *h)
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
	r->n_nfp2lasta = m->old ? 0 : world_n_nfp2lasta(w);
	r->usedpools = place_variable(w, LAYOUT_STATIC_USEDPOOLS, 8 * n_usedpools(w));
	r->arenas = place_variable(w, LAYOUT_STATIC_ARENAS, 8);
	r->maxarenas = place_variable(w, LAYOUT_STATIC_MAXARENAS, 4);
	r->unused_arena_objects = place_variable(w, LAYOUT_STATIC_UNUSED_ARENA_OBJECTS, 8);
	r->usable_arenas = place_variable(w, LAYOUT_STATIC_USABLE_ARENAS, 8);
	r->arenas_current = place_variable(w, LAYOUT_STATIC_NARENAS_CURRENT, 8);
	if (!m->old)
		r->nfp2lasta = place_variable(w, LAYOUT_STATIC_NFP2LASTA, 8 * world_n_nfp2lasta(w));
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
	r->n_nfp2lasta = world_n_nfp2lasta(w);
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
	world_close_usedpools(&w->heaps[i]);
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

void world_shape(struct world *w)
{
	lay_out_pools(w);
	if (w->model->roots == WORLD_STATICS) {
		make_statics(w);
		world_close_usedpools(&w->heaps[0]);
	} else {
		lay_out_runtime(w);
		world_interpreter(w, true);
	}
}
