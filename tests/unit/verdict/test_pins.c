/*
 * Heaps of a few arenas, made by hand: who pins them, and what would go back.
 *
 * Chains and names are the graph's and the ground's: here they are as short as they can be.
 */
#include "base/cleanup.h"
#include "inspector/verdict/pins/pins_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA  (256 * KIB)
#define POOL   (4 * KIB)
#define BLOCK  64
#define BLOCKS 60 /* of a pool that have numbers */

enum { TYPE_DICT_, TYPE_SESSION, TYPE_STR_, TYPE_ELEMENT };
enum { LABEL_NO, LABEL_UNKNOWN, LABEL_REST, LABEL_DICT, LABEL_SESSION, LABEL_STR, LABEL_KEYS };
enum { PATH_CACHE, PATH_SESSION, PATH_NAME, PATH_OTHER, N_PATHS };

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
	return graph_path_chain(graph, graph->path[block], ret);
}

void ground_label_name(const struct ground *ground, const struct label *label, struct text *ret)
{
	text_add(ret, ground->types.types.items[label->type].name);
}

/* ---- a heap ----------------------------------------------------------------------------------------------------- */

struct heap {
	struct ground ground;
	struct graph graph;
	struct holders holders;
	struct malloc_account malloc;
	uint64_t used[64];
	uint16_t labels[4096];
	uint32_t paths[4096];
	uint32_t next; /* number */
};

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

static void add_path(struct heap *h, uint32_t up, uint32_t root, uint32_t type, uint64_t count)
{
	struct graph_path *path = vec_push(&h->graph.paths);
	assert_non_null(path);
	*path = (struct graph_path){.up = up, .root = root, .type = type, .count = count};
}

/* Two roots: app.CACHE holds a dict of Sessions, each with a name; app.OTHER a str. */
static struct heap *heap_new(void)
{
	struct heap *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	h->ground.plot.used = h->used;
	h->ground.labels.of_block = h->labels;
	h->graph.path = h->paths;
	for (size_t i = 0; i < ARRAY_SIZE(h->paths); i++)
		h->paths[i] = GRAPH_PATH_NONE;
	static const char *const types[] = {"dict", "app.Session", "str",
					    "functools._lru_list_elem"};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		add_type(h, types[i]);
	add_label(h, LABEL_FREE, TYPE_NONE);
	add_label(h, LABEL_UNEXPLAINED, TYPE_NONE);
	add_label(h, LABEL_OBJECT, TYPE_NONE);
	add_label(h, LABEL_OBJECT, TYPE_DICT_);
	add_label(h, LABEL_OBJECT, TYPE_SESSION);
	add_label(h, LABEL_OBJECT, TYPE_STR_);
	add_label(h, LABEL_BUFFER, TYPE_DICT_);
	add_root(h, "app.CACHE", 1000);
	add_root(h, "app.OTHER", 50);
	add_path(h, GRAPH_PATH_NONE, 0, TYPE_DICT_, 1);
	add_path(h, PATH_CACHE, 0, TYPE_SESSION, 750);
	add_path(h, PATH_SESSION, 0, TYPE_STR_, 900);
	add_path(h, GRAPH_PATH_NONE, 1, TYPE_STR_, 1);
	return h;
}

static void heap_free(struct heap **place)
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
	vec_fini(&h->malloc.arenas);
	holders_fini(&h->holders);
	free(h);
}

static void add_arena(struct heap *h, enum plot_source source)
{
	struct plot_arena *arena = vec_push(&h->ground.plot.arenas);
	assert_non_null(arena);
	arena->start = 0x7f0000000000 + h->ground.plot.arenas.count * MIB;
	arena->size = arena->resident = ARENA;
	arena->source = source;
}

/* A pool of the last arena, empty as yet. */
static void add_pool(struct heap *h)
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
static void use(struct heap *h, uint32_t i, uint16_t label, uint32_t path)
{
	uint32_t block = h->next - BLOCKS + i;
	h->used[block / 64] |= UINT64_C(1) << (block % 64);
	h->labels[block] = label;
	h->paths[block] = path;
}

