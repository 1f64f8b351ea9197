/*
 * cgroup: the memory that we and the target take from the same purse.
 *
 * An inspector that allocates inside its target's container can have the target
 * killed. So before anything is allocated, the headroom of every memory cgroup that
 * holds both is asked (cgroup v1 and v2; Documentation/admin-guide/cgroup-v2.rst).
 */
#ifndef INSPECTOR_TARGET_CGROUP_H
#define INSPECTOR_TARGET_CGROUP_H

#include "inspector/ledger/purse.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes left before the nearest limit of a memory cgroup that holds both this process and `pid`;
 * inactive file cache counts as free. UINT64_MAX: no limit, or none that can be read.
 */
uint64_t cgroup_shared_headroom(pid_t pid);

/*
 * What the memory cgroup of `pid` holds and may hold; own: bytes of anonymous memory that are this process's,
 * for its share. Unknown where it lives in none that can be read.
 */
void cgroup_purse(pid_t pid, uint64_t own, struct purse *ret);

/*
 * The same of a cgroup: its `path`, of which `root` is mounted at the folder `point`; version 1 or 2. Limit, high and
 * headroom are the least of its own and of all its ancestors' below that mount. `path` is shortened.
 */
void cgroup_purse_at(const char *point, const char *root, char *path, int version, uint64_t own,
		     struct purse *ret);

/* Where the hierarchy of a version is mounted, cut out of `mounts`, the text of /proc/PID/mountinfo: the folder,
 * and which of its paths lies there. False: nowhere. */
bool cgroup_mount(char *mounts, int version, char **ret_root, char **ret_point);

/* Makes this process the first that the kernel kills when memory runs out. Failing is no harm. */
void cgroup_volunteer(void);

/* The path of the memory cgroup in the text of /proc/PID/cgroup, cut out of `text`, and which
 * version's hierarchy it belongs to. NULL: none. */
char *cgroup_memory_path(char *text, int *ret_version);

/* Length of the longest common ancestor of two cgroup paths: "/a/b" and "/a/c" share "/a". */
size_t cgroup_common_length(const char *a, const char *b);

#endif
