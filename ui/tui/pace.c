/*
 * pace: what a part costs is what the look took longer than one without; the next comes when twenty
 * times that have passed. A ledger that is cheap enough is in every look.
 */
#include "ui/tui/pace.h"

#include "inspector/inspector.h"

#define REST 20 /* of the time, what a part may cost at most: one in so many */

unsigned pace_parts(const struct pace *pace, double now, bool wants_malloc)
{
	if (wants_malloc && now >= pace->malloc_due)
		return LOOK_LEDGER | LOOK_MALLOC;
	return now >= pace->ledger_due ? LOOK_LEDGER : 0;
}

void pace_learn(struct pace *pace, double now, unsigned parts, double took)
{
	double due = now + (took > pace->bare ? took - pace->bare : 0) * REST;
	if (!parts)
		pace->bare = took;
	if (parts & LOOK_MALLOC)
		pace->malloc_due = due;
	if (parts)
		pace->ledger_due = due;
}
