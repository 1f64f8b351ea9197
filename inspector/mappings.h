/*
 * mappings: what is left to tell of a process whose memory may not be read, though
 * its mappings may: how much of which kind is mapped, in RAM, swapped out.
 *
 * Yama with ptrace_scope 1 or 2 gives this to every user of their own processes.
 */
#ifndef INSPECTOR_MAPPINGS_H
#define INSPECTOR_MAPPINGS_H

#include "inspector/snapshot.h"
#include "inspector/target/facts.h"

enum mapping_kind {
	MAPPING_ANON,    /* anonymous: arenas, larger objects, other allocators, threads' stacks */
	MAPPING_HEAP,    /* [heap]: what brk(2) gave, malloc's main arena */
	MAPPING_STACK,   /* of the main thread */
	MAPPING_TEXT,    /* executable pages of files */
	MAPPING_DATA,    /* private writable pages of files: variables of program and libraries */
	MAPPING_FILE,    /* other pages of files */
	MAPPING_SHARED,  /* shared memory that is no file's */
	MAPPING_DEVICE,  /* of a device */
	MAPPING_SPECIAL, /* the kernel's own: [vdso] */
	MAPPING_KINDS
};

const char *mapping_kind_name(enum mapping_kind kind); /* a leaf of the ledger: "file.text" */

struct mapping_sum {
	uint64_t n;      /* mappings */
	uint64_t mapped; /* bytes */
	struct maybe resident, swapped;
};

struct mappings {
	struct facts facts;
	char *command; /* as a snapshot's: a label without arguments that may be secret */
	struct mapping_sum kinds[MAPPING_KINDS];
	struct mapping_sum total;
};

/*
 * Sums up the mappings of a process. Reads maps and, where it may, pagemap; none of its memory.
 * ERROR_PERMISSION, ERROR_GONE. *ret is the caller's to mappings_fini().
 */
struct error *inspector_mappings(pid_t pid, struct mappings *ret) MUST_CHECK;
void mappings_fini(struct mappings *mappings);

#endif
