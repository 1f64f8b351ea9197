/*
 * sandbox: what a child that reads foreign files gives up.
 */
#ifndef SYMBOLS_SANDBOX_H
#define SYMBOLS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Called first in the child: dies with `parent`, no core dump, no files written, bounded
 * processor time and (in unsanitized builds) memory, every descriptor closed but 0, 1, 2 and the
 * n in `keep` (-1 allowed). False: it could not, do not go on.
 */
bool sandbox_enter(pid_t parent, const int *keep, size_t n);

/*
 * Called when all files are open: from now on only memory, reads, and writes to what is open
 * (seccomp). With may_open, files may still be opened for reading: split debug information (.dwo)
 * is found by libdw itself. Where the kernel has no seccomp it does nothing.
 */
void sandbox_seal(bool may_open);

#endif
