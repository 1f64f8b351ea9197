/*
 * watched: a victim and its memory as a look has it.
 */
#ifndef TESTS_UNIT_TARGET_WATCHED_H
#define TESTS_UNIT_TARGET_WATCHED_H

#include "inspector/target/process/process.h"
#include "inspector/target/reading/live.h"
#include "victim.h"

struct look {
	struct victim victim;
	struct process *process;
	struct space space;
};

/* Starts the victim, hears its first word, which must be 1, and opens it; lacks: as live_lack(). */
struct look look_start(victim_fn *run, unsigned lacks);
void look_end(struct look *look);

#endif
