/*
 * facts: who owns the strings.
 */
#include "inspector/target/facts.h"

void facts_fini(struct facts *facts)
{
	free(facts->comm);
	free(facts->exe);
	free(facts->label);
	for (size_t i = 0; i < facts->cmdline.count; i++)
		free(facts->cmdline.items[i]);
	vec_fini(&facts->cmdline);
	threads_fini(&facts->threads);
	*facts = FACTS_EMPTY;
}
