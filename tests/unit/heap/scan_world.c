/*
 * scan_world: takes the roots of a world apart and lays them out anew.
 *
 *	against   highwater total current nfp2lasta usable unused max arenas
 *	along     arenas max unused usable nfp2lasta current total highwater
 *	LTO       highwater total current max unused arenas … nfp2lasta usable
 */
#include "scan_world.h"

#include <assert.h>

#define TABLE_AT  UINT64_C(0x7e5500000010)
#define NODES_AT  UINT64_C(0x7e6600000000)
#define NODE_STEP UINT64_C(0x100000)

const struct world_model scan_model_2m = {"3.15 2 MiB, whole",
					  0x030f0000,
					  WORLD_POINTER,
					  16,
					  16 * KIB,
					  2 * MIB,
					  0,
					  false,
					  true,
					  false};
const struct world_model scan_model_no_radix = {
	"3.14 no radix", 0x030e0000, WORLD_POINTER, 16, 4 * KIB, 1 * MIB, 0, false, false, false};

raddr scan_world_place(struct scan_world *s, uint64_t size)
{
	return world_place(s->world, size);
}

/* ---- statics --------------------------------------------------------------------------------- */

static void set_variable(struct scan_world *s, enum layout_entry_id id, raddr at, uint64_t size)
{
	s->world->layout.entries[id] = (struct layout_entry){
		.offset = at.value - WORLD_BIAS,
		.width = size,
		.count = 1,
		.stride = size,
		.provenance = PROVENANCE_DWARF,
	};
}

static raddr next(raddr *at, uint64_t size)
{
	raddr here = *at;
	*at = raddr_plus(*at, size);
	return here;
}

static void take_counters(struct pymalloc_roots *r, raddr *at, bool along, bool has_totals)
{
	raddr a = next(at, 8), b = next(at, 8), c = next(at, 8);
	r->arenas_current = along ? a : c;
	if (has_totals) {
		r->arenas_total = b;
		r->arenas_highwater = along ? c : a;
	}
}

static void take_lists(struct pymalloc_roots *r, raddr *at, enum scan_order order)
{
	raddr w[4] = {next(at, 8), next(at, 8), next(at, 8), RADDR_NULL};
	if (order != ORDER_LTO)
		w[3] = next(at, 8);
	switch (order) {
	case ORDER_AGAINST:
		r->usable_arenas = w[0];
		r->unused_arena_objects = w[1];
		r->maxarenas = w[2];
		r->arenas = w[3];
		break;
	case ORDER_ALONG:
		r->arenas = w[0];
		r->maxarenas = w[1];
		r->unused_arena_objects = w[2];
		r->usable_arenas = w[3];
		break;
	case ORDER_LTO:
	case ORDER_COUNT:
		r->maxarenas = w[0];
		r->unused_arena_objects = w[1];
		r->arenas = w[2];
		break;
	}
}

/* The words before the first and behind the last are other variables. */
static void lay_out_statics(struct scan_world *s, enum scan_order order)
{
	struct world *w = s->world;
	struct pymalloc_roots *r = &w->heaps[0].roots;
	uint64_t n = w->model->old ? 0 : world_n_nfp2lasta(w) * 8;
	raddr at = world_place(w, 256 + n);
	world_put(w, next(&at, 8), 8, 0x5555aaaa5555aaaa);
	bool along = order == ORDER_ALONG;
	if (!along)
		take_counters(r, &at, along, !w->model->no_count);
	if (order == ORDER_AGAINST && n)
		r->nfp2lasta = next(&at, n);
	take_lists(r, &at, order);
	if (order == ORDER_LTO)
		at = raddr_plus(at, 16);
	if (order != ORDER_AGAINST && n)
		r->nfp2lasta = next(&at, n);
	if (order == ORDER_LTO)
		r->usable_arenas = next(&at, 8);
	if (along)
		take_counters(r, &at, along, !w->model->no_count);
	world_put(w, next(&at, 8), 8, 0x5555aaaa5555aaaa);
	set_variable(s, LAYOUT_STATIC_ARENAS, r->arenas, 8);
	set_variable(s, LAYOUT_STATIC_MAXARENAS, r->maxarenas, 4);
	set_variable(s, LAYOUT_STATIC_UNUSED_ARENA_OBJECTS, r->unused_arena_objects, 8);
	set_variable(s, LAYOUT_STATIC_USABLE_ARENAS, r->usable_arenas, 8);
	set_variable(s, LAYOUT_STATIC_NARENAS_CURRENT, r->arenas_current, 8);
	if (n)
		set_variable(s, LAYOUT_STATIC_NFP2LASTA, r->nfp2lasta, n);
	if (w->model->no_count)
		return;
	set_variable(s, LAYOUT_STATIC_NTIMES_ALLOCATED, r->arenas_total, 8);
	set_variable(s, LAYOUT_STATIC_NARENAS_HIGHWATER, r->arenas_highwater, 8);
}

