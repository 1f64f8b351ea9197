/* change: what became different between two pictures of one process. */
#ifndef UI_TUI_CHANGE_H
#define UI_TUI_CHANGE_H

#include "ui/tui/picture.h"

struct change {
	uint64_t arenas_new, arenas_gone;
	uint64_t pools_changed; /* of the arenas in both: another state, class or use */
	uint64_t pools_compared;
};

/* Of the interpreters that each picture shows. An arena that went and came again at its address counts as
 * the same. */
struct change change_between(const struct picture *before, const struct picture *now);

#endif
