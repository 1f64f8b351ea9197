/*
 * permission: our side and its side of the kernel's question, both from
 * /proc/…/status, compared the way the kernel compares them.
 */
#include "inspector/target/process/permission.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "base/text.h"
#include "inspector/target/process/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CAPABILITY_PTRACE 19
#define STATUS_SIZE_MAX   (64 * KIB)

struct side {
	uint64_t uids[3], gids[3]; /* real, effective, saved */
	uint64_t capabilities;     /* permitted */
	uint64_t effective;
	uint64_t tracer;
	uint64_t seccomp;
};

static const char *const capability_names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

char *permission_capability_names(uint64_t mask)
{
	struct text names = TEXT_EMPTY;
	for (unsigned i = 0; i < 64; i++) {
		if (!(mask >> i & 1))
			continue;
		text_add(&names, names.length ? ", cap_" : "cap_");
		if (i < ARRAY_SIZE(capability_names))
			text_add(&names, capability_names[i]);
		else
			text_addf(&names, "%u", i);
	}
	return text_take(&names);
}

static void read_ids(const char *text, const char *key, uint64_t ids[3])
{
	const char *line = strstr(text, key);
	if (!line || sscanf(line + strlen(key), " %" SCNu64 " %" SCNu64 " %" SCNu64, &ids[0],
			    &ids[1], &ids[2]) != 3)
		memset(ids, 0xff, 3 * sizeof(ids[0]));
}

static struct error *side_read(int dir, const char *name, struct side *ret)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	struct error *err = procfs_read(dir, name, STATUS_SIZE_MAX, &text, &size);
	if (err)
		return err;
	struct side side = {0};
	read_ids(text, "\nUid:", side.uids);
	read_ids(text, "\nGid:", side.gids);
	(void)procfs_number(text, "CapPrm", 16, &side.capabilities);
	(void)procfs_number(text, "CapEff", 16, &side.effective);
	(void)procfs_number(text, "TracerPid", 10, &side.tracer);
	(void)procfs_number(text, "Seccomp", 10, &side.seccomp);
	*ret = side;
	return NULL;
}

/* A number in a small file of the system; -1: not there. */
static long system_number(const char *path)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	struct error *err = procfs_read(AT_FDCWD, path, STATUS_SIZE_MAX, &text, &size);
	if (err) {
		error_free(err);
		return -1;
	}
	return strtol(text, NULL, 10);
}

