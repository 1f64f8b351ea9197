/*
 * permission: which of the kernel's rules forbids looking, and what would help.
 *
 * The kernel says only EPERM. The rules are read off in the order in which it
 * asks them (ptrace(2), "Ptrace access mode checking"), from files that everyone may
 * read.
 *
 *	rule			met when
 *	other_user		its user or group ids are not all ours
 *	missing_capabilities	it has capabilities that we lack
 *	not_dumpable		it changed its ids or made itself undumpable
 *	user_namespace		we are privileged, but in a namespace that is not its
 *	yama_ptrace_scope	it may be looked at, but not attached to
 *	pagemap			(process.c) only CAP_SYS_PTRACE is held, and it is partly swapped out
 *	traced			another tracer has it
 *	seccomp			our own sandbox
 *	security_module		everything else said yes
 */
#ifndef INSPECTOR_TARGET_PERMISSION_H
#define INSPECTOR_TARGET_PERMISSION_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

enum permission_wish {
	PERMISSION_LOOK,  /* /proc/PID/maps was refused */
	PERMISSION_READ,  /* maps may be read, memory may not */
	PERMISSION_TRACE, /* ptrace was refused */
};

/* The error for a refusal that just happened; proc: of /proc/PID. ERROR_PERMISSION, or ERROR_GONE
 * when the process ended meanwhile. */
struct error *permission_refused(pid_t pid, int proc, enum permission_wish wish)
	__attribute__((returns_nonnull)) MUST_CHECK;

/*
 * Whether the kernel would let our user look without any capability, Yama aside: NULL, or the error of
 * the rule. For a program that its file made privileged: it must not show its user another's process,
 * nor one of his own that is closed to him (set-user-ID, capabilities, not dumpable). ERROR_GONE.
 */
struct error *permission_of_user(pid_t pid, int proc) MUST_CHECK;

/* The settings that rule here, in words: "kernel.yama.ptrace_scope 1, no seccomp filter, …"; malloc'd,
 * NULL: no memory. */
char *permission_settings(void);

/* Names of the capabilities in the mask, "cap_net_admin, cap_sys_time"; malloc'd, NULL: no memory. */
char *permission_capability_names(uint64_t mask);

#endif
