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
#include "inspector/holders/ties.h"

#define GRAPH_PATH_NONE TIES_NONE
#define GRAPH_PATH_SOME 7

struct graph_root {
	enum holder_kind kind;
	char *name;            /* "app.CACHE", "main() data", "libfoo.so: cache"; owned, foreign */
	raddr from;            /* the namespace that holds it: a dict, a frame, data; null: none */
	uint64_t bytes, count; /* charged to it: of all blocks, of objects and large chunks alone */
};

/* Where a root refers from: a word that is `at`, or `size` bytes there, each word of which may refer to something. */
struct graph_place {
	raddr at;
	uint64_t size;
	uint32_t root; /* index in roots */
};

/*
 * A path: all nodes that hang on one root by the same row of types. Buffers are on the path of their owner; where types
 * recur the row is folded: a linked list of Nodes is on two paths, Node and Node ─ Node.
 */
struct graph_path {
	uint32_t
		up; /* index in paths, always a smaller one; GRAPH_PATH_NONE: it hangs on the root itself */
	uint32_t root;  /* index in roots */
	uint32_t type;  /* index in the type table; TYPE_NONE: memory that is no object */
	uint32_t node;  /* the first one met on it */
	uint32_t depth; /* paths above it */
	/* Where in the block that refers to it the address stands, where it is the same for all: an attribute's place. */
	uint32_t offset;
	bool one_place;
	/* A few of those that were met later, the further between the more there are; a new one takes the oldest's place. */
	uint32_t some[GRAPH_PATH_SOME];
	uint32_t n_met, n_some,
		next_some; /* all that were met; put into some[]; n_met of the next one */
	uint64_t bytes,
		count; /* of its own blocks, buffers too; of objects and chunks that are none */
	uint64_t all_bytes, all_count; /* and of the paths below */
};

struct rules;
struct scanner;

/* A node is a block by its number in the plot, or plot.n_blocks + i for the i-th object outside of it. */
struct graph {
	VEC(struct graph_root) roots;
	VEC(struct graph_place) places;
	VEC(struct graph_path) paths;
	uint32_t n_nodes;
	struct ties ties; /* of nodes; a path is an index in paths */
	uint64_t immortal_count, immortal_bytes, interned_count, interned_bytes; /* of blocks */
	/* A bit for each node that a collection frees; NULL until graph_report() has told. */
	uint64_t *garbage;
	/* The same of those that gc.freeze() has put aside; NULL: of none is it known. Once graph_report() has told: of garbage that no
	 * collection frees, because it is or hangs on such. */
	uint64_t *frozen;
	/* For all that reads the ground by the walk's rules; not for two threads at a time. */
	struct rules *rules;
	struct scanner *scanner;
	struct maybe gc_enabled; /* 1, 0: whether the collector runs by itself */
	bool contents;           /* keys of dicts may be told */
	bool complete; /* false: the budget or the person ended it before everything was walked */
};

/* The root that a block is charged to: index in roots; GRAPH_PATH_NONE: not reached. */
static inline uint32_t graph_root_of(const struct graph *graph, uint32_t block)
{
	uint32_t path = ties_path(&graph->ties, block);
	return path == GRAPH_PATH_NONE ? path : graph->paths.items[path].root;
}

/* All that is borrowed outlives the graph. */
struct graph_request {
	struct ground *ground;
	const struct look *look;
	struct subject *subject;
	bool contents;
	uint64_t max_memory;
	bool (*progress)(void *context, const char *step, unsigned done);
	void *context;
};

/* Bytes of memory that a walk over so many nodes takes. */
uint64_t graph_memory(uint64_t n_nodes);

struct roots;

/* From these roots, whose names move into the graph. ERROR_RESOURCE. */
struct error *graph_walk(const struct graph_request *request, struct roots *roots,
			 struct graph **ret, struct doubts *doubts) MUST_CHECK;

/* From all roots that are found (roots.h). ERROR_RESOURCE, ERROR_GONE. */
struct error *graph_make(const struct graph_request *request, struct graph **ret,
			 struct doubts *doubts) MUST_CHECK;
void graph_free(struct graph *graph); /* takes NULL */

static inline void graph_freep(struct graph **graph)
{
	graph_free(*graph);
}

/* The chain from a block to its root: the root's name first, then types (buffers left out), the block's own last. With contents
 * and where names are attributes, how each refers to the next. ERROR_RESOURCE. */
struct error *graph_chain(const struct graph *graph, uint32_t block, bool contents,
			  struct holder_chain *ret) MUST_CHECK;

/* The same for all blocks of a path at once; count and bytes are of the path and of those below. Of how each refers to the
 * next only names are told, where all hang on the same one, or so do the few that the path keeps. Cheaper than graph_chain: fold blocks by
 * their path, then ask once for each. ERROR_RESOURCE. */
struct error *graph_path_chain(const struct graph *graph, uint32_t path,
			       struct holder_chain *ret) MUST_CHECK;

/* Everything the snapshot tells of roots, cycles, leaked references and lost chunks; of the last three nothing where
 * the walk is not complete. In the graph it leaves which nodes are garbage, and which of it are frozen. ERROR_RESOURCE. */
struct error *graph_report(struct graph *graph, struct holders *ret) MUST_CHECK;

/* What refers to an address, in blocks, objects outside of them, and the memory of roots: at most `max` are told, one row for
 * each that does, and in n_all all references. A buffer's are its owner's. One pass over all memory. ERROR_RESOURCE. */
struct error *graph_referrers(const struct graph *graph, raddr at, bool contents, size_t max,
			      struct holder_referrers *ret) MUST_CHECK;

/* The node that an address lies in; PLOT_NONE: none. */
uint32_t graph_node_at(const struct graph *graph, raddr at);

struct inspector;

/* Of the last look that was asked for holders; NULL: there was none. (Defined with the inspector.) */
const struct graph *inspector_graph(const struct inspector *inspector);

#endif
