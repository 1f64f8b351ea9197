/* heap_world: memory is one allocation that stands for the target's from `start` on. */
#include "heap_world.h"

#include "inspector/census/plotting/plot_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START UINT64_C(0x7f1000000000)
#define TYPES UINT64_C(0x7f0000001000) /* of type objects: nowhere */

static const struct {
	const char *name;
	enum type_kind kind;
	bool leaf, collected;
} known[WORLD_TYPES] = {
	[WORLD_NODE] = {"app.Node", TYPE_OTHER, false, true},
	[WORLD_DICT] = {"dict", TYPE_DICT, false, true},
	[WORLD_LIST] = {"list", TYPE_LIST, false, true},
	[WORLD_TUPLE] = {"tuple", TYPE_TUPLE, false, true},
	[WORLD_STR] = {"str", TYPE_STR, true, false},
	[WORLD_WEAKREF] = {"weakref.ReferenceType", TYPE_OTHER, false, true},
	[WORLD_TYPE] = {"type", TYPE_TYPE, false, true},
};

/* ---- the target's memory --------------------------------------------------------------- */

static struct error *read_memory(void *source, raddr at, void *buffer, size_t size)
{
	const struct world *w = source;
	if (!raddr_in(at, raddr_at(w->start), w->size) || w->start + w->size - at.value < size)
		return error_new(ERROR_FAULT, "nothing there");
	memcpy(buffer, w->memory + (at.value - w->start), size);
	return NULL;
}

static void close_memory(void *source)
{
	(void)source;
}

static void map(struct world *w)
{
	static const struct space_ops ops = {.read = read_memory, .close = close_memory};
	struct region *region = vec_push(&w->space.regions);
	assert_non_null(region);
	*region = (struct region){.start = raddr_at(w->start), .size = w->size, .readable = true};
	w->space.mapped_size = w->size;
	w->space.ops = &ops;
	w->space.source = w;
}

/* ---- the ground ------------------------------------------------------------------------ */

static void set_shapes(struct shapes *s)
{
	*s = (struct shapes){.version_hex = 0x030c0100,
			     .refcount = REFCOUNT_LOW,
			     .values = VALUES_INLINE,
			     .gc_size = WORLD_HEAD,
			     .ob_type = 8,
			     .ob_size = 16};
	s->type.size = 416;
	s->list.items = 24;
	s->tuple.items = 24;
	s->str.state = 32;
	s->str.utf8 = 48;
	s->str.legacy_data = 56;
}

static void set_types(struct world *w)
{
	struct ground *g = &w->ground;
	assert_null(type_table_init(&g->types, NULL, &g->shapes, &w->space));
	for (size_t i = 0; i < WORLD_TYPES; i++) {
		struct type *type = vec_push(&g->types.types);
		assert_non_null(type);
		*type = (struct type){.at = raddr_at(TYPES + i * 512),
				      .kind = known[i].kind,
				      .exact = known[i].kind != TYPE_OTHER,
				      .leaf = known[i].leaf,
				      .heap = i == WORLD_NODE,
				      .flags = known[i].collected ? 1 << 14 : 0,
				      .basicsize = i == WORLD_TUPLE ? 24 : 48,
				      .itemsize = i == WORLD_TUPLE ? 8 : 0,
				      .before = known[i].collected ? WORLD_HEAD : 0};
	}
}

/* The table names types itself, once, when it is first asked: there are no names to be read. */
static void name_types(struct world *w)
{
	struct type_table *types = &w->ground.types;
	(void)type_table_find(types, raddr_at(w->statics));
	for (size_t i = 0; i < types->types.count; i++) {
		free(types->types.items[i].name);
		types->types.items[i].name = strdup(known[i].name);
	}
}

static void set_plot(struct world *w, uint32_t n_blocks, uint32_t n_chunks, uint32_t chunk_size)
{
	struct plot *plot = &w->ground.plot;
	struct plot_arena *arena = vec_push(&plot->arenas);
	struct plot_run *run = vec_push(&plot->runs);
	assert_true(arena && run);
	*arena = (struct plot_arena){.start = w->start, .size = w->chunks - w->start};
	*run = (struct plot_run){w->start, WORLD_BLOCK, n_blocks, 0, 0};
	for (uint32_t i = 0; i < n_chunks; i++) {
		struct plot_chunk *chunk = vec_push(&plot->chunks);
		assert_non_null(chunk);
		*chunk = (struct plot_chunk){w->chunks + (uint64_t)i * chunk_size, chunk_size};
	}
	plot->n_run_blocks = n_blocks;
	plot->n_blocks = n_blocks + n_chunks;
	plot->used = calloc(plot->n_blocks / 64 + 1, sizeof(*plot->used));
	assert_non_null(plot->used);
}

void world_init(struct world *w, uint32_t n_blocks, uint32_t n_chunks, uint32_t chunk_size)
{
	*w = (struct world){.start = START};
	/* No page holds both. */
	w->chunks = START + size_align_up((uint64_t)n_blocks * WORLD_BLOCK, 4096);
	w->statics = w->chunks + (uint64_t)n_chunks * chunk_size;
	w->size = w->statics + WORLD_STATIC - START;
	w->memory = calloc(1, w->size);
	assert_non_null(w->memory);
	map(w);
	set_shapes(&w->ground.shapes);
	set_types(w);
	set_plot(w, n_blocks, n_chunks, chunk_size);
	assert_null(labels_init(&w->ground.labels, w->ground.plot.n_blocks));
	w->ground.space = &w->space;
	assert_null(plot_directory_make(&w->ground.plot));
}

