/*
 * remote: bytes of another process's memory, copied as they are.
 *
 * The lowest door to a live target: it knows no regions and no pages. Reads only, by
 * process_vm_readv or, where a sandbox refuses that or it would do harm, by pread on /proc/PID/mem,
 * which is opened read-only.
 *
 * Harm: process_vm_readv pins what it reads, and to pin an anonymous page that a fork left shared the kernel first
 * gives the target a copy of its own (gup_must_unshare(), mm/gup.c, Linux 5.19 to 6.18).
 */
#ifndef INSPECTOR_TARGET_REMOTE_H
#define INSPECTOR_TARGET_REMOTE_H

#include "base/error.h"
#include "base/raddr.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

/* Most pieces of one system call. */
#define REMOTE_PIECES_MAX 1024

struct remote {
	pid_t pid;
	int mem;             /* /proc/PID/mem, or -1 */
	_Atomic bool by_mem; /* process_vm_readv was refused */
	_Atomic bool
		shares; /* the target shares anonymous pages with relatives: by mem if it is open */
};

struct remote_piece {
	raddr from;
	void *to;
	size_t size;
	uint8_t *got; /* the caller's mark of this piece; not used here */
};

/* Finds out which way is open. proc: of /proc/PID, only used here. ERROR_PERMISSION (without a
 * rule) when none is; ERROR_GONE. */
struct error *remote_open(pid_t pid, int proc, struct remote *ret) MUST_CHECK;
void remote_close(struct remote *remote);

/*
 * Copies the pieces, in order, until one cannot be read. Returns how many were
 * copied whole; the bytes of the one behind them may be half new. *gone is set, and never
 * cleared, when there is no process any more. May be called by several threads.
 */
size_t remote_copy(struct remote *remote, const struct remote_piece *pieces, size_t n,
		   _Atomic bool *gone);

/* One piece by /proc/PID/mem, which also reads pages without read permission. */
bool remote_copy_by_mem(struct remote *remote, const struct remote_piece *piece,
			_Atomic bool *gone);

#endif
