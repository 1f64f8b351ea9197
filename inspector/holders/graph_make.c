/*
 * graph_make: roots are found, then walked from; and what no collection looks at is found.
 */
#include "base/cleanup.h"
#include "inspector/holders/graph.h"
#include "inspector/holders/roots.h"
#include "inspector/holders/walk/frozen.h"
#include "inspector/look/look.h"

/* Up to 3.8 all interpreters have one collector. Of a walk that was ended nothing is told as garbage. */
static struct error *find_frozen(const struct graph_request *request, struct graph *graph,
				 struct doubts *doubts)
{
	const struct subject *s = request->subject;
	const struct runtime *runtime = &request->look->runtime;
	raddr last = RADDR_NULL;
	if (s->build.free_threaded || !graph->complete)
		return NULL;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		raddr head = runtime_gc_permanent(&s->build.layout, s->module.image.bias,
						  &runtime->interpreters.items[i]);
		if (raddr_equal(head, last) || !runtime->interpreters.items[i].readable)
			continue;
		last = head;
		bool whole;
		struct error *err =
			frozen_add(graph->scanner, head, graph->n_nodes, &graph->frozen, &whole);
		if (err)
			return err;
		if (!whole)
			doubts_add(doubts, DOUBT_FROZEN, DOUBT_PARTIAL, 1,
				   "the list of what gc.freeze() has put aside could not be "
				   "followed to its end");
	}
	return NULL;
}

struct error *graph_make(const struct graph_request *request, struct graph **ret,
			 struct doubts *doubts)
{
	_cleanup_(roots_fini) struct roots roots = {0};
	_cleanup_(graph_freep) struct graph *graph = NULL;
	const struct roots_request asked = {request->ground, request->look, request->subject,
					    request->contents};
	struct error *err = roots_find(&asked, &roots, doubts);
	err = err ?: graph_walk(request, &roots, &graph, doubts);
	err = err ?: find_frozen(request, graph, doubts);
	if (err)
		return err;
	graph->gc_enabled = request->look->counters.gc_enabled;
	*ret = take(graph);
	return NULL;
}
