/*
 * mapping: what a mapping alone says of its memory.
 */
#ifndef INSPECTOR_LEDGER_MAPPING_H
#define INSPECTOR_LEDGER_MAPPING_H

#include "inspector/ledger/leaf.h"
#include "inspector/target/space.h"

/* Whether a mapped file is memory that is shared without a file: POSIX, System V, memfd, MAP_SHARED. */
bool mapping_is_shared_memory(const struct region *region);

/* Whether it is of a device, or of what the kernel hands out through a descriptor. */
bool mapping_is_device(const struct region *region);

/* The leaf of a mapping, by its kind, permissions and name. of_object: its file is a program or library that is
 * mapped to be executed. ANON_UNKNOWN: it takes more to tell. */
enum leaf mapping_leaf(const struct region *region, bool of_object);

#endif
