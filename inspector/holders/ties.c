/* ties: one large table, in large pages where there are some: nodes are met in any order. */
#include "inspector/holders/ties.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <sys/mman.h>

struct error *ties_init(struct ties *ties, uint32_t n)
{
	size_t size = (size_t)size_align_up((uint64_t)n * TIES_SIZE + sizeof(uint64_t), 2 * MIB);
	ties->bytes = aligned_alloc(2 * MIB, size);
	if (!ties->bytes)
		return error_out_of_memory();
	(void)madvise(ties->bytes, size, MADV_HUGEPAGE);
	memset(ties->bytes, 0xff, (size_t)n * TIES_SIZE + sizeof(uint64_t));
	return NULL;
}

void ties_fini(struct ties *ties)
{
	free(take(ties->bytes));
}
