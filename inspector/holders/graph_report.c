/*
 * graph_report: the walk as facts for a snapshot.
 *
 *	paths ─ by root ─▷ the heaviest roots, each with its types and chains; the others in one row
 *	rest            ─▷ rest_report.c
 */
#include "base/cleanup.h"
#include "inspector/holders/chains.h"
#include "inspector/holders/container.h"
#include "inspector/holders/rest_report.h"
#include "inspector/holders/type_sums.h"
#include "inspector/holders/walk/scanner.h"

#define REPORT_ROOTS      200
#define REPORT_TYPES      10
#define REPORT_CHAINS     5
#define REPORT_CONTAINERS 10 /* roots */

struct report {
	const struct graph *graph;
	struct holders *holders;
	struct chains chains;
	VEC(uint32_t) heaviest; /* roots, most bytes first */
	struct type_sums sums;
};

static void report_fini(struct report *report)
{
	chains_fini(&report->chains);
	vec_fini(&report->heaviest);
	type_sums_fini(&report->sums);
}

/* Most bytes first, then in their own order. */
static int compare_roots(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	uint64_t left_bytes = graph->roots.items[left].bytes;
	uint64_t right_bytes = graph->roots.items[right].bytes;
	if (left_bytes != right_bytes)
		return left_bytes < right_bytes ? 1 : -1;
	return (left > right) - (left < right);
}

static struct error *rank_roots(struct report *r)
{
	for (uint32_t i = 0; i < r->graph->roots.count; i++) {
		if (!r->graph->roots.items[i].bytes)
			continue;
		uint32_t *root = vec_push(&r->heaviest);
		if (!root)
			return error_out_of_memory();
		*root = i;
	}
	if (r->heaviest.count)
		qsort_r(r->heaviest.items, r->heaviest.count, sizeof(*r->heaviest.items),
			compare_roots, (void *)(uintptr_t)r->graph);
	return NULL;
}

/* Of all paths of a root, down and then sideways; as deep as a row may be, not as recursion. */
static void sum_paths(struct report *r, uint32_t root)
{
	const struct graph_path *all = r->graph->paths.items;
	uint32_t path = r->chains.of_root[root];
	while (path != GRAPH_PATH_NONE) {
		type_sums_add(&r->sums, all[path].type, all[path].count, all[path].bytes);
		uint32_t next = r->chains.below[path];
		for (; next == GRAPH_PATH_NONE && path != GRAPH_PATH_NONE; path = all[path].up)
			next = r->chains.beside[path];
		path = next;
	}
}

static struct error *tell_chains(struct report *r, uint32_t root, struct holder_root *to)
{
	uint32_t ends[REPORT_CHAINS];
	size_t n = chains_choose(&r->chains, root, ends, REPORT_CHAINS);
	for (size_t i = 0; i < n; i++) {
		struct holder_chain *chain = vec_push(&to->chains);
		struct error *err =
			chain ? graph_path_chain(r->graph, ends[i], chain) : error_out_of_memory();
		if (err)
			return err;
	}
	return NULL;
}

static struct error *tell_root(struct report *r, uint32_t i)
{
	const struct graph_root *from = &r->graph->roots.items[i];
	struct holder_root *to = vec_push(&r->holders->roots);
	if (!to)
		return error_out_of_memory();
	to->kind = from->kind;
	to->count = from->count;
	to->bytes = from->bytes;
	to->name = strdup(from->name);
	if (!to->name)
		return error_out_of_memory();
	sum_paths(r, i);
	struct error *err = type_sums_take(&r->sums, r->graph->scanner->ground, REPORT_TYPES, NULL,
					   &to->types.items, &to->types.count);
	to->types.room = to->types.count;
	if (!err && r->holders->roots.count <= REPORT_CONTAINERS)
		err = container_tell(&r->chains, i, r->graph->contents, &to->container);
	return err ?: tell_chains(r, i, to);
}

static struct error *tell_others(struct report *r)
{
	uint64_t bytes = 0, count = 0;
	for (size_t i = REPORT_ROOTS; i < r->heaviest.count; i++) {
		const struct graph_root *root = &r->graph->roots.items[r->heaviest.items[i]];
		bytes += root->bytes;
		count += root->count;
	}
	if (!bytes)
		return NULL;
	struct holder_root *others = vec_push(&r->holders->roots);
	if (!others)
		return error_out_of_memory();
	others->kind = HOLDER_UNKNOWN;
	others->bytes = bytes;
	others->count = count;
	others->name = strdup("others");
	return others->name ? NULL : error_out_of_memory();
}

static struct error *tell_roots(struct report *r)
{
	struct error *err = rank_roots(r);
	for (size_t i = 0; i < r->heaviest.count && !err; i++) {
		const struct graph_root *root = &r->graph->roots.items[r->heaviest.items[i]];
		r->holders->reached_bytes += root->bytes;
		r->holders->reached_count += root->count;
		if (i < REPORT_ROOTS)
			err = tell_root(r, r->heaviest.items[i]);
	}
	return err ?: tell_others(r);
}

struct error *graph_report(struct graph *graph, struct holders *ret)
{
	_cleanup_(holders_fini) struct holders holders = {0};
	_cleanup_(report_fini) struct report report = {.graph = graph, .holders = &holders};
	struct error *err = chains_init(graph, &report.chains);
	err = err ?: type_sums_init(graph->scanner->ground, &report.sums);
	err = err ?: tell_roots(&report);
	/* What a walk that was ended did not come to is not unreached. */
	if (!err && graph->complete)
		err = rest_report(graph, &holders);
	if (err)
		return err;
	holders.filled = true;
	holders.complete = graph->complete;
	holders.gc_enabled = graph->gc_enabled;
	holders.immortal_count = graph->immortal_count;
	holders.immortal_bytes = graph->immortal_bytes;
	holders.interned_count = graph->interned_count;
	holders.interned_bytes = graph->interned_bytes;
	*ret = holders;
	holders = (struct holders){0};
	return NULL;
}
