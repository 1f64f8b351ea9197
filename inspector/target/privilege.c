/*
 * privilege: the kernel's interface without a library: three sets of 64 bits, the
 * bounding set one bit a call.
 *
 *	bounding   while CAP_SETPCAP is still there
 *	ambient    would come back with an exec
 *	permitted, effective, inheritable   last
 */
#include "inspector/target/privilege.h"

#include "base/cleanup.h"
#include "inspector/target/process/permission.h"
#include "inspector/target/reading/haste.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define BIT(capability)    (UINT64_C(1) << (capability))
#define CAPABILITIES       64
#define CHECKPOINT_RESTORE 40 /* Linux 5.9; older headers lack the name */

struct sets {
	struct __user_cap_data_struct half[_LINUX_CAPABILITY_U32S_3];
};

static bool sets_read(struct sets *ret)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	return syscall(SYS_capget, &head, ret->half) == 0;
}

static uint64_t permitted(const struct sets *sets)
{
	return (uint64_t)sets->half[1].permitted << 32 | sets->half[0].permitted;
}

/* What of `kept` is held stays, permitted and effective. */
static bool keep_only(uint64_t kept)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct sets sets = {0};
	if (!sets_read(&sets))
		return false;
	kept &= permitted(&sets);
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t half = (uint32_t)(kept >> (32 * i));
		sets.half[i] = (struct __user_cap_data_struct){half, half, 0};
	}
	return syscall(SYS_capset, &head, sets.half) == 0;
}

static void close_ways_back(uint64_t kept)
{
	for (unsigned i = 0; i < CAPABILITIES; i++) {
		if (!(kept >> i & 1))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* From the file's owner back to the user; its capabilities come along. */
static bool become_user(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
	       setresgid(getgid(), getgid(), getgid()) == 0 &&
	       setresuid(getuid(), getuid(), getuid()) == 0;
}

struct error *privilege_begin(void)
{
	if (!getauxval(AT_SECURE))
		return NULL;
	bool changed = geteuid() != getuid() || getegid() != getgid();
	if ((!changed || become_user()) && keep_only(BIT(CAP_SYS_PTRACE) | BIT(CHECKPOINT_RESTORE)))
		return NULL;
	return error_remedy(error_errno(ERROR_PERMISSION, errno,
					"the rights that this program's file gives it cannot be "
					"given up"),
			    "run a copy without them");
}

void privilege_drop(unsigned needs)
{
	uint64_t kept = needs & PRIVILEGE_TRACE ? BIT(CAP_SYS_PTRACE) : 0;
	if (needs & PRIVILEGE_WRITE && !getauxval(AT_SECURE))
		kept |= BIT(CAP_DAC_OVERRIDE);
	if (needs & PRIVILEGE_HURRY && !haste_reserve())
		kept |= BIT(CAP_SYS_NICE);
	close_ways_back(kept);
	(void)keep_only(kept);
}

char *privilege_held(void)
{
	struct sets sets = {0};
	return permission_capability_names(sets_read(&sets) ? permitted(&sets) : 0);
}
