/*
 * allocators: which functions serve PyObject_Malloc, told by the three records that the debug hooks keep.
 *
 * Sources: _PyMem_Debug, _PyMem_Raw, _PyMem and _PyObject in Objects/obmalloc.c (3.6 to 3.11), struct
 * _pymem_allocators in pycore_pymem.h and its initialisers in pycore_pymem_init.h (3.12 to 3.15).
 */
#ifndef INSPECTOR_SCAN_ALLOCATORS_H
#define INSPECTOR_SCAN_ALLOCATORS_H

#include "inspector/scan/data_segments.h"

/* Addresses in the target; null: not told. */
struct allocators {
	unsigned n_found; /* places where the three records could be; but for 1 all else is null */
	raddr debug;      /* of the records: 'r', 'm', 'o' */
	raddr object;     /* the PyMemAllocatorEx of the object domain */
	raddr pymalloc, raw, mimalloc, debug_malloc; /* functions */
	raddr leaks;                                 /* interpreter_leaks, from 3.12 on */
	bool joined; /* the domains' records stand right before those of the hooks: 3.12 on */
};

/* Searches the copy; follows hooks in the target. ERROR_GONE. */
struct error *allocators_find(struct space *space, const struct elf_image *image,
			      const struct data_segments *data, struct allocators *ret) MUST_CHECK;

#endif
