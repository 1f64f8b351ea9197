/*
 * container: down from the root's own object, as long as one single object holds nearly all of the root and its place in the one above is
 * known.
 *
 *	app.STATE   dict 1 ──▷ app.Registry 1 ──▷ dict 1 ──▷ app.Session 40,000
 *	                 ['sessions']        .items       ▲ many: the dict above it is the container
 *
 * Where attributes lie in a dict object of their own, that one is passed over; so are a function's closure and a cell of it, for
 * the variable's name: "app.load() cache".
 */
#include "inspector/holders/container.h"

#include "base/cleanup.h"
#include "inspector/holders/link.h"

#include <string.h>

#define NEARLY_ALL_PERMILLE 900
#define STEPS_MAX           16

struct descent {
	const struct chains *chains;
	uint32_t root;
	bool contents;
};

/* The one object of the heaviest path of a list of them; GRAPH_PATH_NONE: it is not one, or it does not hold nearly all. */
static uint32_t single(const struct descent *d, uint32_t first)
{
	const struct graph *graph = d->chains->graph;
	uint32_t path = chains_heaviest(d->chains, first);
	if (path == GRAPH_PATH_NONE)
		return path;
	const struct graph_path *of = &graph->paths.items[path];
	uint64_t least = graph->roots.items[d->root].bytes / 1000 * NEARLY_ALL_PERMILLE;
	return of->count == 1 && of->all_bytes >= least ? path : GRAPH_PATH_NONE;
}

/* Adds how one path's object refers to that of another. */
static bool add_step(const struct descent *d, uint32_t from, uint32_t to, struct text *name)
{
	const struct graph *graph = d->chains->graph;
	return link_add_place(graph->scanner, graph->paths.items[from].node,
			      graph->paths.items[to].node, d->contents, name);
}

/* The path of the one object that a variable of a function's closure is, one of several perhaps; GRAPH_PATH_NONE. */
static uint32_t add_variable(const struct descent *d, uint32_t function, uint32_t closure,
			     struct text *name)
{
	const struct graph *graph = d->chains->graph;
	uint32_t cells = chains_heaviest(d->chains, d->chains->below[closure]);
	uint32_t value = cells == GRAPH_PATH_NONE ? cells : single(d, d->chains->below[cells]);
	if (value == GRAPH_PATH_NONE)
		return value;
	uint32_t cell = ties_parent(&graph->ties, graph->paths.items[value].node);
	bool known =
		cell != PLOT_NONE &&
		link_add_variable(graph->scanner, graph->paths.items[function].node, cell, name);
	return known ? value : GRAPH_PATH_NONE;
}

/* A namespace's own name is none that leads anywhere. */
static bool is_namespace(const char *name)
{
	static const char end[] = ".__dict__";
	size_t length = strlen(name), tail = sizeof(end) - 1;
	return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* The path below whose object is found by name; GRAPH_PATH_NONE: there is none. */
static uint32_t descend(const struct descent *d, uint32_t path, struct text *name)
{
	uint32_t next = single(d, d->chains->below[path]);
	if (next == GRAPH_PATH_NONE)
		return next;
	uint32_t value = add_variable(d, path, next, name);
	if (value != GRAPH_PATH_NONE)
		return value;
	uint32_t behind = single(d, d->chains->below[next]);
	if (behind != GRAPH_PATH_NONE && add_step(d, path, behind, name))
		return behind;
	const size_t before = name->length;
	if (!add_step(d, path, next, name))
		return GRAPH_PATH_NONE;
	if (!is_namespace(text_string(name)))
		return next;
	/* Of several attributes none holds nearly all: it is the object that does. */
	text_shorten(name, before);
	return GRAPH_PATH_NONE;
}

static bool is_expression(const struct graph_root *root)
{
	return root->kind == HOLDER_MODULE_GLOBAL && !is_namespace(root->name);
}

struct error *container_tell(const struct chains *chains, uint32_t root, bool contents, char **ret)
{
	const struct descent d = {chains, root, contents};
	const struct graph_root *of = &chains->graph->roots.items[root];
	uint32_t path = is_expression(of) ? single(&d, chains->of_root[root]) : GRAPH_PATH_NONE;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	*ret = NULL;
	text_add(&name, of->name);
	for (int i = 0; i < STEPS_MAX && path != GRAPH_PATH_NONE; i++)
		path = descend(&d, path, &name);
	if (name.failed || name.length <= strlen(of->name))
		return name.failed ? error_out_of_memory() : NULL;
	*ret = text_take(&name);
	return *ret ? NULL : error_out_of_memory();
}
