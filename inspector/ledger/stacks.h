/*
 * stacks: where threads have theirs, also those that have ended and whose memory the C library keeps.
 */
#ifndef INSPECTOR_LEDGER_STACKS_H
#define INSPECTOR_LEDGER_STACKS_H

#include "inspector/ledger/claims.h"
#include "inspector/ledger/extents.h"
#include "inspector/target/space.h"
#include "inspector/target/threads.h"

/*
 * Adds an extent for each thread's block, guard included. A block is told by the struct pthread at its end, which names
 * itself and the block (glibc 2.26 to 2.43, nptl/descr.h: header.tcb, header.self, stackblock,
 * stackblock_size); where that cannot be read, the mapping that holds the thread's pointers is it. Of ended threads the
 * struct alone tells: looked for at the ends of anonymous mappings, and below other blocks, but not in claims
 * (sorted). pid: of the main thread, whose stack is the kernel's. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *stacks_find(struct space *space, const struct threads *threads, pid_t pid,
			  const struct claims *claims, struct extents *extents) MUST_CHECK;

#endif
