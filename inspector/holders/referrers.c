/*
 * referrers: what refers to one address: every node is scanned for it.
 *
 *	object ─▷ target              told: how it refers
 *	buffer ─▷ target              its owner's reference: what the buffer was reached from
 *	memory of a root ─▷ target    told by the root's name
 *
 * The scanner is told that nothing but the target has an address: then hardly a word is looked up.
 */
#include "base/cleanup.h"
#include "inspector/holders/graph.h"
#include "inspector/holders/link.h"
#include "inspector/holders/type_sums.h"
#include "inspector/holders/walk/scanner.h"

struct search {
	const struct graph *graph;
	struct scanner scanner; /* of its own: for one target alone */
	uint32_t target;        /* PLOT_NONE: memory that is in no node */
	uint64_t at;
	bool contents;
	size_t max;
	uint64_t met; /* references in what is scanned right now */
	struct holder_referrers list;
};

static void see(void *context, const struct sight *sights, size_t n)
{
	struct search *s = context;
	for (size_t i = 0; i < n; i++) {
		uint32_t into = 0;
		uint32_t node = scanner_find(&s->scanner, sights[i].value, &into);
		if (s->target == PLOT_NONE)
			s->met += sights[i].value == s->at;
		else
			s->met += node == s->target &&
				  scanner_is_meant(scanner_rule(&s->scanner, node), into);
	}
}

/* ---- telling --------------------------------------------------------------------------- */

/* how: becomes the list's, NULL: not known. */
static struct error *add(struct search *s, uint64_t at, const char *type, char *how)
{
	struct holder_referrer *row = s->list.list.count < s->max ? vec_push(&s->list.list) : NULL;
	if (!row) {
		free(how);
		return s->list.list.count < s->max ? error_out_of_memory() : NULL;
	}
	row->at = raddr_at(at);
	row->how = how;
	row->type = strdup(type);
	return row->type ? NULL : error_out_of_memory();
}

/* Of a buffer that nothing was found to own. */
static struct error *add_buffer(struct search *s, uint32_t node)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	const struct ground *ground = s->scanner.ground;
	uint64_t start, size;
	scanner_place(&s->scanner, node, &start, &size);
	if (node < ground->plot.n_blocks)
		ground_label_name(ground, labels_of(&ground->labels, node), &name);
	return add(s, start, text_string(&name), NULL);
}

static struct error *add_node(struct search *s, uint32_t node)
{
	struct text how = TEXT_EMPTY;
	uint64_t start, size;
	if (s->list.list.count >= s->max)
		return NULL;
	if (scanner_rule(&s->scanner, node)->owned) {
		uint32_t owner = ties_parent(&s->graph->ties, node);
		if (owner == PLOT_NONE || scanner_rule(&s->scanner, owner)->owned)
			return add_buffer(s, node);
		node = owner;
	}
	scanner_place(&s->scanner, node, &start, &size);
	const struct rule *rule = scanner_rule(&s->scanner, node);
	if (s->target != PLOT_NONE)
		link_add_edge(s->graph->scanner, node, s->target, s->contents, &how);
	return add(s, start + rule->into, type_sums_name(s->scanner.ground, rule->type),
		   how.length ? text_take(&how) : NULL);
}

/* ---- scanning -------------------------------------------------------------------------- */

static struct error *scan_nodes(struct search *s)
{
	const struct graph *graph = s->graph;
	const struct plot *plot = &s->scanner.ground->plot;
	struct error *err = NULL;
	for (uint32_t node = 0; node < graph->n_nodes && !err; node++) {
		if (node < plot->n_blocks && !plot_is_used(plot, node))
			continue;
		s->met = 0;
		scanner_node(&s->scanner, node, ties_parent(&graph->ties, node), see, s);
		s->list.n_all += s->met;
		if (s->met)
			err = add_node(s, node);
	}
	return err;
}

/* Whether a root's reference stands in a node, which is scanned anyway. */
static bool stands_in_node(const struct search *s, const struct graph_root *root)
{
	uint32_t into;
	return !raddr_is_null(root->from) &&
	       scanner_find(&s->scanner, root->from.value, &into) != PLOT_NONE;
}

static struct error *scan_places(struct search *s)
{
	struct error *err = NULL;
	for (size_t i = 0; i < s->graph->places.count && !err; i++) {
		const struct graph_place *place = &s->graph->places.items[i];
		const struct graph_root *root = &s->graph->roots.items[place->root];
		s->met = 0;
		if (place->size)
			scanner_memory(&s->scanner, place->at.value, place->size, see, s);
		else if (place->at.value == s->at && !raddr_is_null(root->from) &&
			 !stands_in_node(s, root))
			s->met = 1;
		s->list.n_all += s->met;
		if (s->met)
			err = add(s, place->size ? place->at.value : root->from.value, root->name,
				  NULL);
	}
	return err;
}

static void aim(struct search *s, raddr at)
{
	uint32_t into = 0;
	uint64_t start = at.value, size = 1;
	s->scanner = *s->graph->scanner;
	s->at = at.value;
	s->target = scanner_find(&s->scanner, at.value, &into);
	if (s->target != PLOT_NONE)
		scanner_place(&s->scanner, s->target, &start, &size);
	s->scanner.low = start;
	s->scanner.span = size;
}

struct error *graph_referrers(const struct graph *graph, raddr at, bool contents, size_t max,
			      struct holder_referrers *ret)
{
	struct search search = {.graph = graph, .contents = contents, .max = max};
	aim(&search, at);
	struct error *err = scan_nodes(&search);
	err = err ?: scan_places(&search);
	if (err) {
		holder_referrers_fini(&search.list);
		return err;
	}
	*ret = search.list;
	return NULL;
}

uint32_t graph_node_at(const struct graph *graph, raddr at)
{
	uint32_t into;
	const struct ground *ground = graph->scanner->ground;
	uint32_t node = scanner_find(graph->scanner, at.value, &into);
	size_t i = node == PLOT_NONE ? outside_around(&ground->outside, at.value) : SIZE_MAX;
	return i == SIZE_MAX ? node : ground->plot.n_blocks + (uint32_t)i;
}
