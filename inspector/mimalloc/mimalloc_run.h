/*
 * mimalloc_run: one run of slices of a segment's table: a page, a page in the making, or what is in no page.
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_RUN_H
#define INSPECTOR_MIMALLOC_MIMALLOC_RUN_H

#include "inspector/mimalloc/mimalloc_image.h"

struct mimalloc_run {
	uint32_t slice, next; /* first slice, and the one behind it */
	uint64_t count;       /* slices that it says it has: of a huge page more than the table */
	bool used;            /* by a page, or by one in the making */
	bool made;            /* `page` tells of it */
	/* As its struct says, its lists not followed; capacity and reserved are 0 where its blocks would not lie in its slices. */
	struct mimalloc_page_image page;
};

/*
 * The run that begins at `slice` of segment->entries. table: the segment's first bytes, header_size + entries * page_size of them.
 * False: there is none, the table is in the midst of a change, or damaged.
 */
bool mimalloc_run_read(const struct mimalloc_shape *shape,
		       const struct mimalloc_segment_image *segment, const uint8_t *table,
		       uint32_t slice, struct mimalloc_run *ret);

#endif