/* An arena that is kept by one Session, its name, and a table. */
static void add_pinned(struct heap *h)
{
	add_arena(h, PLOT_PYMALLOC);
	add_pool(h);
	use(h, 3, LABEL_SESSION, PATH_SESSION);
	use(h, 4, LABEL_STR, PATH_NAME);
	use(h, BLOCKS - 1, LABEL_KEYS, PATH_SESSION);
}

#define PINNED_USED (3 * BLOCK)

static void make(struct heap *h, struct pins *ret)
{
	const struct pins_request request = {
		.ground = &h->ground, .graph = &h->graph, .malloc = &h->malloc};
	assert_null(pins_make(&request, &h->holders, ret));
	assert_true(ret->filled);
}

#define HEAP _cleanup_(heap_free) struct heap *h = heap_new()
#define PINS _cleanup_(pins_fini) struct pins p = {.filled = false}

/* ---- pymalloc ------------------------------------------------------------------------------------------------------ */

static void test_a_root_keeps_arenas(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (int i = 0; i < 10; i++)
		add_pinned(h);
	make(h, &p);
	assert_int_equal(p.arenas, 10);
	assert_int_equal(p.sparse_arenas, 10);
	assert_int_equal(p.sparse_blocks, 30);
	assert_int_equal(p.sparse_used, 10 * PINNED_USED);
	assert_int_equal(p.sparse_free, 10 * (ARENA - PINNED_USED));
	assert_int_equal(p.types.count, 1);
	assert_string_equal(p.types.items[0].type, "app.Session");
	assert_int_equal(p.types.items[0].count, 10);
	assert_int_equal(p.types.items[0].bytes, 10 * PINNED_USED);
	assert_int_equal(p.types.items[0].sole_arenas, 10);
	assert_int_equal(p.types.items[0].returned, 10 * ARENA);
	assert_int_equal(p.types.items[0].held, 10 * (ARENA - PINNED_USED));
	assert_int_equal(p.types.items[0].holders.count, 1);
	assert_string_equal(p.types.items[0].holders.items[0].links.items[0], "app.CACHE");
	assert_int_equal(p.types.items[0].holders.items[0].count, 10);
	assert_int_equal(p.roots.count, 1);
	assert_string_equal(p.roots.items[0].name, "app.CACHE");
	assert_string_equal(p.roots.items[0].type, "app.Session");
	assert_int_equal(p.roots.items[0].type_count, 10);
	assert_int_equal(p.roots.items[0].links.count, 1);
	assert_int_equal(p.lead_roots, 1);
	assert_int_equal(p.lead_returned, 10 * ARENA);
	assert_int_equal(h->holders.roots.items[0].returned, 10 * ARENA);
	assert_int_equal(h->holders.roots.items[1].returned, 0);
}

/* In every other arena there is something of another root: only together they give it back. */
static void test_two_roots_lead_together(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (int i = 0; i < 10; i++) {
		add_pinned(h);
		if (i % 2)
			use(h, 7, LABEL_STR, PATH_OTHER);
	}
	make(h, &p);
	assert_int_equal(p.lead_roots, 2);
	assert_int_equal(p.lead_returned, 10 * ARENA);
	assert_string_equal(p.roots.items[0].name, "app.CACHE");
	assert_int_equal(p.roots.items[0].sole_arenas, 5);
	assert_int_equal(p.roots.items[0].arenas, 10);
	assert_string_equal(p.roots.items[1].name, "app.OTHER");
	assert_int_equal(p.roots.items[1].sole_arenas, 0);
	assert_int_equal(p.roots.items[1].arenas, 5);
	assert_int_equal(h->holders.roots.items[0].returned, 5 * ARENA);
}

