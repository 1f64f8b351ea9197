/*
 * layout_cache: finished tables kept by build-id, so that a second look at the same
 * build costs a small file and no DWARF.
 */
#ifndef SYMBOLS_LAYOUT_CACHE_H
#define SYMBOLS_LAYOUT_CACHE_H

#include "symbols/python_build.h"

/*
 * Reads <folder>/<build-id>.v<schema> into version, flags, layout (provenance CACHE throughout)
 * and debug_file of *build. Folder and file must belong to us and be writable by nobody else.
 * True: it did. False: *build is as it was. Either way a trial line says what came of it.
 */
bool layout_cache_load(const char *folder, const struct build_id *id, struct python_build *build);

/* Writes it, making the folder and its parent (0700): a temporary file (0600), renamed.
 * A trial line says what came of it; failure costs nothing else. */
void layout_cache_store(const char *folder, const struct build_id *id, struct python_build *build);

#endif
