/* pins_world: of each function that is another's, the least that pins ask of it. */
#include "pins_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what the graph and the ground say ---------------------------------------------------------------------- */

struct error *graph_path_chain(const struct graph *graph, uint32_t path, struct holder_chain *ret)
{
	const struct graph_root *root = &graph->roots.items[graph->paths.items[path].root];
	char **link = vec_push(&ret->links);
	assert_non_null(link);
	*link = strdup(root->name);
	ret->kind = root->kind;
	return NULL;
}

struct error *graph_chain(const struct graph *graph, uint32_t block, bool contents,
			  struct holder_chain *ret)
{
	(void)contents;
	return graph_path_chain(graph, ties_path(&graph->ties, block), ret);
}

void ground_label_name(const struct ground *ground, const struct label *label, struct text *ret)
{
	text_add(ret, ground->types.types.items[label->type].name);
}

/* The one object that anybody asks for: a weak reference, to what heap_refer_weakly() says. */
static uint64_t weak_words[2];

bool ground_object(struct ground *ground, uint32_t block, struct object *ret)
{
	(void)ground;
	(void)block;
	*ret = (struct object){.at = raddr_at(WEAK_AT)};
	return true;
}

static struct error *read_weak(void *source, raddr at, void *buffer, size_t size)
{
	(void)source;
	uint8_t page[4096] = {0};
	memcpy(page + 16, weak_words, sizeof(weak_words));
	assert_true(at.value >= WEAK_AT && at.value - WEAK_AT + size <= sizeof(page));
	memcpy(buffer, page + (at.value - WEAK_AT), size);
	return NULL;
}

const struct space_ops weak_ops = {.read = read_weak};

bool plot_find(const struct plot *plot, uint64_t address, struct plot_place *ret)
{
	for (size_t i = 0; i < plot->runs.count; i++) {
		const struct plot_run *run = &plot->runs.items[i];
		if (address < run->start || address >= run->start + run->n_blocks * run->block_size)
			continue;
		plot_place(plot, run->first + (uint32_t)((address - run->start) / run->block_size),
			   ret);
		return true;
	}
	return false;
}

void plot_place(const struct plot *plot, uint32_t block, struct plot_place *ret)
{
	for (size_t i = 0; i < plot->runs.count; i++) {
		const struct plot_run *run = &plot->runs.items[i];
		if (block < run->first || block - run->first >= run->n_blocks)
			continue;
		ret->block = block;
		ret->arena = run->arena;
		ret->size = run->block_size;
		ret->start = run->start + (uint64_t)(block - run->first) * run->block_size;
	}
}

/* ---- a heap ----------------------------------------------------------------------------------------------------- */

static void add_type(struct heap *h, const char *name)
{
	struct type *type = vec_push(&h->ground.types.types);
	assert_non_null(type);
	type->name = strdup(name);
}

static void add_label(struct heap *h, enum label_kind kind, uint32_t type)
{
	struct label *label = vec_push(&h->ground.labels.list);
	assert_non_null(label);
	*label = (struct label){.kind = kind, .type = type, .of = TYPE_NONE, .part = PART_OTHER};
}

static void add_root(struct heap *h, const char *name, uint64_t bytes)
{
	struct graph_root *root = vec_push(&h->graph.roots);
	struct holder_root *same = vec_push(&h->holders.roots);
	assert_true(root && same);
	root->name = strdup(name);
	same->name = strdup(name);
	root->kind = same->kind = HOLDER_MODULE_GLOBAL;
	root->bytes = same->bytes = bytes;
}

void heap_add_path(struct heap *h, uint32_t up, uint32_t root, uint32_t type, uint64_t count)
{
	struct graph_path *path = vec_push(&h->graph.paths);
	assert_non_null(path);
	*path = (struct graph_path){.up = up, .root = root, .type = type, .count = count};
}

