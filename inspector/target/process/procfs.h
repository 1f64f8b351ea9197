/*
 * procfs: the kernel's small texts about a process, read whole.
 *
 * Some of what they hold the process chose itself (names, arguments, paths), so
 * sizes are bounded and nothing is taken to be terminated.
 */
#ifndef INSPECTOR_TARGET_PROCFS_H
#define INSPECTOR_TARGET_PROCFS_H

#include "base/error.h"

#include <inttypes.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Reads dir/name, at most `limit` bytes, into a malloc'd and terminated buffer; *ret_size without the
 * terminator. ERROR_GONE: no such process any more; ERROR_PERMISSION, without a rule;
 * ERROR_RESOURCE: longer than the limit, or memory is out.
 */
struct error *procfs_read(int dir, const char *name, size_t limit, char **ret,
			  size_t *ret_size) MUST_CHECK;

/* What a failed call on a file of a process means: gone, refused, or out of resources. */
struct error *procfs_error(int number, const char *name) MUST_CHECK;

/* The number behind "key:" at the start of a line (base 10, or 16 for masks); false: none there. */
bool procfs_number(const char *text, const char *key, int base, uint64_t *ret);

/* Fields of /proc/PID/stat that may be read by everyone. */
struct procfs_stat {
	char comm[64]; /* foreign */
	char state;
	uint64_t flags;  /* kernel's PF_ flags */
	uint64_t faults; /* of pages that were in RAM: of all its threads so far */
	uint64_t ticks;  /* on a processor, all threads */
	uint64_t n_threads;
	uint64_t start_ticks; /* since boot */
};

#define PROCFS_KERNEL_THREAD 0x00200000 /* PF_KTHREAD, include/linux/sched.h */
#define PROCFS_EXITING       0x00000004 /* PF_EXITING, there, too */

/* False: not of that form. */
bool procfs_parse_stat(const char *text, struct procfs_stat *ret);

/* dir: of /proc/PID, or of /proc/PID/task/TID. */
struct error *procfs_stat(int dir, struct procfs_stat *ret) MUST_CHECK;

#endif
