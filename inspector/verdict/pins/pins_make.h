/*
 * pins_make: from a labelled heap and who holds it to what keeps its sparse arenas.
 */
#ifndef INSPECTOR_VERDICT_PINS_MAKE_H
#define INSPECTOR_VERDICT_PINS_MAKE_H

#include "inspector/census/ground.h"
#include "inspector/holders/graph.h"
#include "inspector/verdict/pins.h"

struct pins_request {
	struct ground *ground;
	const struct graph *graph; /* NULL: roots are not known, pins are told by type alone */
	const struct malloc_account *malloc;
	const struct residency
		*residency; /* of the target; NULL: what is mapped counts as resident */
	bool contents;      /* chains may tell keys */
};

/*
 * What pins sparse arenas; and for each root of `holders` (NULL: nobody asks) what would go back without it: arenas in which every
 * block is its own, whether sparse or not, and whole pages of its chunks. Time grows with the number of blocks, memory
 * with that of paths. ERROR_RESOURCE.
 */
struct error *pins_make(const struct pins_request *request, struct holders *holders,
			struct pins *ret) MUST_CHECK;

#endif
