/*
 * rest_report: sorts the unreached by kind. A buffer's bytes are of its owner's type.
 */
#include "inspector/holders/rest_report.h"

#include "base/cleanup.h"
#include "inspector/holders/lost.h"
#include "inspector/holders/rest.h"
#include "inspector/holders/type_sums.h"

#define REST_TYPES 10

struct sorting {
	const struct graph *graph;
	const struct ground *ground;
	struct holders *holders;
	struct rest rest;
	struct type_sums leaked, frozen, garbage;
	struct lost lost;
};

static void sorting_fini(struct sorting *s)
{
	rest_fini(&s->rest);
	type_sums_fini(&s->leaked);
	type_sums_fini(&s->frozen);
	type_sums_fini(&s->garbage);
	lost_fini(&s->lost);
}

static void add_by_type(struct sorting *s, struct type_sums *sums, uint32_t node, uint64_t size)
{
	const struct label *label = labels_of(&s->ground->labels, node);
	type_sums_add(sums, label->type, !scanner_rule(s->graph->scanner, node)->owned, size);
}

static void sort(struct sorting *s, uint32_t node, enum rest_kind kind)
{
	uint64_t size = scanner_size(s->graph->scanner, node);
	/* Of the small-object allocator nothing is a library's. */
	if (kind == REST_LOST && node < s->ground->plot.n_run_blocks)
		kind = REST_OTHER;
	switch (kind) {
	case REST_LEAKED:
		add_by_type(s, &s->leaked, node, size);
		break;
	case REST_FROZEN:
		add_by_type(s, &s->frozen, node, size);
		break;
	case REST_GARBAGE:
		add_by_type(s, &s->garbage, node, size);
		break;
	case REST_LOST:
		lost_add(&s->lost, s->graph->scanner, node);
		break;
	case REST_KEPT:
	case REST_OTHER:
		s->holders->unreached_count++;
		s->holders->unreached_bytes += size;
		break;
	}
}

/* A chunk that an object of Python's points to and that is none of the buffers it is known to have is native code's. */
static bool is_native(const struct sorting *s, uint32_t node)
{
	return scanner_rule(s->graph->scanner, node)->native ||
	       labels_of(&s->ground->labels, node)->kind == LABEL_GENERIC;
}

static void sort_all(struct sorting *s)
{
	struct scanner *scanner = s->graph->scanner;
	for (uint32_t node = 0; node < s->ground->plot.n_blocks; node++) {
		if (rest_has(&s->rest, node)) {
			sort(s, node, s->rest.kind[rest_index(&s->rest, node)]);
		} else if (node >= s->ground->plot.n_run_blocks &&
			   ties_path(&s->graph->ties, node) != GRAPH_PATH_NONE &&
			   is_native(s, node)) {
			s->holders->native_count++;
			s->holders->native_bytes += scanner_size(scanner, node);
		}
	}
}

static struct error *tell(struct sorting *s)
{
	struct holders *h = s->holders;
	struct error *err = type_sums_take(&s->garbage, s->ground, REST_TYPES, &h->garbage,
					   &h->garbage_types.items, &h->garbage_types.count);
	err = err
		      ?: type_sums_take(&s->frozen, s->ground, REST_TYPES, &h->frozen,
					&h->frozen_types.items, &h->frozen_types.count);
	err = err
		      ?: type_sums_take(&s->leaked, s->ground, REST_TYPES, &h->leaked,
					&h->leaked_types.items, &h->leaked_types.count);
	h->garbage_types.room = h->garbage_types.count;
	h->frozen_types.room = h->frozen_types.count;
	h->leaked_types.room = h->leaked_types.count;
	return err ?: lost_tell(&s->lost, h);
}

/* Where nothing is frozen the graph is told of none. */
static struct error *keep(const struct sorting *s, struct graph *graph)
{
	bool any = s->holders->frozen.count || s->holders->frozen.bytes;
	free(graph->frozen);
	free(graph->garbage);
	graph->frozen = any ? rest_nodes(&s->rest, REST_FROZEN, graph->n_nodes) : NULL;
	graph->garbage = rest_nodes(&s->rest, REST_GARBAGE, graph->n_nodes);
	return graph->garbage && (graph->frozen || !any) ? NULL : error_out_of_memory();
}

struct error *rest_report(struct graph *graph, struct holders *ret)
{
	_cleanup_(sorting_fini) struct sorting sorting = {
		.graph = graph, .ground = graph->scanner->ground, .holders = ret};
	struct error *err = type_sums_init(sorting.ground, &sorting.leaked);
	err = err ?: type_sums_init(sorting.ground, &sorting.frozen);
	err = err ?: type_sums_init(sorting.ground, &sorting.garbage);
	err = err ?: rest_init(graph->scanner, graph, &sorting.rest);
	if (err)
		return err;
	sorting.leaked.leaves_last = sorting.frozen.leaves_last = sorting.garbage.leaves_last =
		true;
	sort_all(&sorting);
	err = tell(&sorting);
	return err ?: keep(&sorting, graph);
}
