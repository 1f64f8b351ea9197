/*
 * sandbox: limits first, then a seccomp filter. A system call that is not on the
 * list fails with EPERM instead of killing: what a libc does by itself between
 * versions must not end a good run.
 *
 *	load arch; x86-64?  no ─> EPERM
 *	load number; on the list? ─> ALLOW … openat, read-only? ─> ALLOW … EPERM
 */
#include "symbols/sandbox.h"

#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCESSOR_SECONDS 20

/* `grace`: how far the kernel lets it go on behind the limit before it kills. */
static bool limit(__rlimit_resource_t resource, uint64_t value, uint64_t grace)
{
	struct rlimit old;
	if (getrlimit(resource, &old))
		return false;
	struct rlimit limit = {size_min(value, old.rlim_max),
			       size_min(value + grace, old.rlim_max)};
	return !setrlimit(resource, &limit);
}

/* Closes first..last where it is a range. */
static void close_between(unsigned first, unsigned last)
{
	if (first <= last)
		(void)syscall(SYS_close_range, first, last, 0);
}

/* Closes every descriptor from 3 on that is not kept: from each kept one up to the next. */
static void close_others(const int *keep, size_t n)
{
	unsigned from = 3;
	for (;;) {
		unsigned next = UINT32_MAX;
		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next == UINT32_MAX)
			break;
		close_between(from, next - 1);
		from = next + 1;
	}
	close_between(from, UINT32_MAX);
}

bool sandbox_enter(pid_t parent, const int *keep, size_t n)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent || prctl(PR_SET_DUMPABLE, 0))
		return false;
	close_others(keep, n);
	/* At the first second it is SIGXCPU: SIGKILL means that memory ran out (python_build.c). */
	return limit(RLIMIT_CPU, PROCESSOR_SECONDS, 2) && limit(RLIMIT_FSIZE, 0, 0) &&
	       limit(RLIMIT_CORE, 0, 0) &&
	       (SANDBOX_MEMORY_MAX == 0 || limit(RLIMIT_AS, SANDBOX_MEMORY_MAX, 0));
}

static const int allowed[] = {
	SYS_read,        SYS_pread64,     SYS_write,         SYS_writev,         SYS_mmap,
	SYS_munmap,      SYS_mremap,      SYS_mprotect,      SYS_madvise,        SYS_brk,
	SYS_fstat,       SYS_newfstatat,  SYS_lseek,         SYS_close,          SYS_futex,
	SYS_exit,        SYS_exit_group,  SYS_rt_sigreturn,  SYS_rt_sigprocmask, SYS_getrandom,
	SYS_sigaltstack, SYS_sched_yield, SYS_clock_gettime, SYS_getpid,         SYS_gettid,
	SYS_tgkill,
};

#define NOT_READ_ONLY (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

struct program {
	struct sock_filter code[64];
	unsigned short length;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	p->code[p->length++] = (struct sock_filter){code, if_true, if_false, k};
}

static void add_load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void add_return(struct program *p, uint32_t action)
{
	add(p, BPF_RET | BPF_K, action, 0, 0);
}

static void add_allowed(struct program *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
		add_return(p, SECCOMP_RET_ALLOW);
	}
}

static void add_open(struct program *p)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3);
	add_load(p, offsetof(struct seccomp_data, args[2]));
	add(p, BPF_JMP | BPF_JSET | BPF_K, NOT_READ_ONLY, 1, 0);
	add_return(p, SECCOMP_RET_ALLOW);
}

void sandbox_seal(bool may_open)
{
	struct program p = {.length = 0};
	add_load(&p, offsetof(struct seccomp_data, arch));
	add(&p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	add_return(&p, SECCOMP_RET_ERRNO | EPERM);
	add_load(&p, offsetof(struct seccomp_data, nr));
	add_allowed(&p);
	if (may_open)
		add_open(&p);
	add_return(&p, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog program = {p.length, p.code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	(void)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
