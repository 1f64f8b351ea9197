/*
 * rest: what no root reaches, and why it is still there.
 *
 *	immortal                           kept for ever, and all that hangs on it: the collector passes it over
 *	refcount > pointers to it          leaked, and all that hangs on it
 *	native, nothing points to it       lost, and objects that hang on it are leaked
 *	put aside by gc.freeze()           frozen, and all that hangs on it: the collector takes that for held
 *	tracked by the collector           garbage: a cycle, or what hangs on one, frozen or not, and on nothing else
 *	native, on none of those           lost
 *	else                               of the moment, or held by what cannot be seen
 */
#ifndef INSPECTOR_HOLDERS_REST_H
#define INSPECTOR_HOLDERS_REST_H

#include "inspector/holders/graph.h"
#include "inspector/holders/walk/scanner.h"

enum rest_kind { REST_OTHER, REST_KEPT, REST_LEAKED, REST_LOST, REST_FROZEN, REST_GARBAGE };

struct rest {
	uint64_t *in;     /* a bit for each node that is used and not reached */
	uint32_t *before; /* by word of `in`: bits set in those before */
	uint32_t n;
	/* By their order among those nodes. */
	uint32_t *found;  /* references to it that they hold */
	uint32_t *parent; /* the first of them; PLOT_NONE */
	uint8_t *kind;    /* enum rest_kind */
};

/* graph: walked to its end. The scanner is used, not kept. ERROR_RESOURCE. */
struct error *rest_init(struct scanner *scanner, const struct graph *graph,
			struct rest *ret) MUST_CHECK;
void rest_fini(struct rest *rest); /* takes a zeroed one */

/* A bit for each of n_nodes nodes that is of this kind; the caller frees. NULL: out of memory. */
uint64_t *rest_nodes(const struct rest *rest, enum rest_kind kind, uint32_t n_nodes);

static inline bool rest_has(const struct rest *rest, uint32_t node)
{
	return rest->in[node / 64] >> (node % 64) & 1;
}

/* The order of a node among those of the rest; only of one that rest_has(). */
static inline uint32_t rest_index(const struct rest *rest, uint32_t node)
{
	uint64_t below = rest->in[node / 64] & ((UINT64_C(1) << (node % 64)) - 1);
	return rest->before[node / 64] + (uint32_t)__builtin_popcountll(below);
}

#endif
