/*
 * walk: breadth first from roots over what was not reached before. The graph's engine; graph.c says from where.
 */
#ifndef INSPECTOR_HOLDERS_WALK_WALK_H
#define INSPECTOR_HOLDERS_WALK_WALK_H

#include "inspector/holders/graph.h"
#include "inspector/holders/walk/frontier.h"
#include "inspector/holders/walk/paths.h"
#include "inspector/holders/walk/scanner.h"

/* Words that were seen and whose nodes are being fetched into the cache. */
#define WALK_AHEAD 32

struct walk_claim {
	uint32_t node, parent, path; /* path: of the parent, or PATHS_OF_ROOT() */
	uint32_t offset;             /* of the word in the parent */
	uint32_t into;               /* where in the node its address leads */
};

/* Addresses outside of the plot that were looked up last: types, None and the like. */
#define WALK_KNOWN 1024

struct walk {
	struct graph *graph;
	struct scanner *scanner; /* the graph's */
	struct paths paths;
	struct frontier now, next;
	struct frontier late; /* native memory of this level */
	uint64_t *reached;    /* a bit for each node */
	struct walk_claim ahead[WALK_AHEAD];
	size_t n_ahead; /* that were ever put in; the last WALK_AHEAD of them at most are waiting */
	size_t n_claimed;
	uint64_t known[WALK_KNOWN];
	uint32_t parent, path;         /* of what is scanned right now */
	VEC(struct walk_claim) others; /* to buffers, by what is not their owner */
	VEC(uint32_t) told;            /* nodes whose words are roots, and are not walked from */
	bool no_static_types; /* types of files are not walked into, but from roots themselves */
	bool reads_strings; /* str are scanned as they are reached; else only where tally.c asks for it */
	uint64_t n_done;     /* nodes that were scanned */
	bool failed;         /* memory was out: not everything was walked */
	uint64_t n_pathless; /* nodes left out because there was no room for their path */
	bool (*progress)(void *context, const char *step, unsigned done);
	void *progress_context;
	bool ended; /* by the person */
};

/* graph: its tables, roots and scanner are there; it outlives the walk. ERROR_RESOURCE. */
struct error *walk_init(struct walk *walk, struct graph *graph) MUST_CHECK;
void walk_fini(struct walk *walk); /* takes a zeroed one */

/* Begins at a root: with what a word is the address of, or with all words of some memory. */
void walk_from_word(struct walk *walk, uint32_t root, uint64_t word);
void walk_from_memory(struct walk *walk, uint32_t root, uint64_t at, uint64_t size);

/* Walks until nothing new is reached, or the person ends it. */
void walk_on(struct walk *walk);

/* Static types may be walked into from now on. */
void walk_static_types(struct walk *walk);

/* Keeps a node from being reached, until it is let go. False: it is reached already. */
bool walk_hold(struct walk *walk, uint32_t node);
void walk_let_go(struct walk *walk, uint32_t node);

/* Begins at a node that is reached, but was not read. */
void walk_from_node(struct walk *walk, uint32_t node);

static inline bool walk_is_reached(const struct walk *walk, uint32_t node)
{
	return walk->reached[node / 64] >> (node % 64) & 1;
}

#endif
