/*
 * graph: from roots to everything they keep.
 *
 *	hold back   the modules' namespaces: every function of a module refers to it, so that a global that is a function
 *	            would be charged with the table of all others
 *	named       module globals, class attributes, locals          walk
 *	static      those namespaces; data of files, states of threads        walk
 *	stack       C stacks                                                  walk
 *	strings     characters that stand outside of their str
 *	sum         what hangs on each path and root
 */
#include "inspector/holders/graph.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "inspector/holders/roots.h"
#include "inspector/holders/walk/tally.h"
#include "inspector/holders/walk/walk.h"

uint64_t graph_memory(uint64_t n_nodes)
{
	/* Five bits for each node beside its tie; roots and paths. */
	return size_add(size_multiply(n_nodes, TIES_SIZE), n_nodes / 8 * 5 + 8 * MIB);
}

static struct error *check_budget(const struct graph_request *request, uint64_t n_nodes)
{
	uint64_t needed = graph_memory(n_nodes);
	if (n_nodes < PLOT_NONE && (!request->max_memory || needed <= request->max_memory))
		return NULL;
	return error_remedy(error_new(ERROR_RESOURCE,
				      "who holds %s blocks takes %s"
				      " MiB to find out, more than there is to be used",
				      COUNT(n_nodes), COUNT(needed / MIB)),
			    "allow more with --max-memory");
}

static struct error *graph_new(const struct graph_request *request, struct graph **ret)
{
	const struct ground *ground = request->ground;
	uint64_t n_nodes = (uint64_t)ground->plot.n_blocks + ground->outside.list.count;
	struct error *err = check_budget(request, n_nodes);
	if (err)
		return err;
	_cleanup_(graph_freep) struct graph *graph = calloc(1, sizeof(*graph));
	if (!graph)
		return error_out_of_memory();
	graph->n_nodes = (uint32_t)n_nodes;
	graph->contents = request->contents;
	graph->rules = calloc(1, sizeof(*graph->rules));
	graph->scanner = calloc(1, sizeof(*graph->scanner));
	if (!graph->rules || !graph->scanner)
		return error_out_of_memory();
	err = ties_init(&graph->ties, graph->n_nodes);
	err = err ?: rules_init(ground, graph->rules);
	if (err)
		return err;
	scanner_init(graph->scanner, request->ground, graph->rules);
	*ret = take(graph);
	return NULL;
}

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->roots.count; i++)
		free(graph->roots.items[i].name);
	vec_fini(&graph->roots);
	vec_fini(&graph->places);
	vec_fini(&graph->paths);
	free(graph->frozen);
	free(graph->garbage);
	ties_fini(&graph->ties);
	if (graph->rules)
		rules_fini(graph->rules);
	free(graph->rules);
	free(graph->scanner);
	free(graph);
}

/* ---- namespaces ------------------------------------------------------------------------ */

/* A namespace that is held back, and the root that is charged with it afterwards. */
struct held {
	uint32_t node;
	uint32_t root;
};

struct making {
	struct graph *graph;
	struct walk walk;
	struct roots *roots; /* borrowed */
	VEC(struct held) held;
};

static void making_fini(struct making *making)
{
	walk_fini(&making->walk);
	vec_fini(&making->held);
}

/* "app.CACHE" is of app's namespace: "app.__dict__". */
static char *namespace_name(const char *global)
{
	const char *dot = strrchr(global, '.');
	struct text name = TEXT_EMPTY;
	text_add_bytes(&name, global, dot ? (size_t)(dot - global) : strlen(global));
	text_add(&name, ".__dict__");
	return text_take(&name);
}

static struct error *add_root(struct graph *graph, const struct root *from, char *name)
{
	struct graph_root *root = name ? vec_push(&graph->roots) : NULL;
	if (!root) {
		free(name);
		return error_out_of_memory();
	}
	root->kind = from->kind;
	root->from = from->from;
	root->name = name;
	return NULL;
}

/* Those that stand together under one name are one. */
static struct error *name_roots(struct making *m)
{
	for (size_t i = 0; i < m->roots->list.count; i++) {
		struct root *root = &m->roots->list.items[i];
		struct error *err = NULL;
		if (root->name || !m->graph->roots.count)
			err = add_root(m->graph, root, root->name ? take(root->name) : strdup("?"));
		if (err)
			return err;
		struct graph_place *place = vec_push(&m->graph->places);
		if (!place)
			return error_out_of_memory();
		*place = (struct graph_place){root->at, root->size,
					      (uint32_t)(m->graph->roots.count - 1)};
	}
	return NULL;
}

