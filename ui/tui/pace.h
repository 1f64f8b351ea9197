/*
 * pace: which looks find more than the small-object allocator: as many as cost a twentieth of the
 * time, and no more.
 */
#ifndef UI_TUI_PACE_H
#define UI_TUI_PACE_H

#include <stdbool.h>

struct pace {
	double bare; /* seconds that a look without parts took last; 0: there was none yet */
	double due;  /* monotonic seconds of the next look with parts */
};

/* An or of enum look_part for a look at `now`: the ledger (which takes malloc with it where it can),
 * and malloc for itself where that is wanted; 0 where it is too early. */
unsigned pace_parts(const struct pace *pace, double now, bool wants_malloc);

/* A look that ended at `now` and had these parts took so long, in seconds. */
void pace_learn(struct pace *pace, double now, unsigned parts, double took);

#endif
