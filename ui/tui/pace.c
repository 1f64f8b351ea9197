/*
 * pace: what the parts cost is what a look with them took longer than one without; the next comes
 * when twenty times that have passed. What is cheap enough is in every look.
 */
#include "ui/tui/pace.h"

#include "inspector/inspector.h"

#define REST 20 /* of the time one in so many may go into parts */

unsigned pace_parts(const struct pace *pace, double now, bool wants_malloc)
{
	if (now < pace->due)
		return 0;
	return wants_malloc ? LOOK_LEDGER | LOOK_MALLOC : LOOK_LEDGER;
}

void pace_learn(struct pace *pace, double now, unsigned parts, double took)
{
	if (parts)
		pace->due = now + (took > pace->bare ? took - pace->bare : 0) * REST;
	else
		pace->bare = took;
}
