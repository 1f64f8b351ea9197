/*
 * live: a running process as the source of a space.
 *
 * process_vm_readv in batches of iovecs, /proc/PID/mem where a sandbox refuses
 * that; reader threads for large gathers. It never writes, and it never touches a
 * page that is not present: a single read asks pagemap first and takes a file's
 * page from the file.
 *
 * A read or gather is made by one thread at a time. While the target runs, a gather rests now and
 * then, so that the target gets its mmap lock; while it stands still, it is as fast as it can be.
 */
#ifndef INSPECTOR_TARGET_LIVE_H
#define INSPECTOR_TARGET_LIVE_H

#include "inspector/target/space.h"

#include <sys/types.h>

/* proc: a descriptor of /proc/PID, borrowed for the source's life. The space comes without regions:
 * fill them, then call live_map. */
struct error *live_open(pid_t pid, int proc, struct space *ret) MUST_CHECK;

/* Tells the source of the space's regions; after every change of them. */
struct error *live_map(struct space *space) MUST_CHECK;

/* Starts the reader threads, so that a freeze does not pay for it. Without it gathers use one. */
struct error *live_start_readers(struct space *space) MUST_CHECK;

/* "process_vm_readv" or "/proc/PID/mem". */
const char *live_mechanism(const struct space *space);

/* "PAGEMAP_SCAN" or "pagemap", or why there is neither. */
const char *live_residency_mechanism(const struct space *space);

/* What to do without, as on an older kernel or in a sandbox; for tests and measurements. */
enum live_lack {
	LIVE_NO_SCAN = 1,           /* PAGEMAP_SCAN */
	LIVE_NO_VM_READV = 2,       /* process_vm_readv */
	LIVE_NO_BULK = 4,           /* gathers ask for each piece */
	LIVE_NO_PIECES = 8,         /* gathers copy in bulk wherever they can */
	LIVE_NO_SECOND_READER = 16, /* live_start_readers starts none */
	LIVE_PINS =
		32 /* care for pages shared since a fork: process_vm_readv copies them (remote.h) */
};

/* `lacks`: an or of enum live_lack; adds to what this space already does without. */
void live_lack(struct space *space, unsigned lacks);

#endif
