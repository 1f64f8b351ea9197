/*
 * graph_chain: the way from a root to what hangs on it, in words.
 *
 *	parent   block ─▷ items ─▷ list ─▷ dict ─▷ …  ─▷ root         read upwards, told downwards
 *	links    "app.CACHE", "dict['k']", "app.Session.rows", "list[3]", "str"
 *
 * A link tells its type, and how it refers to the next one. Buffers are left out: they belong to the object above them. So are a
 * closure and its cell, where the function's link names the variable: "function app.load() cache".
 */
#include "base/cleanup.h"
#include "base/count.h"
#include "inspector/holders/graph.h"
#include "inspector/holders/link.h"
#include "inspector/holders/type_sums.h"

#include <string.h>

/* So many links are told from each end of a long chain. */
#define CHAIN_SHOWN 12
/* And so many of a path. */
#define PATH_SHOWN 64

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
		node = ties_parent(&graph->ties, node);
	} while (node != PLOT_NONE && scanner_rule(graph->scanner, node)->owned && budget--);
	return node;
}

/* What a function's closure and a cell of it are left out for; NULL: the three are something else, or the name is not known. */
static char *closure_link(const struct graph *graph, uint32_t function, uint32_t cell)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	text_add(&text, type_sums_name(graph->scanner->ground,
				       scanner_rule(graph->scanner, function)->type));
	const size_t before = text.length;
	link_add_closure(graph->scanner, function, cell, &text);
	return text.length > before ? text_take(&text) : NULL;
}

