/*
 * pace: which looks find more than the small-object allocator: as often as costs a twentieth of the
 * time, and no more.
 */
#ifndef UI_TUI_PACE_H
#define UI_TUI_PACE_H

#include <stdbool.h>

struct pace {
	double bare; /* seconds that a look without parts took last; 0: none yet */
	double ledger_due, malloc_due; /* monotonic seconds */
};

/* An or of enum look_part for a look at `now`; malloc only where it is wanted. */
unsigned pace_parts(const struct pace *pace, double now, bool wants_malloc);

/* A look at `now` with these parts took so long, in seconds. */
void pace_learn(struct pace *pace, double now, unsigned parts, double took);

#endif
