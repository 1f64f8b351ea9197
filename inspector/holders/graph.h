/*
 * graph: from roots to everything they keep: each block is charged once, to the root nearest to it.
 *
 *	root app.CACHE ─▷ dict ─▷ keys table ─▷ Session ─▷ dict of Session ─▷ str
 *	                  parent ◁───────────────────────────────────────────────
 *
 * One walk, breadth first, over the conservative graph (each aligned word that is the address of an object, or of a buffer, refers to
 * it). Roots come in phases, most telling first: a later phase only gets what no earlier one reaches:
 *
 *	1  module globals, class attributes, locals of frames
 *	2  static data of mapped files, thread and interpreter states, modules and types themselves
 *	3  C stacks and registers' worth of stack
 *	4  nothing: what is left are cycles that wait for the collector, leaked references, lost chunks
 */
#ifndef INSPECTOR_HOLDERS_GRAPH_H
#define INSPECTOR_HOLDERS_GRAPH_H

#include "inspector/census/ground.h"
#include "inspector/holders/holders.h"

#define GRAPH_ROOT_NONE UINT32_MAX

struct graph_root {
	enum holder_kind kind;
	char *name;            /* "app.CACHE", "main() data", "libfoo.so: cache"; owned, foreign */
	raddr from;            /* the namespace that holds it: a dict, a frame, data; null: none */
	uint64_t bytes, count; /* charged to it */
};

struct graph {
	VEC(struct graph_root) roots;
	uint32_t *
		parent; /* by block: the block that it was first reached from; PLOT_NONE: a root, or not reached */
	uint32_t *root;  /* by block: index in roots; GRAPH_ROOT_NONE: not reached */
	uint16_t *found; /* by block: pointers to it that were met, at most 65535 */
	uint64_t n_edges;
	bool complete; /* false: the budget or the person ended it before everything was walked */
};

struct graph_request {
	struct ground *ground;
	const struct look *look;
	struct subject *subject;
	bool contents;
	uint64_t max_memory;
	bool (*progress)(void *context, const char *step, unsigned done);
	void *context;
};

/* ERROR_RESOURCE, ERROR_GONE. */
struct error *graph_make(const struct graph_request *request, struct graph **ret,
			 struct doubts *doubts) MUST_CHECK;
void graph_free(struct graph *graph); /* takes NULL */

/* The chain from a block to its root: the root's name first, then types (buffers left out), the block's own last. With contents
 * and where names are attributes, how each refers to the next. ERROR_RESOURCE. */
struct error *graph_chain(struct ground *ground, const struct graph *graph, uint32_t block,
			  bool contents, struct holder_chain *ret) MUST_CHECK;

/* Everything the snapshot tells of roots, cycles, leaked references and lost chunks. ERROR_RESOURCE. */
struct error *graph_report(struct ground *ground, const struct graph *graph, struct holders *ret,
			   struct doubts *doubts) MUST_CHECK;

/* Which blocks refer to an address; at most `max`. ERROR_RESOURCE. */
struct error *graph_referrers(struct ground *ground, raddr at, size_t max,
			      struct holder_referrers *ret) MUST_CHECK;

#endif
