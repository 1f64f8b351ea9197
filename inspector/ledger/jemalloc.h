/*
 * jemalloc: which anonymous memory is jemalloc's, by its own tree of pages.
 */
#ifndef INSPECTOR_LEDGER_JEMALLOC_H
#define INSPECTOR_LEDGER_JEMALLOC_H

#include "base/error.h"
#include "inspector/ledger/extents.h"
#include "inspector/ledger/objects.h"
#include "inspector/target/residency/residency.h"
#include "inspector/target/space.h"

/*
 * Adds what jemalloc's tree says it holds, in use or kept, as extents of malloc.opaque with the library's path; nothing where
 * the library is not jemalloc or no tree, or more than one, is found. The root is sought in the library's variables, and is
 * believed when what its leaves say of their first pages is what the descriptions they lead to say. Read off rtree.h,
 * extent_structs.h, edata.h and base_structs.h of jemalloc 5.0 to 5.3, for addresses of 48 bits and pages of 4 KiB.
 * residency: NULL: all that can be read. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *jemalloc_find(struct space *space, const struct residency *residency,
			    const struct objects *objects, const char *allocator,
			    struct extents *extents) MUST_CHECK;

#endif