/* What nothing reaches is nobody's: the arena stays, whichever root goes. */
static void test_unreached_blocks_keep_an_arena(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_pinned(h);
	use(h, 9, LABEL_UNKNOWN, GRAPH_PATH_NONE);
	add_arena(h, PLOT_PYMALLOC);
	add_pool(h);
	use(h, 0, LABEL_DICT, GRAPH_PATH_NONE);
	make(h, &p);
	assert_int_equal(p.lead_roots, 0);
	assert_int_equal(p.roots.items[0].sole_arenas, 0);
	assert_int_equal(p.unreached_returned, ARENA);
	assert_int_equal(p.unreached_bytes, 2 * BLOCK);
	assert_int_equal(p.types.count, 3);
	assert_string_equal(p.types.items[0].type, "dict");
	assert_int_equal(p.types.items[0].returned, ARENA);
	assert_int_equal(p.types.items[0].holders.count, 0);
}

/* A dense arena pins nothing, and still says what its root would give back. */
static void test_a_dense_arena(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_arena(h, PLOT_PYMALLOC);
	h->ground.plot.arenas.items[0].size = h->ground.plot.arenas.items[0].resident = POOL;
	add_pool(h);
	for (uint32_t i = 0; i < BLOCKS; i++)
		use(h, i, LABEL_SESSION, PATH_SESSION);
	make(h, &p);
	assert_int_equal(p.arenas, 1);
	assert_int_equal(p.sparse_arenas, 0);
	assert_int_equal(p.types.count, 0);
	assert_int_equal(p.curve.count, 0);
	assert_int_equal(h->holders.roots.items[0].returned, POOL);
}

/* The links of functools' cache are not what somebody has many of; what hangs on them is. */
static void test_links_between_are_passed(void **state)
{
	(void)state;
	HEAP;
	PINS;
	h->graph.paths.count = 0;
	add_path(h, GRAPH_PATH_NONE, 0, TYPE_DICT_, 1);
	add_path(h, 0, 0, TYPE_ELEMENT, 750);
	add_path(h, 1, 0, TYPE_SESSION, 750);
	add_path(h, 2, 0, TYPE_STR_, 750);
	add_arena(h, PLOT_PYMALLOC);
	add_pool(h);
	use(h, 0, LABEL_SESSION, 2);
	use(h, 1, LABEL_STR, 3);
	make(h, &p);
	assert_int_equal(p.types.count, 1);
	assert_string_equal(p.types.items[0].type, "app.Session");
	assert_int_equal(p.types.items[0].count, 1);
}

static void test_without_a_graph(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_pinned(h);
	add_pinned(h);
	const struct pins_request request = {.ground = &h->ground, .malloc = &h->malloc};
	assert_null(pins_make(&request, NULL, &p));
	assert_int_equal(p.roots.count, 0);
	assert_int_equal(p.types.count, 3);
	assert_int_equal(p.types.items[0].sole_arenas, 0);
	assert_int_equal(p.types.items[0].arenas, 2);
}

static void test_the_curve_ascends(void **state)
{
	(void)state;
	HEAP;
	PINS;
	for (uint32_t i = 0; i < 50; i++) {
		add_arena(h, PLOT_PYMALLOC);
		add_pool(h);
		for (uint32_t k = 0; k <= i; k++)
			use(h, k, LABEL_SESSION, PATH_SESSION);
	}
	make(h, &p);
	assert_in_range(p.curve.count, 15, 21);
	for (size_t i = 1; i < p.curve.count; i++) {
		assert_true(p.curve.items[i].blocks > p.curve.items[i - 1].blocks);
		assert_true(p.curve.items[i].returned > p.curve.items[i - 1].returned);
	}
	assert_int_equal(p.curve.items[0].blocks, 3); /* of arenas with one and with two */
	assert_int_equal(p.curve.items[p.curve.count - 1].blocks, 50 * 51 / 2);
	assert_int_equal(p.curve.items[p.curve.count - 1].returned, 50 * ARENA);
}