void world_fini(struct world *w)
{
	burst_free(w->ground.burst);
	type_table_fini(&w->ground.types);
	plot_fini(&w->ground.plot);
	labels_fini(&w->ground.labels);
	outside_fini(&w->ground.outside);
	for (size_t i = 0; i < w->roots.list.count; i++)
		free(w->roots.list.items[i].name);
	vec_fini(&w->roots.list);
	vec_fini(&w->roots.told);
	vec_fini(&w->space.regions);
	free(w->memory);
}

/* ---- blocks ---------------------------------------------------------------------------- */

static uint64_t start_of(const struct world *w, uint32_t block)
{
	const struct plot *plot = &w->ground.plot;
	if (block < plot->n_run_blocks)
		return w->start + (uint64_t)block * WORLD_BLOCK;
	return plot->chunks.items[block - plot->n_run_blocks].start;
}

static const struct label *label(const struct world *w, uint32_t block)
{
	return labels_of(&w->ground.labels, block);
}

uint64_t world_at(const struct world *w, uint32_t block)
{
	bool object = label(w, block)->kind == LABEL_OBJECT;
	return start_of(w, block) +
	       (object ? type_table_get(&w->ground.types, label(w, block)->type)->before : 0);
}

static void say(struct world *w, uint32_t block, const struct label *said)
{
	w->ground.labels.of_block[block] = labels_number(&w->ground.labels, said);
	w->ground.plot.used[block / 64] |= UINT64_C(1) << (block % 64);
}

void world_poke(struct world *w, uint64_t at, uint64_t value)
{
	assert_true(at >= w->start && at - w->start + 8 <= w->size);
	memcpy(w->memory + (at - w->start), &value, 8);
}

uint64_t world_object(struct world *w, uint32_t block, enum world_type type, uint64_t refcount)
{
	const struct label said = {LABEL_OBJECT, PART_OTHER, type, TYPE_NONE, known[type].leaf};
	say(w, block, &said);
	uint64_t at = world_at(w, block);
	if (known[type].collected)
		world_poke(w, start_of(w, block),
			   start_of(w, 0)); /* next in the collector's list */
	world_poke(w, at, refcount);
	world_poke(w, at + 8, TYPES + type * 512);
	return at;
}

uint64_t world_buffer(struct world *w, uint32_t block, enum world_type type, enum part_kind part)
{
	const struct label unknown = {LABEL_UNEXPLAINED, PART_OTHER, TYPE_NONE, TYPE_NONE, false};
	const struct label said = {LABEL_BUFFER, part, type, TYPE_NONE, part == PART_STR_DATA};
	say(w, block, type == WORLD_TYPES ? &unknown : &said);
	return world_at(w, block);
}

uint64_t world_static(struct world *w, uint64_t offset, enum world_type type)
{
	const struct label said = {LABEL_OBJECT, PART_OTHER, type, TYPE_NONE, known[type].leaf};
	uint64_t at = w->statics + offset;
	struct outside_object *object = vec_push(&w->ground.outside.list);
	assert_non_null(object);
	*object = (struct outside_object){.at = at, .size = WORLD_BLOCK};
	object->label = labels_number(&w->ground.labels, &said);
	world_poke(w, at, 1);
	world_poke(w, at + 8, TYPES + type * 512);
	return at;
}

void world_put(struct world *w, uint32_t block, unsigned slot, uint64_t value)
{
	bool object = label(w, block)->kind == LABEL_OBJECT;
	world_poke(w, world_at(w, block) + (object ? 16 : 0) + slot * 8, value);
}

/* ---- roots ----------------------------------------------------------------------------- */

static struct root *add(struct world *w, enum root_phase phase, enum holder_kind kind,
			const char *name, uint64_t at)
{
	struct root *root = vec_push(&w->roots.list);
	assert_non_null(root);
	*root = (struct root){.phase = phase, .kind = kind, .at = raddr_at(at)};
	root->name = name ? strdup(name) : NULL;
	return root;
}

void world_root(struct world *w, enum root_phase phase, enum holder_kind kind, const char *name,
		uint64_t at)
{
	add(w, phase, kind, name, at);
}

void world_global(struct world *w, const char *name, uint64_t at, uint64_t from)
{
	add(w, ROOT_NAMED, HOLDER_MODULE_GLOBAL, name, at)->from = raddr_at(from);
}

void world_memory_root(struct world *w, enum root_phase phase, const char *name, uint64_t at,
		       uint64_t size)
{
	add(w, phase, HOLDER_STATIC, name, at)->size = size;
}

/* ---- walks ----------------------------------------------------------------------------- */

struct graph *world_walk(struct world *w)
{
	const struct burst_range all = {raddr_at(w->start), w->size};
	const struct burst_request taken = {
		.space = &w->space,
		.wanted = &all,
		.n_wanted = 1,
		.max_memory = UINT64_C(1) << 40,
	};
	const struct graph_request request = {.ground = &w->ground};
	struct doubts doubts = {0};
	struct graph *graph = NULL;
	burst_free(w->ground.burst);
	assert_null(burst_take(&taken, &w->ground.burst));
	w->ground.types.burst = w->ground.burst;
	name_types(w);
	assert_null(graph_walk(&request, &w->roots, &graph, &doubts));
	doubts_fini(&doubts);
	return graph;
}

const char *world_holder(const struct graph *graph, uint32_t block)
{
	uint32_t root = graph_root_of(graph, block);
	return root == GRAPH_PATH_NONE ? NULL : graph->roots.items[root].name;
}

char *world_chain(const struct graph *graph, uint32_t block)
{
	struct holder_chain chain;
	struct text text = TEXT_EMPTY;
	assert_null(graph_chain(graph, block, false, &chain));
	for (size_t i = 0; i < chain.links.count; i++) {
		text_add(&text, i ? " > " : "");
		text_add(&text, chain.links.items[i]);
	}
	holder_chain_fini(&chain);
	return text_take(&text);
}
