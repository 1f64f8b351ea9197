/*
 * atlas: which words may be the address of something outside of all arenas: a quick answer for every word of a heap.
 *
 *	memory   [exe][heap ]        gap        [lib][arena][arena][lib]      gap      [stack]
 *	islands  └────────────┘                 └──────────────────────┘               └─────┘
 *	squares   ##.#######                     ###aaaaaaaaaaaaaaa####                 ######
 *
 * A byte tells of each square (64 KiB or more) of an island whether there is anything but arenas in it.
 */
#ifndef INSPECTOR_CENSUS_ATLAS_H
#define INSPECTOR_CENSUS_ATLAS_H

#include "inspector/census/plot.h"
#include "inspector/target/space.h"

#define ATLAS_ISLANDS 8

struct atlas_island {
	uint64_t start, size;
	unsigned shift;   /* log2 of a square's bytes */
	uint8_t *squares; /* 1: there is other memory in it */
};

struct atlas {
	uint64_t start, size; /* all of it */
	struct atlas_island islands[ATLAS_ISLANDS];
	size_t n_islands;
};

/* Of what may be read and is no code. ERROR_RESOURCE. */
struct error *atlas_draw(const struct space *space, const struct plot *plot,
			 struct atlas *ret) MUST_CHECK;
void atlas_fini(struct atlas *atlas);

/* Whether there may be an object outside of all arenas at that address. */
static inline bool atlas_outside(const struct atlas *atlas, uint64_t word)
{
	for (size_t i = 0; i < atlas->n_islands; i++) {
		const struct atlas_island *island = &atlas->islands[i];
		if (word - island->start < island->size)
			return island->squares[(word - island->start) >> island->shift];
	}
	return false;
}

#endif
