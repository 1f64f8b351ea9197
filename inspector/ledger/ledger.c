/* ledger: an end. */
#include "inspector/ledger/ledger.h"

static void line_fini(struct ledger_line *line)
{
	for (size_t i = 0; i < line->details.count; i++)
		free(line->details.items[i].name);
	vec_fini(&line->details);
}

void ledger_fini(struct ledger *ledger)
{
	for (size_t i = 0; i < LEAF_COUNT; i++)
		line_fini(&ledger->lines[i]);
	*ledger = (struct ledger){0};
}