static struct error *node_link(const struct graph *graph, uint32_t node, uint32_t next,
			       bool contents, struct holder_chain *chain)
{
	struct text text = TEXT_EMPTY;
	text_add(&text,
		 type_sums_name(graph->scanner->ground, scanner_rule(graph->scanner, node)->type));
	const size_t before = text.length;
	if (next != PLOT_NONE)
		link_add_local(graph->scanner, node, next, &text);
	if (next != PLOT_NONE && text.length == before)
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

/* *ret_told: nodes that the link of the i-th stands for. */
static struct error *row_link(const struct graph *graph, const uint32_t *nodes, size_t i,
			      uint32_t left_out, bool contents, struct holder_chain *chain,
			      size_t *ret_told)
{
	bool adjoins = i > 0 && !(left_out && i == CHAIN_SHOWN);
	char *closure = i > 2 && !left_out ? closure_link(graph, nodes[i], nodes[i - 2]) : NULL;
	*ret_told = closure ? 3 : 1;
	if (closure)
		return add_link(chain, closure);
	return node_link(graph, nodes[i], adjoins ? nodes[i - 1] : PLOT_NONE, contents, chain);
}

static struct error *tell_nodes(const struct graph *graph, uint32_t block, bool contents,
				struct holder_chain *chain)
{
	uint32_t nodes[2 * CHAIN_SHOWN], left_out;
	struct error *err = NULL;
	size_t told = 0;
	for (size_t n = gather(graph, block, nodes, &left_out); n > 0 && !err; n -= told) {
		bool gap = left_out && n == CHAIN_SHOWN;
		struct text text = TEXT_EMPTY;
		if (gap) {
			text_addf(&text, "… %s more …", COUNT(left_out));
			err = add_link(chain, text_take(&text));
		}
		err = err ?: row_link(graph, nodes, n - 1, left_out, contents, chain, &told);
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

/* The nodes that a path keeps, and above each those that it hangs on: rows[.][0] is at the end. PLOT_NONE: not known. */
struct samples {
	uint32_t rows[1 + GRAPH_PATH_SOME][PATH_SHOWN];
	size_t n;
};

static void add_sample(const struct graph *graph, const uint32_t *paths, size_t n_paths,
		       uint32_t node, struct samples *to)
{
	uint32_t *row = to->rows[to->n++];
	for (size_t i = 0; i < n_paths; i++) {
		if (i && node != PLOT_NONE)
			node = owner_of(graph, node);
		if (node != PLOT_NONE && ties_path(&graph->ties, node) != paths[i])
			node = PLOT_NONE; /* types recur, and the row is folded */
		row[i] = node;
	}
}

static void take_samples(const struct graph *graph, const uint32_t *paths, size_t n_paths,
			 struct samples *ret)
{
	const struct graph_path *end = &graph->paths.items[paths[0]];
	ret->n = 0;
	add_sample(graph, paths, n_paths, end->node, ret);
	for (uint32_t i = 0; i < end->n_some && i < GRAPH_PATH_SOME; i++)
		add_sample(graph, paths, n_paths, end->some[i], ret);
}

typedef void link_add(struct scanner *scanner, uint32_t from, uint32_t to, struct text *ret);

/* Adds how the i-th of each row refers to the one `down` below it, where all say the same. False: they do not. */
static bool add_common(const struct graph *graph, const struct samples *samples, size_t i,
		       size_t down, link_add *add, struct text *ret)
{
	_cleanup_(text_fini) struct text common = TEXT_EMPTY;
	const uint32_t *first = samples->rows[0];
	for (size_t k = 0; k < samples->n; k++) {
		_cleanup_(text_fini) struct text one = TEXT_EMPTY;
		const uint32_t *row = samples->rows[k];
		if (row[i] == PLOT_NONE || row[i - down] == PLOT_NONE)
			return false;
		if (k && row[i] == first[i] && row[i - down] == first[i - down])
			continue;
		add(graph->scanner, row[i], row[i - down], k ? &one : &common);
		if (!common.length || (k && strcmp(text_string(&one), text_string(&common)) != 0))
			return false;
	}
	text_add(ret, text_string(&common));
	return true;
}

/* One place in a frame is another variable in another function. */
static bool is_attributes_place(const struct graph *graph, uint32_t type)
{
	const struct type_table *types = &graph->scanner->ground->types;
	if (type == TYPE_NONE)
		return true;
	enum type_kind kind = type_table_get(types, type)->kind;
	return kind != TYPE_FRAME && kind != TYPE_GENERATOR;
}

static void add_attribute(const struct graph *graph, const uint32_t *paths, size_t i,
			  const struct samples *samples, struct text *ret)
{
	const struct graph_path *all = graph->paths.items;
	const struct graph_path *next = &all[paths[i - 1]];
	if (!next->one_place || !is_attributes_place(graph, all[paths[i]].type)) {
		(void)add_common(graph, samples, i, 1, link_add_attribute, ret);
		return;
	}
	uint32_t owner = owner_of(graph, next->node);
	if (owner != PLOT_NONE && ties_path(&graph->ties, owner) == paths[i])
		link_add_attribute(graph->scanner, owner, next->node, ret);
}

/* An attribute's name is told where all on the path below hang on the same one, or all that are asked; a variable's with
 * its function's, where they are the same, too. *ret_told: paths that the link stands for. */
static struct error *path_link(const struct graph *graph, const uint32_t *paths, size_t i,
			       const struct samples *samples, struct holder_chain *chain,
			       size_t *ret_told)
{
	struct text text = TEXT_EMPTY;
	text_add(&text, type_sums_name(graph->scanner->ground, graph->paths.items[paths[i]].type));
	bool closure = i > 2 && add_common(graph, samples, i, 2, link_add_closure, &text);
	if (i && !closure && !add_common(graph, samples, i, 1, link_add_local, &text))
		add_attribute(graph, paths, i, samples, &text);
	*ret_told = closure ? 3 : 1;
	return add_link(chain, text_take(&text));
}

static struct error *tell_paths(const struct graph *graph, uint32_t path,
				struct holder_chain *chain)
{
	const struct graph_path *all = graph->paths.items;
	struct samples samples;
	uint32_t row[PATH_SHOWN] = {path};
	size_t n = 1;
	for (; all[row[n - 1]].up != GRAPH_PATH_NONE && n < ARRAY_SIZE(row); n++)
		row[n] = all[row[n - 1]].up;
	take_samples(graph, row, n, &samples);
	struct error *err = NULL;
	for (size_t told = 0; n > 0 && !err; n -= told)
		err = path_link(graph, row, n - 1, &samples, chain, &told);
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
