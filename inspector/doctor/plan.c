/*
 * plan: what a look would do, told without doing any of it.
 *
 * Only what procfs tells everybody is read here (stat, status, comm): no memory,
 * no maps, no ptrace. So sizes are bounds from RSS, and are said to be bounds.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/inspector.h"
#include "inspector/look/look.h"
#include "inspector/subject.h"
#include "inspector/target/process/process.h"

#include <string.h>

/* Measured costs, as upper bounds (bench/ has the figures of the day). */
#define STOP_BASE_US       200
#define STOP_PER_THREAD_US 15
#define POOL_NEW           (16 * KIB) /* a pool from 3.10 on */
#define POOL_OLD           (4 * KIB)  /* before */
#define US_PER_GIB_NEW     30000
#define US_PER_GIB_OLD     110000
#define OWN_BASE           (20 * MIB)
#define OWN_PER_POOL       64

static void plan_process(const struct inspector_request *request, const struct facts *facts,
			 struct findings *f)
{
	_cleanup_(text_fini) struct text comm = TEXT_EMPTY;
	text_add_escaped(&comm, facts->comm, strlen(facts->comm));
	findings_add(f, "target", FINDING_OK,
		     "pid %d (%s), uid %u, %" PRIu64 " thread%s, RSS %" PRIu64 " MiB",
		     (int)request->pid, text_string(&comm), (unsigned)facts->uid, facts->n_threads,
		     facts->n_threads == 1 ? "" : "s", facts->rss / MIB);
}

static void plan_calls(const struct inspector_request *request, struct findings *f)
{
	findings_add(
		f, "calls", FINDING_OK,
		"pidfd_open; reads of /proc/%d/{stat,status,cmdline,maps,pagemap,cgroup}; smaps only for "
		"a ledger, one mapping a read, and where none holds more than 32 MiB or it is stopped by "
		"--exact",
		(int)request->pid);
	findings_add(
		f, "calls", FINDING_OK,
		"process_vm_readv of present pages only (else pread on /proc/%d/mem); nothing is "
		"ever written",
		(int)request->pid);
	findings_add(
		f, "calls", FINDING_OK, "%s",
		request->mode == LOOK_NO_PAUSE
			? "no ptrace call"
			: "PTRACE_SEIZE, INTERRUPT, GETREGS, DETACH when it is stopped; never "
			  "POKE or SETREGS; meanwhile our own threads go first where they may");
}

static void plan_rights(const struct facts *facts, struct findings *f)
{
	if (facts->uid == geteuid())
		findings_add(f, "rights", FINDING_OK,
			     "same user: none beyond that, unless the "
			     "target is not dumpable or Yama forbids it");
	else
		findings_add(f, "rights", geteuid() == 0 ? FINDING_OK : FINDING_MISSING,
			     "it runs as uid %u, we as %u: CAP_SYS_PTRACE", (unsigned)facts->uid,
			     (unsigned)geteuid());
	findings_add(f, "rights", FINDING_OK,
		     "given up once it is open: every capability but CAP_SYS_PTRACE");
}

static uint64_t whole_gib_us(uint64_t bytes, uint64_t us_per_gib)
{
	return size_multiply(bytes / MIB, us_per_gib) / (GIB / MIB);
}

static void plan_stop(const struct inspector_request *request, const struct facts *facts,
		      struct findings *f)
{
	uint64_t threads_us = STOP_BASE_US + size_multiply(STOP_PER_THREAD_US, facts->n_threads);
	if (request->mode == LOOK_NO_PAUSE) {
		findings_add(f, "stop", FINDING_OK, "none");
		return;
	}
	if (request->mode == LOOK_SETTLE) {
		findings_add(f, "stop", FINDING_OK,
			     "none while what is read agrees; else at most %" PRIu64 " ms in all",
			     (request->max_pause_us ?: LOOK_SETTLE_LIMIT_US) / 1000);
		return;
	}
	findings_add(f, "stop", FINDING_OK,
		     "one, at most %" PRIu64 " ms (3.10 and later) or %" PRIu64
		     " ms (before), if all of RSS is pymalloc; ended by a timer after %" PRIu64
		     " ms",
		     (threads_us + whole_gib_us(facts->rss, US_PER_GIB_NEW)) / 1000 + 1,
		     (threads_us + whole_gib_us(facts->rss, US_PER_GIB_OLD)) / 1000 + 1,
		     (request->max_pause_us ?: LOOK_EXACT_LIMIT_US) / 1000);
}

static void plan_costs(const struct facts *facts, struct findings *f)
{
	uint64_t fewest = (OWN_BASE + facts->rss / POOL_NEW * OWN_PER_POOL) / MIB + 1;
	uint64_t most = (OWN_BASE + facts->rss / POOL_OLD * OWN_PER_POOL) / MIB + 1;
	findings_add(
		f, "lock", FINDING_OK,
		"the target's mmap lock for reading, under 2 ms at a time: residency in steps of "
		"32 MiB, memory a page or 1 MiB at a time");
	if (fewest == most)
		findings_add(f, "memory", FINDING_OK, "ours, at most %" PRIu64 " MiB", most);
	else
		findings_add(f, "memory", FINDING_OK,
			     "ours, at most %" PRIu64 " MiB (3.10 and later) or %" PRIu64
			     " MiB (before)",
			     fewest, most);
}

static void plan_files(const struct inspector_request *request, struct findings *f)
{
	_cleanup_(free_pointer) char *cache = request->no_cache ? NULL : subject_cache_dir();
	_cleanup_(text_fini) struct text path = TEXT_EMPTY;
	findings_add(f, "files", FINDING_OK,
		     "read: the mapped interpreter, and its debug file below /usr/lib/debug of the "
		     "target's root and ours; DWARF in a child process of ours");
	if (!cache) {
		findings_add(f, "files", FINDING_OK, "written: none");
		return;
	}
	text_add_escaped(&path, cache, strlen(cache));
	findings_add(f, "files", FINDING_OK, "written: the layout table, to %s (--no-cache: none)",
		     text_string(&path));
}

struct error *inspector_plan(const struct inspector_request *request, struct findings *ret)
{
	struct facts facts = {0};
	*ret = (struct findings){0};
	struct error *err = process_facts_of(request->pid, &facts);
	if (err)
		return err;
	plan_process(request, &facts, ret);
	plan_calls(request, ret);
	plan_rights(&facts, ret);
	plan_stop(request, &facts, ret);
	plan_costs(&facts, ret);
	plan_files(request, ret);
	facts_fini(&facts);
	return NULL;
}
