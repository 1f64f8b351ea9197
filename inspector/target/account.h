/*
 * account: what the kernel counts of a process's memory, to stand beside what we see ourselves.
 */
#ifndef INSPECTOR_TARGET_ACCOUNT_H
#define INSPECTOR_TARGET_ACCOUNT_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/ledger/purse.h"
#include "inspector/maybe.h"

/* What smaps says of a mapping, in bytes. */
struct account_mapping {
	raddr start;
	uint64_t size;
	uint64_t rss;
	uint64_t
		lazy_free; /* MADV_FREEd: the kernel takes them when it likes; where they lie is not told */
};

/* Bytes. */
struct account {
	struct maybe rss, peak_rss, swap; /* VmRSS, VmHWM, VmSwap of status */
	struct maybe pss, lazy_free;      /* sums over smaps, where it was read */
	VEC(struct account_mapping)
	mappings; /* ascending; where smaps was read; of a file only those
	                                        * with lazily freed pages */
	struct purse purse;
};

#define ACCOUNT_EMPTY ((struct account){0})

void account_fini(struct account *account);

#endif