static struct error *hold_namespace(struct making *m, const struct root *root, const char *global)
{
	uint32_t into;
	uint32_t node = scanner_find(m->walk.scanner, root->from.value, &into);
	if (node == PLOT_NONE || !scanner_is_meant(scanner_rule(m->walk.scanner, node), into) ||
	    !walk_hold(&m->walk, node))
		return NULL;
	struct held *held = vec_push(&m->held);
	if (!held)
		return error_out_of_memory();
	*held = (struct held){node, (uint32_t)m->graph->roots.count};
	return add_root(m->graph, root, namespace_name(global));
}

static struct error *hold_namespaces(struct making *m)
{
	raddr last = RADDR_NULL;
	for (size_t i = 0; i < m->roots->list.count; i++) {
		const struct root *root = &m->roots->list.items[i];
		if (root->kind != HOLDER_MODULE_GLOBAL || raddr_is_null(root->from) ||
		    raddr_equal(root->from, last))
			continue;
		last = root->from;
		struct error *err = hold_namespace(
			m, root, m->graph->roots.items[m->graph->places.items[i].root].name);
		if (err)
			return err;
	}
	return NULL;
}

static void release_namespaces(struct making *m)
{
	for (size_t i = 0; i < m->held.count; i++)
		walk_let_go(&m->walk, m->held.items[i].node);
	for (size_t i = 0; i < m->held.count; i++)
		walk_from_word(&m->walk, m->held.items[i].root,
			       m->graph->roots.items[m->held.items[i].root].from.value);
}

/* ---- phases ---------------------------------------------------------------------------- */

static struct error *pass_over_told(struct making *m)
{
	for (size_t i = 0; i < m->roots->told.count; i++) {
		uint32_t into;
		uint32_t node = scanner_find(m->walk.scanner, m->roots->told.items[i].value, &into);
		uint32_t *told = node == PLOT_NONE ? NULL : vec_push(&m->walk.told);
		if (told)
			*told = node;
		else if (node != PLOT_NONE)
			return error_out_of_memory();
	}
	return NULL;
}

static void walk_phase(struct making *m, enum root_phase phase)
{
	for (size_t i = 0; i < m->roots->list.count; i++) {
		const struct root *root = &m->roots->list.items[i];
		if (root->phase != phase)
			continue;
		if (root->size)
			walk_from_memory(&m->walk, m->graph->places.items[i].root, root->at.value,
					 root->size);
		else
			walk_from_word(&m->walk, m->graph->places.items[i].root, root->at.value);
	}
	walk_on(&m->walk);
}

static void doubt(const struct making *m, struct doubts *doubts)
{
	const struct walk *walk = &m->walk;
	if (walk->ended)
		doubts_add(doubts, DOUBT_HOLDERS_PARTIAL, DOUBT_PARTIAL, 1,
			   "the search for holders was ended before it was through");
	if (walk->n_pathless)
		doubts_add(doubts, DOUBT_HOLDERS_PARTIAL, DOUBT_PARTIAL, walk->n_pathless,
			   "more ways lead from roots to objects than can be told apart");
}

static struct error *walk_all(const struct graph_request *request, struct making *m,
			      struct doubts *doubts)
{
	struct graph *graph = m->graph;
	m->walk.progress = request->progress;
	m->walk.progress_context = request->context;
	struct error *err = hold_namespaces(m);
	err = err ?: pass_over_told(m);
	if (err)
		return err;
	m->walk.no_static_types = true;
	walk_phase(m, ROOT_NAMED);
	walk_static_types(&m->walk);
	release_namespaces(m);
	walk_phase(m, ROOT_STATIC);
	walk_phase(m, ROOT_STACK);
	tally_strings(&m->walk);
	if (m->walk.failed)
		return error_out_of_memory();
	graph->complete = !m->walk.ended && !m->walk.n_pathless;
	doubt(m, doubts);
	tally_bytes(&m->walk);
	paths_sum(graph);
	return NULL;
}

struct error *graph_walk(const struct graph_request *request, struct roots *roots,
			 struct graph **ret, struct doubts *doubts)
{
	_cleanup_(graph_freep) struct graph *graph = NULL;
	_cleanup_(making_fini) struct making making = {.roots = roots};
	struct error *err = graph_new(request, &graph);
	making.graph = graph;
	err = err ?: name_roots(&making);
	err = err ?: walk_init(&making.walk, graph);
	err = err ?: walk_all(request, &making, doubts);
	if (err)
		return err;
	*ret = take(graph);
	return NULL;
}
