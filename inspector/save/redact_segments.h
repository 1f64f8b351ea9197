/*
 * redact_segments: mimalloc's segments, whose blocks are cells.
 */
#ifndef INSPECTOR_SAVE_REDACT_SEGMENTS_H
#define INSPECTOR_SAVE_REDACT_SEGMENTS_H

#include "inspector/mimalloc/mimalloc_run.h"
#include "inspector/save/redact_window.h"

struct redact_segments {
	const struct mimalloc_image *image; /* borrowed; NULL: there are none */

	/* The segment that the window begins in; NULL: in none. */
	const struct mimalloc_segment_image *segment;
	struct mimalloc_page_image *before, *now; /* its pages, each at its first slice */
	uint8_t *table;                           /* room for a segment's */
};

/* image: as a look found it. ERROR_RESOURCE. */
struct error *redact_segments_init(const struct mimalloc_image *image,
				   struct redact_segments *ret) MUST_CHECK;
void redact_segments_fini(struct redact_segments *segments);

/* Once for each window, before anything of it is kept: reads the table of its segment. A cell that goes on in the window ends
 * here where its block does not stand there any more. */
void redact_segments_see(struct redact_segments *segments, struct redact_window *window);

/* One step from `at` through [at, to) of a segment, outside of cells: where the next begins. */
uint64_t redact_segments_step(const struct redact_segments *segments, struct redact_window *window,
			      uint64_t at, uint64_t to);

#endif
