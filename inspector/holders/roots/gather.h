/*
 * gather: what the finders of roots share: the ground, the list that they add to, and how much they may still look at.
 */
#ifndef INSPECTOR_HOLDERS_ROOTS_GATHER_H
#define INSPECTOR_HOLDERS_ROOTS_GATHER_H

#include "inspector/holders/roots.h"
#include "inspector/python/frames.h"
#include "inspector/target/threads.h"

struct gather_module {
	raddr at, dict;
	char *name;    /* owned, foreign: its __name__ */
	uint64_t rank; /* its place in sys.modules, from 1 on; 0: it is not there */
};

/* A greenlet that waits: its frames are a thread's no more, until it goes on. */
struct gather_greenlet {
	raddr frame;         /* the frame object on top */
	size_t first, count; /* from 3.11 on its chunks, in put_aside */
};

struct gather {
	const struct roots_request *request; /* borrowed */
	struct type_table *types;            /* the ground's */
	struct roots *ret;
	VEC(struct gather_module)
	modules; /* those imported last first, what is in no sys.modules last of all */
	VEC(raddr) old_classes; /* 2.7: classes that are no types */
	VEC(uint32_t) order;    /* types that were known at first, ascending address */
	struct threads threads;
	VEC(struct gather_greenlet) greenlets;
	uint64_t chunks_left;    /* chunks of stacks that may still be read */
	struct frames put_aside; /* chunks of those; no threads */
	uint64_t n_strange,
		n_cut; /* greenlets that wait and are not among these, and those of which not all frames were read */
	uint64_t left;   /* entries, slots and words that may still be looked at */
	size_t n_before; /* roots of the phases before this one */
	enum root_phase phase;
	bool too_many; /* roots of one phase: the rest of them is left out */
};

/* Adds a root, unless there are too many. name is copied, NULL: as the one before. ERROR_RESOURCE. */
struct error *gather_add(struct gather *g, struct root root, const char *name) MUST_CHECK;

/*
 * Type i of the table in an order that is the same each time: by address, then those found since. Which worker of the census
 * found the others first is a matter of luck. i is below types->types.count; good until another type is found.
 */
const struct type *gather_type(const struct gather *g, uint32_t i);

/* Takes one of what may be looked at. False: nothing is left. */
bool gather_spend(struct gather *g);

/* The name of a thread by its state: "thread 4711 (worker)", as far as it is known. Added. */
void gather_thread_name(const struct gather *g, size_t thread, struct text *ret);

enum gather_what {
	GATHER_NOTHING, /* no block in use begins there, and no object is there */
	GATHER_OBJECT,
	GATHER_BUFFER,
	GATHER_FREE_LISTED, /* a dead object */
};

/* What a word is the address of. *ret_type: the object's, an index in the type table. */
enum gather_what gather_target(const struct gather *g, uint64_t word, uint32_t *ret_type);

/* The type of the object at an address, an index in the type table; TYPE_NONE: there is none, or it is None, a bool or a number,
 * which keep no memory worth a name. */
uint32_t gather_worth(const struct gather *g, raddr at);

/* Whether a dict holds the interned strings: up to 3.14 each is its own value there (Objects/unicodeobject.c). */
bool gather_is_interned(const struct gather *g, raddr dict);

/* Calls `take_one` with every object, in a block or elsewhere, whose label is wanted: a byte for each label. */
struct error *gather_each(struct gather *g, const uint8_t *wanted,
			  struct error *(*take_one)(struct gather *, raddr)) MUST_CHECK;

/* ---- the finders, in the order in which roots are listed ------------------------------------- */

/* Fills modules and old_classes from what the census found. */
struct error *gather_modules(struct gather *g) MUST_CHECK;
struct error *gather_greenlets(struct gather *g) MUST_CHECK; /* fills greenlets and put_aside */
struct error *gather_globals(struct gather *g) MUST_CHECK;
struct error *gather_attributes(struct gather *g) MUST_CHECK; /* of classes */
struct error *gather_locals(struct gather *g) MUST_CHECK;     /* of frames, greenlets' too */
struct error *gather_classes(struct gather *g) MUST_CHECK;    /* themselves */
struct error *gather_module_objects(struct gather *g) MUST_CHECK;
struct error *gather_states(struct gather *g) MUST_CHECK; /* of interpreters and threads */
struct error *gather_data(struct gather *g) MUST_CHECK;   /* of mapped files */
struct error *gather_frames(struct gather *g) MUST_CHECK; /* what expressions have at hand */
struct error *gather_stacks(struct gather *g) MUST_CHECK; /* of C */

#endif
