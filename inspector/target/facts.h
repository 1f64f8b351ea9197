/*
 * facts: what is known of a process beside its memory: from procfs, from a core's notes,
 * from a snapshot file.
 */
#ifndef INSPECTOR_TARGET_FACTS_H
#define INSPECTOR_TARGET_FACTS_H

#include "base/vec.h"
#include "inspector/target/threads.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Strings are owned, foreign and unescaped. What is not known is 0 or NULL. */
struct facts {
	pid_t pid, parent; /* parent: as it is now; of a file 0 */
	uid_t uid;
	char state; /* R S D T t Z … */
	char *comm;
	char *exe; /* NULL: not readable */
	VEC(char *) cmdline;
	char *label; /* process_label() of it, where a file keeps that and not the command line */
	struct timespec started_at; /* real time */
	struct timespec taken_at;   /* real time: when a file's process was copied; 0: now */
	uint64_t n_threads;
	struct threads threads; /* where a file keeps them; of others origin_threads() tells */
	int signal;             /* that ended it; 0: none, or not known */
	uint64_t rss, peak_rss, swap, page_tables; /* bytes */
	uint64_t system_memory;                    /* of its machine; 0: of this one */
	bool at_work; /* of a snapshot: its heap changed while it was saved */
};

#define FACTS_EMPTY ((struct facts){0})

void facts_fini(struct facts *facts);

#endif
