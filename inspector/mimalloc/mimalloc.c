/* mimalloc: names and an end. */
#include "inspector/mimalloc/mimalloc.h"

const char *mimalloc_kind_name(enum mimalloc_kind kind)
{
	static const char *const names[] = {"mem", "object", "gc", "gc_pre", "abandoned"};
	return names[kind];
}

void mimalloc_fini(struct mimalloc *m)
{
	vec_fini(&m->heaps);
	vec_fini(&m->segments);
	vec_fini(&m->pages);
	*m = (struct mimalloc){0};
}
