/*
 * smaps: what only the kernel's longest text tells: which pages may go at any moment (MADV_FREE), and how
 * much of a mapping is ours when what is shared is divided.
 *
 * Reading it holds the process's mmap lock while the kernel walks the pages of a mapping: about
 * 60 us for each MiB of 4 KiB pages. Here each read of a running process takes one mapping and no more; one that
 * stands still waits for no lock.
 */
#ifndef INSPECTOR_TARGET_SMAPS_H
#define INSPECTOR_TARGET_SMAPS_H

#include "base/error.h"
#include "base/raddr.h"

#include <stddef.h>

/* What reading takes, for each MiB of small pages in RAM and for each mapping. */
#define SMAPS_MIB_NS     60000
#define SMAPS_MAPPING_NS 4000

/* Small pages in RAM of one mapping, in bytes, up to which reading it holds the lock for less than 2 ms. */
#define SMAPS_SIZE_MAX (32 * MIB)

struct smaps_mapping {
	raddr start;
	uint64_t size;
	uint64_t rss, pss, lazy_free, swap; /* bytes */
};

/* False: that is enough. */
typedef bool smaps_hear_fn(void *context, const struct smaps_mapping *mapping);

/* Tells of each mapping, ascending. proc: of /proc/PID. stands_still: all its threads are stopped, so that nobody waits
 * for the lock: then as fast as it goes. ERROR_PERMISSION, ERROR_GONE, ERROR_RESOURCE. */
struct error *smaps_read(int proc, bool stands_still, smaps_hear_fn *hear,
			 void *context) MUST_CHECK;

/* The text alone: for files of it, and for tests. Takes any cut into pieces. */
struct smaps_parser {
	smaps_hear_fn *hear;
	void *context;
	struct smaps_mapping mapping; /* the last whose head was seen */
	bool has_mapping, enough;
	char line[128]; /* as far as it has come; longer ones are cut */
	size_t length;
};

/* Takes the next piece, which may end anywhere. */
void smaps_parse(struct smaps_parser *parser, const char *text, size_t size);

/* There is no more: tells of the last mapping. */
void smaps_parse_end(struct smaps_parser *parser);

#endif