/* ---- the state ---------------------------------------------------------------------------------- */

struct split {
	uint64_t top, mid, bot; /* entries */
};

static struct split split_of(const struct world_model *m)
{
	if (m->version < 0x030b0000)
		return (struct split){1024, 1024, 256};
	return (struct split){32768, 32768, m->arena_size == 2 * MIB ? 8192 : 16384};
}

static uint64_t set_member(struct scan_world *s, enum layout_entry_id id, uint64_t offset,
			   uint64_t width, uint64_t count)
{
	s->world->layout.entries[id] = (struct layout_entry){
		.offset = offset,
		.width = width,
		.count = count,
		.stride = width,
		.provenance = PROVENANCE_DWARF,
	};
	return offset + width * count;
}

/* As pycore_obmalloc.h has it; how large it is. */
static uint64_t describe_state(struct scan_world *s)
{
	struct world *w = s->world;
	struct split split = split_of(w->model);
	uint64_t at = set_member(s, LAYOUT_STATE_USEDPOOLS, 0, 8, 2 * (512 / w->model->alignment));
	at = set_member(s, LAYOUT_STATE_ARENAS, at, 8, 1);
	at = set_member(s, LAYOUT_STATE_MAXARENAS, at, 4, 1) + 4;
	at = set_member(s, LAYOUT_STATE_UNUSED_ARENA_OBJECTS, at, 8, 1);
	at = set_member(s, LAYOUT_STATE_USABLE_ARENAS, at, 8, 1);
	at = set_member(s, LAYOUT_STATE_NFP2LASTA, at, 8, world_n_nfp2lasta(w));
	at = set_member(s, LAYOUT_STATE_NARENAS_CURRENT, at, 8, 1);
	at = set_member(s, LAYOUT_STATE_NTIMES_ALLOCATED, at, 8, 1);
	at = set_member(s, LAYOUT_STATE_NARENAS_HIGHWATER, at, 8, 1);
	at = set_member(s, LAYOUT_STATE_RAW_ALLOCATED_BLOCKS, at, 8, 1);
	w->layout.entries[LAYOUT_STATE_ARENA_MAP_ROOT] =
		w->layout.entries[LAYOUT_STATE_ARENA_MAP_MID_COUNT] =
			w->layout.entries[LAYOUT_STATE_ARENA_MAP_BOT_COUNT] =
				(struct layout_entry){.offset = 0};
	if (w->model->has_map) {
		at = set_member(s, LAYOUT_STATE_ARENA_MAP_ROOT, at, split.top * 8, 1);
		at = set_member(s, LAYOUT_STATE_ARENA_MAP_MID_COUNT, at, 4, 1);
		at = set_member(s, LAYOUT_STATE_ARENA_MAP_BOT_COUNT, at, 4, 1);
	}
	set_member(s, LAYOUT_STATE_SIZE, 0, at, 1);
	return at;
}

static raddr member(const struct scan_world *s, enum layout_entry_id id)
{
	return world_field(s->world, s->state, id);
}