/* Two roots: app.CACHE holds a dict of Sessions, each with a name; app.OTHER a str. */
struct heap *heap_new(void)
{
	struct heap *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	h->ground.plot.used = h->used;
	h->ground.labels.of_block = h->labels;
	h->graph.garbage = h->garbage;
	assert_null(ties_init(&h->graph.ties, ARRAY_SIZE(h->labels)));
	static const char *const types[] = {"dict", "app.Session", "str",
					    "functools._lru_list_elem", "weakref"};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		add_type(h, types[i]);
	add_label(h, LABEL_FREE, TYPE_NONE);
	add_label(h, LABEL_UNEXPLAINED, TYPE_NONE);
	add_label(h, LABEL_OBJECT, TYPE_NONE);
	add_label(h, LABEL_OBJECT, TYPE_DICT_);
	add_label(h, LABEL_OBJECT, TYPE_SESSION);
	add_label(h, LABEL_OBJECT, TYPE_STR_);
	add_label(h, LABEL_BUFFER, TYPE_DICT_);
	add_label(h, LABEL_OBJECT, TYPE_WEAK);
	add_label(h, LABEL_FREE_LISTED, TYPE_DICT_);
	add_label(h, LABEL_FREE_LISTED, TYPE_SESSION);
	h->ground.shapes.ob_type = 8;
	h->ground.types.shapes = &h->ground.shapes;
	add_root(h, "app.CACHE", 1000);
	add_root(h, "app.OTHER", 50);
	heap_add_path(h, GRAPH_PATH_NONE, 0, TYPE_DICT_, 1);
	heap_add_path(h, PATH_CACHE, 0, TYPE_SESSION, 750);
	heap_add_path(h, PATH_SESSION, 0, TYPE_STR_, 900);
	heap_add_path(h, GRAPH_PATH_NONE, 1, TYPE_STR_, 1);
	return h;
}

void heap_free(struct heap **place)
{
	struct heap *h = *place;
	for (size_t i = 0; i < h->ground.types.types.count; i++)
		free(h->ground.types.types.items[i].name);
	for (size_t i = 0; i < h->graph.roots.count; i++)
		free(h->graph.roots.items[i].name);
	vec_fini(&h->ground.types.types);
	vec_fini(&h->ground.labels.list);
	vec_fini(&h->ground.plot.arenas);
	vec_fini(&h->ground.plot.runs);
	vec_fini(&h->ground.plot.chunks);
	vec_fini(&h->graph.roots);
	vec_fini(&h->graph.paths);
	ties_fini(&h->graph.ties);
	vec_fini(&h->malloc.arenas);
	holders_fini(&h->holders);
	free(h);
}

void heap_add_arena(struct heap *h, enum plot_source source)
{
	struct plot_arena *arena = vec_push(&h->ground.plot.arenas);
	assert_non_null(arena);
	arena->start = 0x7f0000000000 + h->ground.plot.arenas.count * MIB;
	arena->size = arena->resident = ARENA;
	arena->source = source;
}

/* A pool of the last arena, empty as yet. */
void heap_add_pool(struct heap *h)
{
	struct plot *plot = &h->ground.plot;
	struct plot_run *run = vec_push(&plot->runs);
	assert_non_null(run);
	*run = (struct plot_run){.start = plot->arenas.items[plot->arenas.count - 1].start +
					  plot->runs.count * POOL,
				 .block_size = BLOCK,
				 .n_blocks = BLOCKS,
				 .first = h->next,
				 .arena = (uint32_t)plot->arenas.count - 1};
	h->next += BLOCKS;
	plot->n_run_blocks = plot->n_blocks = h->next;
	assert_true(h->next < ARRAY_SIZE(h->labels));
}

/* Block i of the last pool. */
void heap_use(struct heap *h, uint32_t i, uint16_t label, uint32_t path)
{
	uint32_t block = h->next - BLOCKS + i;
	h->used[block / 64] |= UINT64_C(1) << (block % 64);
	h->labels[block] = label;
	h->ground.plot.arenas.items[h->ground.plot.arenas.count - 1].used_blocks++;
	ties_set(&h->graph.ties, block, PLOT_NONE, path);
}

void heap_use_garbage(struct heap *h, uint32_t i, uint16_t label)
{
	uint32_t block = h->next - BLOCKS + i;
	heap_use(h, i, label, GRAPH_PATH_NONE);
	h->garbage[block / 64] |= UINT64_C(1) << (block % 64);
}

void heap_set_frozen(struct heap *h, bool frozen)
{
	h->graph.frozen = frozen ? h->garbage : NULL;
	h->graph.garbage = frozen ? NULL : h->garbage;
}

void heap_refer_weakly(const struct heap *h, uint32_t i, uint64_t callback)
{
	weak_words[0] = h->ground.plot.runs.items[0].start + i * BLOCK + 16;
	weak_words[1] = callback;
}

/* An arena that is kept by one Session, its name, and a table. */
void heap_add_pinned(struct heap *h)
{
	heap_add_arena(h, PLOT_PYMALLOC);
	heap_add_pool(h);
	heap_use(h, 3, LABEL_SESSION, PATH_SESSION);
	heap_use(h, 4, LABEL_STR, PATH_NAME);
	heap_use(h, BLOCKS - 1, LABEL_KEYS, PATH_SESSION);
}
