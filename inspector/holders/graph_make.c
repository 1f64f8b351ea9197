/*
 * graph_make: roots are found, then walked from.
 */
#include "base/cleanup.h"
#include "inspector/holders/graph.h"
#include "inspector/holders/roots.h"
#include "inspector/look/look.h"

struct error *graph_make(const struct graph_request *request, struct graph **ret,
			 struct doubts *doubts)
{
	_cleanup_(roots_fini) struct roots roots = {0};
	const struct roots_request asked = {request->ground, request->look, request->subject,
					    request->contents};
	struct error *err = roots_find(&asked, &roots, doubts);
	err = err ?: graph_walk(request, &roots, ret, doubts);
	if (!err)
		(*ret)->gc_enabled = request->look->counters.gc_enabled;
	return err;
}
