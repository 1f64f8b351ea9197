/*
 * graph_chain: the way from a root to what hangs on it, in words.
 *
 *	parent   block ─▷ items ─▷ list ─▷ dict ─▷ …  ─▷ root         read upwards, told downwards
 *	links    "app.CACHE", "dict['k']", "app.Session.rows", "list[3]", "str"
 *
 * A link tells its type, and how it refers to the next one. Buffers are left out: they belong to the object above them.
 */
#include "base/cleanup.h"
#include "inspector/holders/graph.h"
#include "inspector/holders/link.h"
#include "inspector/holders/type_sums.h"

#include <string.h>

/* So many links are told from each end of a long chain. */
#define CHAIN_SHOWN 12

static struct error *add_link(struct holder_chain *chain, char *text)
{
	char **link = text ? vec_push(&chain->links) : NULL;
	if (!link) {
		free(text);
		return error_out_of_memory();
	}
	*link = text;
	return NULL;
}

static struct error *begin(const struct graph *graph, uint32_t root, struct holder_chain *chain)
{
	chain->kind = graph->roots.items[root].kind;
	return add_link(chain, strdup(graph->roots.items[root].name));
}

/* ---- of one block ---------------------------------------------------------------------- */

/* A node's parent, buffers left out; PLOT_NONE. */
static uint32_t owner_of(const struct graph *graph, uint32_t node)
{
	uint32_t budget = graph->n_nodes;
	do {
		node = graph->parent[node];
	} while (node != PLOT_NONE && scanner_rule(graph->scanner, node)->owned && budget--);
	return node;
}

static struct error *node_link(const struct graph *graph, uint32_t node, uint32_t next,
			       bool contents, struct holder_chain *chain)
{
	struct text text = TEXT_EMPTY;
	text_add(&text,
		 type_sums_name(graph->scanner->ground, scanner_rule(graph->scanner, node)->type));
	if (next != PLOT_NONE)
		link_add_edge(graph->scanner, node, next, contents, &text);
	return add_link(chain, text_take(&text));
}

/* How many nodes stand above one, itself counted. */
static uint32_t depth_of(const struct graph *graph, uint32_t node)
{
	uint32_t depth = 0;
	for (; node != PLOT_NONE && depth < graph->n_nodes; node = owner_of(graph, node))
		depth++;
	return depth;
}

/* Nodes of the chain that are told, the lowest first; *ret_left_out of them, after the first CHAIN_SHOWN, are not. */
static size_t gather(const struct graph *graph, uint32_t node, uint32_t *ret,
		     uint32_t *ret_left_out)
{
	uint32_t depth = depth_of(graph, node);
	uint32_t left_out = depth > 2 * CHAIN_SHOWN ? depth - 2 * CHAIN_SHOWN : 0;
	size_t n = 0;
	for (uint32_t i = 0; i < depth; i++, node = owner_of(graph, node))
		if (i < CHAIN_SHOWN || i >= CHAIN_SHOWN + left_out)
			ret[n++] = node;
	*ret_left_out = left_out;
	return n;
}

static struct error *tell_nodes(const struct graph *graph, uint32_t block, bool contents,
				struct holder_chain *chain)
{
	uint32_t nodes[2 * CHAIN_SHOWN], left_out;
	struct error *err = NULL;
	for (size_t i = gather(graph, block, nodes, &left_out); i-- > 0 && !err;) {
		bool gap = left_out && i == CHAIN_SHOWN - 1;
		struct text text = TEXT_EMPTY;
		if (gap) {
			text_addf(&text, "… %" PRIu32 " more …", left_out);
			err = add_link(chain, text_take(&text));
		}
		bool adjoins = i > 0 && !(left_out && i == CHAIN_SHOWN);
		err = err
			      ?: node_link(graph, nodes[i], adjoins ? nodes[i - 1] : PLOT_NONE,
					   contents, chain);
	}
	return err;
}

struct error *graph_chain(const struct graph *graph, uint32_t block, bool contents,
			  struct holder_chain *ret)
{
	_cleanup_(holder_chain_fini) struct holder_chain chain = {.kind = HOLDER_UNKNOWN};
	uint32_t root = block < graph->n_nodes ? graph_root_of(graph, block) : GRAPH_PATH_NONE;
	if (root == GRAPH_PATH_NONE) {
		*ret = (struct holder_chain){.kind = HOLDER_UNKNOWN};
		return NULL;
	}
	struct error *err = begin(graph, root, &chain);
	err = err ?: tell_nodes(graph, block, contents, &chain);
	if (err)
		return err;
	chain.bytes = scanner_size(graph->scanner, block);
	chain.count = 1;
	*ret = chain;
	chain = (struct holder_chain){.kind = HOLDER_UNKNOWN};
	return NULL;
}

/* ---- of a path ------------------------------------------------------------------------- */

/* An attribute's name is told where all on the path below hang on the same one. */
static struct error *path_link(const struct graph *graph, uint32_t path, uint32_t next,
			       struct holder_chain *chain)
{
	const struct graph_path *all = graph->paths.items;
	struct text text = TEXT_EMPTY;
	text_add(&text, type_sums_name(graph->scanner->ground, all[path].type));
	if (next != GRAPH_PATH_NONE && all[next].one_place) {
		uint32_t owner = owner_of(graph, all[next].node);
		if (owner != PLOT_NONE && graph->path[owner] == path)
			link_add_attribute(graph->scanner, owner, all[next].node, &text);
	}
	return add_link(chain, text_take(&text));
}

static struct error *tell_paths(const struct graph *graph, uint32_t path,
				struct holder_chain *chain)
{
	const struct graph_path *all = graph->paths.items;
	uint32_t row[64];
	size_t n = 0;
	for (uint32_t i = path; i != GRAPH_PATH_NONE && n < ARRAY_SIZE(row); i = all[i].up)
		row[n++] = i;
	struct error *err = NULL;
	for (size_t i = n; i-- > 0 && !err;)
		err = path_link(graph, row[i], i ? row[i - 1] : GRAPH_PATH_NONE, chain);
	return err;
}

struct error *graph_path_chain(const struct graph *graph, uint32_t path, struct holder_chain *ret)
{
	_cleanup_(holder_chain_fini) struct holder_chain chain = {.kind = HOLDER_UNKNOWN};
	const struct graph_path *end = &graph->paths.items[path];
	struct error *err = begin(graph, end->root, &chain);
	err = err ?: tell_paths(graph, path, &chain);
	if (err)
		return err;
	chain.count = end->count;
	chain.bytes = end->all_bytes;
	*ret = chain;
	chain = (struct holder_chain){.kind = HOLDER_UNKNOWN};
	return NULL;
}
