/*
 * free_lists: the free lists of objects in an interpreter, from 3.13 on, at a known distance from its
 * allocator's state, believed only where their members bear them out.
 *
 * Sources: struct _Py_object_freelists in Include/internal/pycore_freelist.h (3.13),
 * pycore_freelist_state.h and _PyFreeList_Push() in pycore_freelist.h (3.14, 3.15); struct _is.
 */
#ifndef INSPECTOR_SCAN_FREE_LISTS_H
#define INSPECTOR_SCAN_FREE_LISTS_H

#include "inspector/scan/pool_table.h"
#include "symbols/python_build.h"

struct free_lists {
	bool found;    /* the one set of places at which no list contradicts its members */
	bool recorded; /* nor does any where the layout has them, but others are as possible */
	struct layout_entry entries[LAYOUT_COUNT]; /* the FREELIST_ members of struct _is */
	unsigned n_proven, n_moving;               /* lists of it: with members; that changed */
	const char *why; /* static: what is wrong, where nothing was found */
};

/*
 * Tries the known places in the interpreter at `main`, whose state or pointer to it is at `obmalloc`
 * bytes. Lists that are all empty prove nothing: then nothing is found, but what a built-in
 * table says is not denied. ERROR_GONE.
 */
struct error *free_lists_find(struct space *space, const struct pymalloc_shape *shape,
			      const struct python_build *build, const struct pool_table *pools,
			      raddr main, uint64_t obmalloc, struct free_lists *ret) MUST_CHECK;

#endif
