/*
 * state_place: where in an interpreter its allocator's state is, from 3.12 on.
 *
 * Sources: struct _is in Include/internal/pycore_interp.h: 3.12 has the state inside, 3.13 to 3.15
 * (pycore_interp_structs.h from 3.14) a pointer to it; init_interpreter() and _PyMem_init_obmalloc().
 */
#ifndef INSPECTOR_SCAN_STATE_PLACE_H
#define INSPECTOR_SCAN_STATE_PLACE_H

#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"
#include "symbols/layout.h"

struct state_place {
	raddr main;      /* the main interpreter */
	uint64_t offset; /* of the state, or of the pointer to it */
	bool embedded;
	unsigned n_found; /* words that point to it; but for 1 nothing is known */
	const char *why;  /* static: where it is not 1 */
};

/*
 * The state at `state` is the main interpreter's: the last of the runtime's list. Needs RUNTIME,
 * RUNTIME_INTERPRETERS_HEAD and INTERP_NEXT of the layout. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *state_place_find(struct space *space, const struct elf_image *image,
			       const struct layout *layout, raddr state,
			       struct state_place *ret) MUST_CHECK;

/* Where the main interpreter's state is, by a layout that knows INTERP_OBMALLOC; null: not to be
 * found. ERROR_GONE. */
struct error *state_place_follow(struct space *space, const struct elf_image *image,
				 const struct layout *layout, raddr *ret) MUST_CHECK;

#endif
