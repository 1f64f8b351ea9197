/*
 * holders: whatever stands in a heap, and whatever its labels say, the walk over it ends, charges each byte once, and tells no
 * more than there is.
 *
 *	all blocks that are used = charged to roots + told as garbage, leaked, lost or unreached + dead and not reached
 */
#include "fuzz_graph_world.h"

#include "inspector/holders/graph.h"
#include "inspector/holders/walk/frozen.h"
#include "inspector/holders/walk/scanner.h"

#define ASKED   12 /* addresses */
#define TOLD    5  /* referrers of each */
#define LINKS   26 /* of a chain: its root, two dozen, and how many are left out */
#define DEEPEST 24 /* rows of types */

/* A block's own size, asked of the plot alone. */
static uint64_t size_of(const struct graph *graph, uint32_t node)
{
	const struct plot *plot = &graph->scanner->ground->plot;
	struct plot_place place = {.size = 0};
	if (node < plot->n_blocks)
		plot_place(plot, node, &place);
	return place.size;
}

static bool is_reached(const struct graph *graph, uint32_t node)
{
	return ties_path(&graph->ties, node) != GRAPH_PATH_NONE;
}

/* ---- the walk ---------------------------------------------------------------------------- */

static void check_paths(const struct graph *graph)
{
	for (size_t i = 0; i < graph->paths.count; i++) {
		const struct graph_path *p = &graph->paths.items[i];
		const struct graph_path *up =
			p->up == GRAPH_PATH_NONE ? NULL : &graph->paths.items[p->up];
		assert(p->root < graph->roots.count && p->depth <= DEEPEST);
		assert(!up || (p->up < i && up->root == p->root && up->depth + 1 == p->depth));
		assert(up || !p->depth);
		assert(p->all_bytes >= p->bytes && p->all_count >= p->count);
		assert(p->node < graph->n_nodes && p->n_met);
	}
}

/* Each node's parents lead to the root that it is charged to. */
static void check_parents(const struct graph *graph)
{
	for (uint32_t node = 0; node < graph->n_nodes; node++) {
		uint32_t at = node, n = 0;
		assert(is_reached(graph, node) || ties_parent(&graph->ties, node) == PLOT_NONE);
		for (; is_reached(graph, node) && ties_parent(&graph->ties, at) != PLOT_NONE; n++) {
			at = ties_parent(&graph->ties, at);
			assert(n < graph->n_nodes && at < graph->n_nodes);
			assert(is_reached(graph, at));
			assert(graph_root_of(graph, at) == graph_root_of(graph, node));
		}
	}
}

static uint64_t check_charges(const struct graph *graph)
{
	uint64_t bytes = 0, count = 0, charged = 0, charged_count = 0;
	for (uint32_t node = 0; node < graph->n_nodes; node++) {
		if (!is_reached(graph, node))
			continue;
		bool outside = node >= graph->scanner->ground->plot.n_blocks;
		assert(outside || plot_is_used(&graph->scanner->ground->plot, node));
		bytes += size_of(graph, node);
		count += !outside && !scanner_rule(graph->scanner, node)->owned;
	}
	for (size_t i = 0; i < graph->roots.count; i++) {
		assert(graph->roots.items[i].name);
		charged += graph->roots.items[i].bytes;
		charged_count += graph->roots.items[i].count;
	}
	assert(charged == bytes && charged_count == count);
	return bytes;
}

/* A static type may be passed over by what named roots hold: it is a root itself, where types are looked for. */
static void check_seen(void *context, const struct sight *sights, size_t n)
{
	const struct graph *graph = context;
	for (size_t i = 0; i < n; i++) {
		uint32_t into;
		uint32_t node = scanner_find(graph->scanner, sights[i].value, &into);
		if (node == PLOT_NONE || is_reached(graph, node))
			continue;
		const struct rule *rule = scanner_rule(graph->scanner, node);
		bool static_type = node >= graph->scanner->ground->plot.n_blocks && rule->is_type;
		assert(static_type || !scanner_is_meant(rule, into));
	}
}

/* Nothing that is reached refers to what is not. */
static void check_closed(const struct graph *graph)
{
	struct scanner scanner = *graph->scanner;
	for (uint32_t node = 0; node < graph->n_nodes; node++)
		if (is_reached(graph, node))
			scanner_node(&scanner, node, ties_parent(&graph->ties, node), check_seen,
				     (void *)(uintptr_t)graph);
}

/* ---- what is told ------------------------------------------------------------------------ */

static void check_row(const struct holder_root *root)
{
	uint64_t types = 0, chains = 0;
	for (size_t i = 0; i < root->types.count; i++) {
		assert(root->types.items[i].type);
		types += root->types.items[i].bytes;
	}
	for (size_t i = 0; i < root->chains.count; i++) {
		const struct holder_chain *chain = &root->chains.items[i];
		assert(chain->links.count > 1 && strcmp(chain->links.items[0], root->name) == 0);
		chains += chain->bytes;
	}
	assert(types <= root->bytes && chains <= root->bytes);
}

