/*
 * stats: what sys._debugmallocstats() prints in that process, byte for byte.
 *
 * Sources: _PyObject_DebugMallocStats, printone and _PyDebugAllocatorStats of Objects/obmalloc.c
 * (3.6 to 3.15; 2.7 has printone and the table in pydebug builds only), sys__debugmallocstats_impl
 * of Python/sysmodule.c.
 */
#ifndef UI_STATS_H
#define UI_STATS_H

#include "base/text.h"
#include "inspector/snapshot.h"

/*
 * Appends the text: the main interpreter's table and free lists, then those of every further
 * interpreter with an allocator of its own, each headed by "# interpreter N". A figure that is not
 * known prints as "?"; returns how many there were.
 */
uint64_t stats_write(struct text *text, const struct snapshot *snapshot);

#endif
