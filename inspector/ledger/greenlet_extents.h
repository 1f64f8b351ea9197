/*
 * greenlet_extents: the memory of Python's frames of greenlets that wait, as extents of the ledger.
 */
#ifndef INSPECTOR_LEDGER_GREENLET_EXTENTS_H
#define INSPECTOR_LEDGER_GREENLET_EXTENTS_H

#include "inspector/ledger/extents.h"
#include "inspector/python/frames.h"
#include "symbols/python_build.h"

/*
 * Adds each chunk whole (python.frames, "greenlets"), but those of threads: one whose first frame names a code object. Without the
 * GIL, and before 3.11, there are none. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *greenlet_extents(struct space *space, const struct python_build *build,
			       const struct frames *frames, struct extents *extents) MUST_CHECK;

#endif
