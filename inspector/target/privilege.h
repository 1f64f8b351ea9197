/*
 * privilege: what this process may do beyond its user's rights, given up as soon as
 * it is not needed any more.
 *
 *	start		a privileged file (AT_SECURE)	only what reads a process is left
 *	target opened	everybody			only what is still needed is left
 */
#ifndef INSPECTOR_TARGET_PRIVILEGE_H
#define INSPECTOR_TARGET_PRIVILEGE_H

#include "base/error.h"

/*
 * At the very start of a program whose file gives it rights that its user has not: leaves only
 * CAP_SYS_PTRACE and CAP_CHECKPOINT_RESTORE, and of a set-user-ID file not the user's id either, so
 * that no file is read or written that the user could not. Otherwise does nothing. ERROR_PERMISSION:
 * it could not be done.
 */
struct error *privilege_begin(void) MUST_CHECK;

/* What is still to be done, and takes a right where it is held. */
enum privilege_need {
	PRIVILEGE_TRACE = 1, /* CAP_SYS_PTRACE: a running process is read */
	PRIVILEGE_WRITE = 2, /* CAP_DAC_OVERRIDE: an answer goes to a folder of somebody else's */
	PRIVILEGE_HURRY = 4, /* CAP_SYS_NICE: stops are to be short; where limits do not serve */
};

/*
 * For good, of the calling thread and all it starts: no new privileges by exec, every capability gone
 * but those of `needs`, an or of enum privilege_need, from the bounding set too where that is allowed.
 * A program that its file made privileged keeps CAP_SYS_PTRACE at the most. Call before threads
 * exist, after the last file of a target was opened. A sandbox may forbid it: privilege_held() tells.
 */
void privilege_drop(unsigned needs);

/* Capabilities held now, "cap_sys_ptrace"; "" for none. malloc'd; NULL: out of memory. */
char *privilege_held(void);

#endif