/* Ours maps all ids onto themselves: the first namespace, where privilege is privilege. */
static bool in_first_namespace(void)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	struct error *err =
		procfs_read(AT_FDCWD, "/proc/self/uid_map", STATUS_SIZE_MAX, &text, &size);
	if (err) {
		error_free(err);
		return true;
	}
	unsigned long inside = 1, outside = 1, count = 0;
	return sscanf(text, " %lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

static bool is_privileged(const struct side *side)
{
	return side->effective >> CAPABILITY_PTRACE & 1;
}

static bool same_ids(const uint64_t theirs[3], uint64_t ours)
{
	return theirs[0] == ours && theirs[1] == ours && theirs[2] == ours;
}

/* Files of a process that is not dumpable belong to root; its directory never tells. */
static bool is_dumpable(int proc, const struct side *target)
{
	struct stat stat;
	return fstatat(proc, "maps", &stat, 0) != 0 || stat.st_uid == target->uids[1];
}

/* ---- one error for each rule -------------------------------------------------------------- */

static const char sudo_remedy[] =
	"run it with sudo, or give it CAP_SYS_PTRACE: setcap cap_sys_ptrace+ep on the program";

static struct error *deny(const char *rule, struct error *err)
{
	return error_rule(err, rule);
}

static struct error *deny_other_user(pid_t pid, const struct side *us, const struct side *target)
{
	bool user = !same_ids(target->uids, us->uids[1]);
	struct error *err = error_new(
		ERROR_PERMISSION, "process %d runs as %s %" PRIu64 ", this is %s %" PRIu64, pid,
		user ? "user" : "group", user ? target->uids[1] : target->gids[1],
		user ? "user" : "group", user ? us->uids[1] : us->gids[1]);
	err = error_remedy(err, "run as that %s, with sudo, or with CAP_SYS_PTRACE",
			   user ? "user" : "user and group");
	return deny("other_user", err);
}

static struct error *deny_capabilities(pid_t pid, uint64_t lacking)
{
	_cleanup_(free_pointer) char *names = permission_capability_names(lacking);
	struct error *err =
		error_new(ERROR_PERMISSION, "process %d has capabilities that this one lacks: %s",
			  pid, names ?: "?");
	return deny("missing_capabilities", error_remedy(err, "%s", sudo_remedy));
}

static struct error *deny_dumpable(pid_t pid)
{
	struct error *err = error_new(
		ERROR_PERMISSION,
		"process %d is not dumpable: it changed its user or closed itself to inspection",
		pid);
	return deny("not_dumpable", error_remedy(err, "%s", sudo_remedy));
}

static struct error *deny_namespace(pid_t pid)
{
	struct error *err =
		error_new(ERROR_PERMISSION,
			  "process %d belongs to another user namespace, where our privileges do "
			  "not count",
			  pid);
	return deny("user_namespace",
		    error_remedy(err, "run it on the host, or in the namespace of the process"));
}

static struct error *deny_yama(pid_t pid, long scope)
{
	struct error *err =
		error_new(ERROR_PERMISSION,
			  "Yama forbids attaching to process %d: kernel.yama.ptrace_scope is %ld",
			  pid, scope);
	if (scope >= 3)
		err = error_remedy(
			err, "nobody may attach until the next boot: remove the setting, reboot");
	else if (scope == 2)
		err = error_remedy(err, "run it with sudo or with CAP_SYS_PTRACE");
	else
		err = error_remedy(err, "run it with sudo, as a parent of the process, or after "
					"sysctl kernel.yama.ptrace_scope=0");
	return deny("yama_ptrace_scope", err);
}

static struct error *deny_traced(pid_t pid, uint64_t tracer)
{
	struct error *err = error_new(ERROR_PERMISSION, "process %d is traced by process %" PRIu64,
				      pid, tracer);
	return deny("traced",
		    error_remedy(err, "end that tracer, or look without stopping: --no-pause"));
}

static struct error *deny_seccomp(pid_t pid)
{
	struct error *err =
		error_new(ERROR_PERMISSION,
			  "a seccomp filter of this sandbox refuses ptrace and process_vm_readv on "
			  "process %d",
			  pid);
	return deny("seccomp",
		    error_remedy(err, "allow them in the container's seccomp profile, or run it "
				      "on the host"));
}

static struct error *deny_module(pid_t pid)
{
	struct error *err = error_new(
		ERROR_PERMISSION,
		"a security module (AppArmor, SELinux …) forbids looking at process %d", pid);
	return deny("security_module",
		    error_remedy(err, "see the kernel's log for what it denied"));
}

/* ---- which ---------------------------------------------------------------------------------- */

/* The rules that hold for every way of looking; NULL: all of them say yes. */
static struct error *general_rule(pid_t pid, int proc, const struct side *us,
				  const struct side *target)
{
	if (is_privileged(us))
		return in_first_namespace() ? NULL : deny_namespace(pid);
	if (!same_ids(target->uids, us->uids[1]) || !same_ids(target->gids, us->gids[1]))
		return deny_other_user(pid, us, target);
	if (target->capabilities & ~us->capabilities)
		return deny_capabilities(pid, target->capabilities & ~us->capabilities);
	return is_dumpable(proc, target) ? NULL : deny_dumpable(pid);
}

/* What may be looked at has passed the general rules already. */
static bool may_look(int proc)
{
	_cleanup_(close_fd) int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static struct error *attach_rule(pid_t pid, const struct side *us)
{
	long scope = system_number("/proc/sys/kernel/yama/ptrace_scope");
	if (scope >= 3 || (scope >= 1 && !is_privileged(us)))
		return deny_yama(pid, scope);
	return us->seccomp ? deny_seccomp(pid) : NULL;
}

struct error *permission_refused(pid_t pid, int proc, enum permission_wish wish)
{
	struct side us, target;
	struct error *err = side_read(AT_FDCWD, "/proc/self/status", &us);
	if (!err)
		err = side_read(proc, "status", &target);
	if (err)
		return err;
	if (wish == PERMISSION_TRACE && target.tracer)
		return deny_traced(pid, target.tracer);
	if (!may_look(proc))
		err = general_rule(pid, proc, &us, &target);
	else if (wish != PERMISSION_LOOK)
		err = attach_rule(pid, &us);
	return err ? err : deny_module(pid);
}

struct error *permission_of_user(pid_t pid, int proc)
{
	struct side us, target;
	struct error *err = side_read(AT_FDCWD, "/proc/self/status", &us);
	err = err ?: side_read(proc, "status", &target);
	if (err)
		return err;
	us.capabilities = us.effective = 0;
	err = general_rule(pid, proc, &us, &target);
	if (!err)
		return NULL;
	err = error_context(err, "a privileged arenascope shows its user only processes of their "
				 "own");
	return error_remedy(err, "run it with sudo");
}

char *permission_settings(void)
{
	struct side us = {0};
	struct text text = TEXT_EMPTY;
	long scope = system_number("/proc/sys/kernel/yama/ptrace_scope");
	struct error *err = side_read(AT_FDCWD, "/proc/self/status", &us);
	if (scope < 0)
		text_add(&text, "no Yama");
	else
		text_addf(&text, "kernel.yama.ptrace_scope %ld", scope);
	if (err)
		text_addf(&text, ", our own rights unknown: %s", err->cause);
	else
		text_addf(&text, ", %s seccomp filter on us, uid %" PRIu64 "%s, %s namespace",
			  us.seccomp ? "a" : "no", us.uids[1],
			  is_privileged(&us) ? " with CAP_SYS_PTRACE" : " without CAP_SYS_PTRACE",
			  in_first_namespace() ? "the first user" : "an inner user");
	error_free(err);
	return text_take(&text);
}
