/*
 * pins: what keeps sparse arenas from being given back, as facts. Part of a snapshot.
 *
 *	arena  ░░░░░░░░█░░░░░░░░░░░░░░░   5 blocks, 1 MiB held: whoever holds those five holds it
 */
#ifndef INSPECTOR_VERDICT_PINS_H
#define INSPECTOR_VERDICT_PINS_H

#include "inspector/holders/holders.h"

struct pin {
	char *type; /* of the objects that pin, with all that hangs on them alone; owned, foreign */
	uint64_t count, bytes; /* objects of that type there, or if it is what they own that lies
	                                     there, all of them; bytes of all blocks there */
	/* Sparse ones in which it has a block that gc.collect() leaves, or nobody has one; those that would be empty if it
	 * vanished and that was called; of these those in which that has anything to free. */
	uint64_t arenas, sole_arenas, collected;
	uint64_t held;     /* free resident bytes of sole_arenas */
	uint64_t returned; /* all their resident bytes, less one that pymalloc keeps */
	VEC(struct holder_chain) holders; /* most bytes first */
};

/* "Without root R and all that hangs on it alone": by root instead of by type. */
struct pin_root {
	char *name; /* owned, foreign */
	enum holder_kind kind;
	uint64_t count, bytes, arenas, sole_arenas, held,
		returned;    /* as of a pin, in sparse arenas */
	char *type;          /* most of its pinning objects; owned, foreign */
	uint64_t type_count; /* of that type, counted as a pin's */
	VEC(char *) links;   /* the chain of most of them, owned, foreign */
};

/* The chunk below a top of malloc's, which keeps what is free under and above it from going back by itself. */
struct pin_top {
	raddr arena, chunk;
	uint64_t size;         /* of the chunk */
	uint64_t below, above; /* free bytes: right below it, and in the top */
	char *type; /* of the object in it, or whose buffer it is; owned, foreign; NULL: not known */
	struct holder_chain chain; /* empty links: nothing reaches it, or nobody looked */
};

/* "Freeing the n cheapest blocks returns so much." */
struct pin_step {
	uint64_t blocks, bytes; /* freed */
	uint64_t returned;      /* resident bytes of arenas that then are empty */
};

/* mimalloc gives back pages, not segments: there an arena is a page. */
struct pins {
	bool filled;
	bool mimalloc;       /* arenas are pages of mimalloc's; else pymalloc's */
	double sparse_below; /* share of use below which an arena counts as sparse: 0.25 */
	uint64_t arenas, sparse_arenas;
	uint64_t sparse_bytes, sparse_free;  /* resident; of those not in use */
	uint64_t sparse_blocks, sparse_used; /* blocks and bytes in use there */
	uint64_t frozen_arenas, frozen_bytes,
		frozen_free; /* the same of those in which nothing lives but garbage that gc.freeze() has put aside */
	VEC(struct pin) types;      /* most returned first, then most arenas; the largest hundred */
	VEC(struct pin_root) roots; /* the same */
	uint64_t lead_roots, lead_returned; /* the first few of roots together return so much */
	uint64_t lead_collected;            /* as collected, of them together */
	VEC(struct pin_step) curve;         /* ascending, about twenty points */
	VEC(struct pin_top) tops; /* of malloc's arenas that keep a page or more, most kept first */
	uint64_t unreached_bytes,
		unreached_returned; /* of all that no root reaches, in any arena or chunk */
};

void pins_fini(struct pins *pins);

#endif
