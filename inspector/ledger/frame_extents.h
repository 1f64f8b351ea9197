/*
 * frame_extents: the memory of Python's frames, as extents of the ledger.
 */
#ifndef INSPECTOR_LEDGER_FRAME_EXTENTS_H
#define INSPECTOR_LEDGER_FRAME_EXTENTS_H

#include "base/error.h"
#include "inspector/ledger/extents.h"
#include "inspector/python/frames.h"
#include "inspector/target/threads.h"

/* Adds each chunk whole, the part that is not in use, too (python.frames), named by the thread that it belongs to, as
 * its stack is (stacks.h). ERROR_RESOURCE. */
struct error *frame_extents(const struct frames *frames, const struct threads *threads,
			    struct extents *extents) MUST_CHECK;

#endif
