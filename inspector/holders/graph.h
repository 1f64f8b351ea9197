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

#define GRAPH_PATH_NONE UINT32_MAX

struct graph_root {
	enum holder_kind kind;
	char *name;            /* "app.CACHE", "main() data", "libfoo.so: cache"; owned, foreign */
	raddr from;            /* the namespace that holds it: a dict, a frame, data; null: none */
	uint64_t bytes, count; /* charged to it: of all blocks, of objects and large chunks alone */
};

/*
 * A path: all blocks that hang on one root by the same row of types. Buffers are on the path of their owner, and an object
 * below one of its own type is on that one's path: a linked list is one path.
 */
struct graph_path {
	uint32_t
		up; /* index in paths, always a smaller one; GRAPH_PATH_NONE: it hangs on the root itself */
	uint32_t root;         /* index in roots */
	uint32_t type;         /* index in the type table; TYPE_NONE: memory that is no object */
	uint32_t block;        /* the first one met on it */
	uint64_t bytes, count; /* of its own blocks, buffers too; of objects */
	uint64_t all_bytes, all_count; /* and of the paths below */
	uint32_t
		offset; /* bytes from the block that refers to it to the word that does, where it is the same for all: an
	                    attribute's place */
	bool one_place;
};

struct graph {
	VEC(struct graph_root) roots;
	VEC(struct graph_path) paths; /* of blocks, and of static objects on the way to them */
	uint32_t *
		parent; /* by block: the block that it was first reached from; PLOT_NONE: a root or a static object, or
	                     not reached */
	uint32_t *path; /* by block: index in paths; GRAPH_PATH_NONE: not reached */
	uint64_t n_edges;
	bool complete; /* false: the budget or the person ended it before everything was walked */
};

/* The root that a block is charged to: index in roots; GRAPH_PATH_NONE: not reached. */
static inline uint32_t graph_root_of(const struct graph *graph, uint32_t block)
{
	uint32_t path = graph->path[block];
	return path == GRAPH_PATH_NONE ? path : graph->paths.items[path].root;
}

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

/* The same for all blocks of a path at once; count and bytes are of the path and of those below. Cheaper than
 * graph_chain: fold blocks by their path, then ask once for each. ERROR_RESOURCE. */
struct error *graph_path_chain(struct ground *ground, const struct graph *graph, uint32_t path,
			       struct holder_chain *ret) MUST_CHECK;

/* Everything the snapshot tells of roots, cycles, leaked references and lost chunks. ERROR_RESOURCE. */
struct error *graph_report(struct ground *ground, const struct graph *graph, struct holders *ret,
			   struct doubts *doubts) MUST_CHECK;

/* Which blocks refer to an address; at most `max`. ERROR_RESOURCE. */
struct error *graph_referrers(struct ground *ground, raddr at, size_t max,
			      struct holder_referrers *ret) MUST_CHECK;

#endif
