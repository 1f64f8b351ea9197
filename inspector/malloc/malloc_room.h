/*
 * malloc_room: what the parts of a look at malloc share: what was found, arena by arena.
 */
#ifndef INSPECTOR_MALLOC_MALLOC_ROOM_H
#define INSPECTOR_MALLOC_MALLOC_ROOM_H

#include "inspector/malloc/glibc_mapped.h"
#include "inspector/malloc/malloc_copy.h"
#include "inspector/malloc/malloc_look.h"
#include "inspector/target/process/environment.h"

struct malloc_look_arena {
	raddr at;
	struct glibc_state state;
	struct glibc_segments segments;
	struct residency residency; /* of its segments, where the caller gave none */
	struct malloc_arena found;
	struct claims claims;
	struct malloc_spans large; /* chunks, free ones and top too */
	bool walked, settled;
	bool damaged; /* it did not move, and its figures disagree: a stop would not help */
	bool locked;  /* when its state was read */
	unsigned n_stops;
};

struct malloc_look {
	struct malloc_look_request request;
	struct glibc_place place;
	struct threads threads;
	struct glibc_tcaches tcaches;
	struct glibc_mapped mapped;
	struct environment environment;
	VEC(struct malloc_look_arena) arenas;
	VEC(struct malloc_span) avoid; /* the caller's, and the heaps of threads */
	enum malloc_implementation implementation;
	const char *stranger; /* borrowed */
	struct malloc_copy *copy;
	bool streams;       /* no room for one: chunks are walked under the stop */
	VEC(size_t) copied; /* arenas that the copy is of */
};

/* Reads an arena's variables and finds its segments. *ret false: they cannot be read. */
struct error *malloc_look_read_state(const struct malloc_look *look,
				     struct malloc_look_arena *arena, bool *ret) MUST_CHECK;

/* What is resident of its segments, now; and that list, or NULL where it is not known. */
struct error *malloc_look_read_residency(const struct malloc_look *look,
					 struct malloc_look_arena *arena) MUST_CHECK;
const struct residency *malloc_look_residency_of(const struct malloc_look *look,
						 const struct malloc_look_arena *arena);

/* Walks its chunks in a space: the target's, or a copy. resumes: glibc_walk.h. */
struct error *malloc_look_walk_in(struct malloc_look *look, struct malloc_look_arena *arena,
				  struct space *space, bool resumes) MUST_CHECK;

/* All of that, live: it is settled when nothing moved meanwhile. */
struct error *malloc_look_walk_live(struct malloc_look *look, struct malloc_look_arena *arena,
				    bool resumes) MUST_CHECK;

/* Finds blocks and runs anew; quick: glibc_mapped.h. */
struct error *malloc_look_find_mapped(struct malloc_look *look, bool quick) MUST_CHECK;

#endif