/* ---- mimalloc --------------------------------------------------------------------------------------------------------- */

/* Each page goes back by itself, and has its share of what its segment has in RAM. */
static void test_pages_of_mimalloc(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_arena(h, PLOT_MIMALLOC);
	for (int i = 0; i < 8; i++) {
		add_pool(h);
		use(h, 0, LABEL_SESSION, PATH_SESSION);
	}
	h->ground.plot.arenas.items[0].resident = 4 * BLOCKS * BLOCK;
	make(h, &p);
	assert_true(p.mimalloc);
	assert_int_equal(p.arenas, 8);
	assert_int_equal(p.types.items[0].sole_arenas, 8);
	assert_int_equal(p.types.items[0].returned, 4 * BLOCKS * BLOCK);
}

/* ---- malloc ------------------------------------------------------------------------------------------------------------ */

static void add_chunk(struct heap *h, uint64_t start, uint64_t size, uint16_t label, uint32_t path)
{
	struct plot *plot = &h->ground.plot;
	struct plot_chunk *chunk = vec_push(&plot->chunks);
	assert_non_null(chunk);
	*chunk = (struct plot_chunk){start + 16, size - 16};
	uint32_t block = plot->n_blocks++;
	h->labels[block] = label;
	h->paths[block] = path;
	h->used[block / 64] |= UINT64_C(1) << (block % 64);
}

/* A mapping of its own goes back whole; of chunks that follow each other the pages that lie in them whole. */
static void test_chunks_go_back_by_pages(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_chunk(h, 0x1000800, 0x1000, LABEL_STR, PATH_NAME);
	add_chunk(h, 0x1001800, 0x1000, LABEL_STR, PATH_NAME);
	add_chunk(h, 0x1002800, 0x1000, LABEL_STR, PATH_OTHER);
	add_chunk(h, 0x1003800, 0x1000, LABEL_STR, PATH_NAME);
	add_chunk(h, 0x2000000, 0x40000, LABEL_STR, PATH_OTHER);
	make(h, &p);
	assert_int_equal(h->holders.roots.items[0].returned, 0x1000);
	assert_int_equal(h->holders.roots.items[1].returned, 0x40000);
}

static void add_malloc_arena(struct heap *h, uint64_t chunk, uint64_t below, uint64_t top)
{
	struct malloc_arena *a = vec_push(&h->malloc.arenas);
	assert_non_null(a);
	a->address = raddr_at(chunk & ~(MIB - 1));
	a->pin = (struct malloc_pin){.chunk = raddr_at(chunk), .size = 64, .below = below};
	a->top = top;
}

static void test_chunks_below_tops(void **state)
{
	(void)state;
	HEAP;
	PINS;
	add_malloc_arena(h, 0x1000800, 60 * MIB, 100 * KIB);
	add_malloc_arena(h, 0x2000800, 80 * MIB, 100 * KIB);
	add_malloc_arena(h, 0x3000800, 64, 100 * KIB);
	make(h, &p);
	assert_int_equal(p.tops.count, 2);
	assert_int_equal(p.tops.items[0].below, 80 * MIB);
	assert_int_equal(p.tops.items[1].above, 100 * KIB);
	assert_null(p.tops.items[0].type);
	assert_int_equal(p.tops.items[0].chain.links.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_root_keeps_arenas),
		cmocka_unit_test(test_two_roots_lead_together),
		cmocka_unit_test(test_unreached_blocks_keep_an_arena),
		cmocka_unit_test(test_a_dense_arena),
		cmocka_unit_test(test_links_between_are_passed),
		cmocka_unit_test(test_without_a_graph),
		cmocka_unit_test(test_the_curve_ascends),
		cmocka_unit_test(test_pages_of_mimalloc),
		cmocka_unit_test(test_chunks_go_back_by_pages),
		cmocka_unit_test(test_chunks_below_tops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