static void check_types(const struct holder_type *all, const struct holder_type *rows, size_t n)
{
	uint64_t bytes = 0, count = 0;
	for (size_t i = 0; i < n; i++) {
		assert(rows[i].type);
		bytes += rows[i].bytes;
		count += rows[i].count;
	}
	assert(bytes <= all->bytes && count <= all->count);
}

/* Bytes of what is used, but dead and not reached. */
static uint64_t dead_bytes(const struct graph *graph)
{
	const struct ground *ground = graph->scanner->ground;
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < ground->plot.n_blocks; i++)
		if (!is_reached(graph, i) &&
		    labels_of(&ground->labels, i)->kind == LABEL_FREE_LISTED)
			bytes += size_of(graph, i);
	return bytes;
}

static uint64_t used_bytes(const struct graph *graph)
{
	const struct plot *plot = &graph->scanner->ground->plot;
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < plot->n_blocks; i++)
		bytes += plot_is_used(plot, i) ? size_of(graph, i) : 0;
	return bytes;
}

static void check_report(struct graph *graph, uint64_t reached)
{
	struct holders h;
	uint64_t roots = 0, lost = 0;
	struct error *err = graph_report(graph, &h);
	assert(!err && h.filled && h.complete && h.reached_bytes == reached);
	for (size_t i = 0; i < h.roots.count; i++) {
		check_row(&h.roots.items[i]);
		roots += h.roots.items[i].bytes;
	}
	check_types(&h.garbage, h.garbage_types.items, h.garbage_types.count);
	check_types(&h.frozen, h.frozen_types.items, h.frozen_types.count);
	check_types(&h.leaked, h.leaked_types.items, h.leaked_types.count);
	for (size_t i = 0; i < h.lost_sizes.count; i++)
		lost += h.lost_sizes.items[i].size * h.lost_sizes.items[i].count;
	assert(roots == reached && lost <= h.lost_bytes && h.native_bytes <= reached);
	assert(used_bytes(graph) == reached + h.garbage.bytes + h.frozen.bytes + h.leaked.bytes +
					    h.lost_bytes + h.unreached_bytes + dead_bytes(graph));
	holders_fini(&h);
}

static void check_chains(const struct graph *graph, bool contents)
{
	for (uint32_t node = 0; node < graph->n_nodes; node++) {
		struct holder_chain chain;
		struct error *err = graph_chain(graph, node, contents, &chain);
		assert(!err && chain.links.count <= LINKS);
		assert(is_reached(graph, node) ? chain.links.count > 1 : !chain.links.count);
		holder_chain_fini(&chain);
	}
	for (uint32_t path = 0; path < graph->paths.count; path++) {
		struct holder_chain chain;
		struct error *err = graph_path_chain(graph, path, &chain);
		assert(!err && chain.links.count == graph->paths.items[path].depth + 2);
		holder_chain_fini(&chain);
	}
}

static void check_referrers(const struct graph *graph, raddr at, bool contents)
{
	struct holder_referrers referrers;
	struct error *err = graph_referrers(graph, at, contents, TOLD, &referrers);
	assert(!err && referrers.list.count <= TOLD && referrers.list.count <= referrers.n_all);
	assert(referrers.list.count || !referrers.n_all);
	for (size_t i = 0; i < referrers.list.count; i++)
		assert(referrers.list.items[i].type);
	holder_referrers_fini(&referrers);
	uint32_t node = graph_node_at(graph, at);
	assert(node == PLOT_NONE || node < graph->n_nodes);
}

/* Anything may be taken for the head of the collector's list: it is followed as far as it is one. */
static void freeze(struct graph *graph, raddr head)
{
	bool whole;
	struct error *err =
		frozen_add(graph->scanner, head, graph->n_nodes, &graph->frozen, &whole);
	assert(!err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct graph_world *w = graph_world_new(&f);
	const bool contents = size % 2;
	const struct graph_request request = {.ground = &w->ground, .contents = contents};
	struct doubts doubts = {VEC_EMPTY};
	struct graph *graph = NULL;
	struct error *err = graph_walk(&request, &w->roots, &graph, &doubts);
	assert(!err && graph->complete && !doubts.list.count);
	check_paths(graph);
	check_parents(graph);
	check_closed(graph);
	freeze(graph, raddr_at(f.size ? graph_world_address(w, &f) & ~UINT64_C(7) : 0));
	check_report(graph, check_charges(graph));
	check_chains(graph, contents);
	for (size_t i = 0; i < ASKED && f.size; i++)
		check_referrers(graph, raddr_at(graph_world_address(w, &f)), contents);
	graph_free(graph);
	doubts_fini(&doubts);
	graph_world_free(w);
	return 0;
}
