/*
 * cgroup: the memory that we and the target take from the same purse.
 *
 * An inspector that allocates inside its target's container can have the target
 * killed. So before anything is allocated, the headroom of every memory cgroup that
 * holds both is asked (cgroup v1 and v2; Documentation/admin-guide/cgroup-v2.rst).
 */
#ifndef INSPECTOR_TARGET_CGROUP_H
#define INSPECTOR_TARGET_CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes left before the nearest limit of a memory cgroup that holds both this process and `pid`;
 * inactive file cache counts as free. UINT64_MAX: no limit, or none that can be read.
 */
uint64_t cgroup_shared_headroom(pid_t pid);

/* Makes this process the first that the kernel kills when memory runs out. Failing is no harm. */
void cgroup_volunteer(void);

/* The path of the memory cgroup in the text of /proc/PID/cgroup, cut out of `text`, and which
 * version's hierarchy it belongs to. NULL: none. */
char *cgroup_memory_path(char *text, int *ret_version);

/* Length of the longest common ancestor of two cgroup paths: "/a/b" and "/a/c" share "/a". */
size_t cgroup_common_length(const char *a, const char *b);

#endif
