/*
 * pin_owners: to whom a block is told: the objects that somebody has many of, and what hangs on them alone.
 */
#ifndef INSPECTOR_VERDICT_PIN_OWNERS_H
#define INSPECTOR_VERDICT_PIN_OWNERS_H

#include "inspector/census/ground.h"
#include "inspector/holders/graph.h"
#include "inspector/verdict/pins/pin_dead.h"
#include "inspector/verdict/pins/pin_weak.h"

/*
 * An owner is a path of the graph, or of what no root reaches a label: numbers below n_paths are paths, those behind are
 * labels.
 */
struct pin_owners {
	struct ground *ground;     /* borrowed */
	const struct graph *graph; /* borrowed; NULL: labels are all there is */
	struct pin_weak weak;
	struct pin_dead dead;
	uint32_t *element; /* by path: the path of the object that it is told to */
	uint32_t n_paths, n_labels, n_types, n_roots;
};

/* ERROR_RESOURCE. */
struct error *pin_owners_init(struct ground *ground, const struct graph *graph,
			      struct pin_owners *ret) MUST_CHECK;
void pin_owners_fini(struct pin_owners *owners);

/* How many numbers owners have. */
uint32_t pin_owners_count(const struct pin_owners *owners);

/* The owner of a used block, and whether the block is one of its objects itself. */
uint32_t pin_owner_of(const struct pin_owners *owners, uint32_t block, bool *ret_object);

/* Whether a used block is of a cycle that waits for the collector, or goes with one. */
bool pin_owner_is_garbage(const struct pin_owners *owners, uint32_t block);

/* Whether it is of one that gc.freeze() has put aside, or goes with one. */
bool pin_owner_is_frozen(const struct pin_owners *owners, uint32_t block);

/* Its type, an index below n_types; n_types: it is no object. Its root, below n_roots; n_roots: nothing reaches it. */
uint32_t pin_owner_type(const struct pin_owners *owners, uint32_t owner);
uint32_t pin_owner_root(const struct pin_owners *owners, uint32_t owner);

#endif
