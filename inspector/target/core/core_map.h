/*
 * core_map: a core's memory and the files it was mapped from, laid over each other:
 * the regions of a space.
 */
#ifndef INSPECTOR_TARGET_CORE_MAP_H
#define INSPECTOR_TARGET_CORE_MAP_H

#include "inspector/target/core/core_elf.h"
#include "inspector/target/core/core_notes.h"
#include "inspector/target/space.h"

/* Fills the regions of an empty space. Their device is 0 and their inode the mapping's id. What only
 * the notes tell of counts as readable: it was left out because it can be had from its file. */
struct error *core_map(const struct core_elf *elf, const struct core_notes *notes,
		       struct space *ret) MUST_CHECK;

#endif
