/*
 * layout_builtin: what is recorded of CPython's shapes, for builds that say nothing
 * of themselves. The record, layout_builtin.def, is written by tools/layouts from the
 * debug information of real interpreters.
 *
 * Recorded is only what is known to be the same in all builds of a version (the
 * allocator's own structs, sizes of objects, the head of struct _is), and what
 * sizeof(_PyRuntimeState), which the exported symbol tells, selects: that struct holds
 * the main interpreter from 3.11 on, so that its size changes with what is in it.
 *
 * STATE_… behind nfp2lasta and ARENA_MAP_…_SIZE are those of builds with the usual
 * constants (64 pools an arena, a radix tree of 15 bits a level): memory must bear
 * them out.
 */
#ifndef SYMBOLS_LAYOUT_BUILTIN_H
#define SYMBOLS_LAYOUT_BUILTIN_H

#include "symbols/layout.h"

struct layout_builtin_key {
	uint32_t version_hex; /* PY_VERSION_HEX; 0 unknown */
	bool debug_build;
	bool free_threaded;
	uint64_t runtime_size; /* sizeof(_PyRuntimeState); 0 unknown */
};

/* Fills the entries that are absent and recorded for such a build; provenance BUILTIN. For a
 * version that is not recorded (layout_builtin_knows), only the allocator's own structs, as the
 * newest recorded ones have them: to be believed only as far as memory bears them out. */
void layout_builtin_fill(const struct layout_builtin_key *key, struct layout *layout);

/* Whether builds of this version, by its first two numbers, are in the record. */
bool layout_builtin_knows(uint32_t version_hex);

#endif
