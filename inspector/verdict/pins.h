/*
 * pins: what keeps sparse arenas from being given back, as facts. Part of a snapshot.
 *
 *	arena  ░░░░░░░░█░░░░░░░░░░░░░░░   5 blocks, 1 MiB held: whoever holds those five holds it
 */
#ifndef INSPECTOR_VERDICT_PINS_H
#define INSPECTOR_VERDICT_PINS_H

#include "inspector/holders/holders.h"

struct pin {
	char *type; /* of the objects (with all their buffers) that pin; owned, foreign */
	uint64_t count, bytes;
	uint64_t arenas;      /* sparse ones in which it has a block */
	uint64_t sole_arenas; /* those that would be empty if it vanished */
	uint64_t held;        /* free resident bytes of sole_arenas: what would go back */
	VEC(struct holder_chain) holders; /* most bytes first */
};

/* "Without root R and all that hangs on it alone": by root instead of by type. */
struct pin_root {
	char *name; /* owned, foreign */
	enum holder_kind kind;
	uint64_t count, bytes, arenas, sole_arenas, held;
	char *type;          /* most of its pinning objects; owned, foreign */
	uint64_t type_count; /* of that type */
	VEC(char *) links;   /* the chain of most of them, owned, foreign */
};

/* "Freeing the n cheapest blocks returns so much." */
struct pin_step {
	uint64_t blocks, bytes; /* freed */
	uint64_t returned;      /* resident bytes of arenas that then are empty */
};

struct pins {
	bool filled;
	double sparse_below; /* share of use below which an arena counts as sparse: 0.25 */
	uint64_t arenas, sparse_arenas;
	uint64_t sparse_bytes, sparse_free;  /* resident; of those not in use */
	uint64_t sparse_blocks, sparse_used; /* blocks and bytes in use there */
	VEC(struct pin) types;               /* most held first, then most arenas */
	VEC(struct pin_root) roots;          /* the same */
	VEC(struct pin_step) curve;          /* ascending, about twenty points */
};

void pins_fini(struct pins *pins);

#endif
