/*
 * bare_build: the table of a build that has no debug information, from what its
 * module holds: in the file, or in memory where there is none.
 */
#ifndef SYMBOLS_BARE_BUILD_H
#define SYMBOLS_BARE_BUILD_H

#include "symbols/python_build.h"

/*
 * Fills the entries of build->layout that are absent, each by the first that tells: the place of
 * _PyRuntime (runtime_place.h), _Py_DebugOffsets, exported functions' code (layout_code.h), the
 * built-in table. A trial says what each came to. What would make the table impossible
 * (layout_check) is left out. Fills build->pools, too (pool_pattern.h).
 * Reads request->file if it is of request->build_id, else through request->read; sections are
 * believed only with `trusts_sections`. No fork.
 */
void bare_build_fill(const struct python_build_request *request, bool trusts_sections,
		     struct python_build *build);

#endif