/* One main interpreter with its state, inside or pointed to. */
static void lay_out_state(struct scan_world *s)
{
	struct world *w = s->world;
	struct pymalloc_roots *r = &w->heaps[0].roots;
	for (uint64_t i = 0; i < r->n_usedpools; i++) /* the world's own state is none any more */
		world_put(w, raddr_plus(r->usedpools, i * 8), 8, 0);
	uint64_t size = describe_state(s);
	bool inside = w->model->roots == WORLD_EMBEDDED;
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	raddr main = world_place(w, 256 + (inside ? size : 8));
	set_member(s, LAYOUT_INTERP_NEXT, 8, 8, 1);
	set_member(s, LAYOUT_INTERP_ID, 16, 8, 1);
	set_member(s, LAYOUT_INTERP_FEATURE_FLAGS, 24, 8, 1);
	set_member(s, LAYOUT_INTERP_OBMALLOC, 208, inside ? size : 8, 1);
	set_member(s, LAYOUT_INTERP_SIZE, 0, 256 + (inside ? size : 8), 1);
	world_put(w, world_field(w, runtime, LAYOUT_RUNTIME_INTERPRETERS_HEAD), 8, main.value);
	s->state = inside ? raddr_plus(main, 208) : world_place(w, size);
	if (!inside)
		world_put(w, raddr_plus(main, 208), 8, s->state.value);
	*r = (struct pymalloc_roots){
		.usedpools = member(s, LAYOUT_STATE_USEDPOOLS),
		.n_usedpools = 2 * (512 / w->model->alignment),
		.arenas = member(s, LAYOUT_STATE_ARENAS),
		.maxarenas = member(s, LAYOUT_STATE_MAXARENAS),
		.unused_arena_objects = member(s, LAYOUT_STATE_UNUSED_ARENA_OBJECTS),
		.usable_arenas = member(s, LAYOUT_STATE_USABLE_ARENAS),
		.nfp2lasta = member(s, LAYOUT_STATE_NFP2LASTA),
		.n_nfp2lasta = world_n_nfp2lasta(w),
		.arenas_current = member(s, LAYOUT_STATE_NARENAS_CURRENT),
		.arenas_total = member(s, LAYOUT_STATE_NTIMES_ALLOCATED),
		.arenas_highwater = member(s, LAYOUT_STATE_NARENAS_HIGHWATER),
		.raw_allocated_blocks = member(s, LAYOUT_STATE_RAW_ALLOCATED_BLOCKS),
	};
	if (!w->model->has_map)
		return;
	r->arena_map_root = member(s, LAYOUT_STATE_ARENA_MAP_ROOT);
	r->arena_map_mid_count = member(s, LAYOUT_STATE_ARENA_MAP_MID_COUNT);
	r->arena_map_bot_count = member(s, LAYOUT_STATE_ARENA_MAP_BOT_COUNT);
}

/* ---- the radix tree -------------------------------------------------------------------------------- */

/* The counts lie before the root, as compilers put them. */
static void lay_out_map(struct scan_world *s)
{
	struct pymalloc_roots *r = &s->world->heaps[0].roots;
	struct split split = split_of(s->world->model);
	raddr counts = world_place(s->world, 8 * split.top + 48);
	r->arena_map_bot_count = counts;
	r->arena_map_mid_count = raddr_plus(counts, 4);
	r->arena_map_root = raddr_plus(counts, 32);
	set_variable(s, LAYOUT_STATIC_ARENA_MAP_ROOT, r->arena_map_root, split.top * 8);
	set_variable(s, LAYOUT_STATIC_ARENA_MAP_MID_COUNT, r->arena_map_mid_count, 4);
	set_variable(s, LAYOUT_STATIC_ARENA_MAP_BOT_COUNT, r->arena_map_bot_count, 4);
}

/* The node that a word points to, made where there is none. */
static raddr node_of(struct scan_world *s, raddr word, uint64_t size, uint32_t *count)
{
	struct world *w = s->world;
	if (world_get(w, word, 8) == 0) {
		raddr node = world_map(w, raddr_at(NODES_AT + s->n_nodes++ * NODE_STEP), size);
		world_put(w, word, 8, node.value);
		(*count)++;
	}
	return raddr_at(world_get(w, word, 8));
}

static void map_arenas(struct scan_world *s)
{
	struct world *w = s->world;
	struct world_heap *h = &w->heaps[0];
	struct split split = split_of(w->model);
	uint32_t mids = 0, bots = 0;
	for (uint32_t i = 0; i < h->n_arenas; i++) {
		uint64_t address = h->arenas[i].address.value, size = w->model->arena_size;
		uint64_t bot = address / size % split.bot;
		uint64_t mid = address / size / split.bot % split.mid;
		uint64_t top = address / size / split.bot / split.mid % split.top;
		raddr m = node_of(s, raddr_plus(h->roots.arena_map_root, top * 8), split.mid * 8,
				  &mids);
		raddr b = node_of(s, raddr_plus(m, mid * 8), split.bot * 8, &bots);
		uint64_t tail = address % size;
		world_put(w, raddr_plus(b, bot * 8), 4, tail ? tail : UINT32_MAX);
	}
	world_put(w, h->roots.arena_map_mid_count, 4, mids);
	world_put(w, h->roots.arena_map_bot_count, 4, bots);
	set_member(s, LAYOUT_ARENA_MAP_MID_SIZE, 0, split.mid * 8, 1);
	set_member(s, LAYOUT_ARENA_MAP_BOT_SIZE, 0, split.bot * 8, 1);
}

/* ---- the whole --------------------------------------------------------------------------------------- */

static void fill(struct scan_world *s, uint32_t n_arenas)
{
	struct world_heap *h = &s->world->heaps[0];
	const struct world *w = s->world;
	uint32_t classes = (uint32_t)(512 / w->model->alignment);
	for (uint32_t a = 0; a < n_arenas; a++) {
		uint32_t arena = world_arena(h, a == 1 && w->model->pool_size > 4096 ? 4096 : 0);
		uint32_t n = arena ? 3 : h->arenas[arena].n_total - (n_arenas > 1 ? 0 : 2);
		for (uint32_t i = 0; i < n; i++)
			world_pool(h, arena, (i * 3 + a) % classes, i % 9 == 8 ? 0 : 2, i % 3);
	}
}

/* All that a scan is to find. */
static void forget(struct scan_world *s)
{
	s->truth = s->world->layout;
	s->build.layout = s->truth;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const char *name = layout_name(id);
		if (strncmp(name, "STATIC_", 7) == 0 || strncmp(name, "STATE_", 6) == 0 ||
		    strncmp(name, "ARENA_MAP", 9) == 0 || strncmp(name, "FREELIST", 8) == 0 ||
		    id == LAYOUT_INTERP_OBMALLOC || id == LAYOUT_INTERP_FEATURE_FLAGS)
			s->build.layout.entries[id] = (struct layout_entry){.offset = 0};
	}
	s->build.version_hex = s->world->model->version;
	s->build.no_debug_info = true;
}

struct scan_world *scan_world_new(const struct world_model *model, enum scan_order order,
				  uint32_t n_arenas)
{
	struct scan_world *s = calloc(1, sizeof(*s));
	assert(s);
	s->world = world_new(model);
	struct world_heap *h = &s->world->heaps[0];
	if (model->roots == WORLD_STATICS) {
		lay_out_statics(s, order);
		if (model->has_map)
			lay_out_map(s);
	} else {
		lay_out_state(s);
	}
	h->maxarenas = SCAN_SLOTS;
	h->table = world_map(s->world, raddr_at(TABLE_AT & ~UINT64_C(4095)), 64 * KIB);
	h->table = raddr_at(TABLE_AT);
	if (n_arenas) {
		world_put(s->world, h->roots.arenas, 8, h->table.value);
		world_put(s->world, h->roots.maxarenas, 4, h->maxarenas);
	}
	fill(s, n_arenas);
	world_close_usedpools(h);
	world_finish(s->world);
	if (model->has_map)
		map_arenas(s);
	const struct world_region *data = &s->world->regions[0];
	s->image = (struct elf_image){.bias = WORLD_BIAS, .n_segments = 1};
	s->image.segments[0] = (struct elf_segment){
		.vaddr = data->start.value - WORLD_BIAS, .memsz = data->size, .writable = true};
	forget(s);
	return s;
}

void scan_world_free(struct scan_world *s)
{
	world_free(s->world);
	python_build_fini(&s->build);
	free(s);
}
