/*
 * pymalloc_lists: whether the allocator's linked lists and its pools and arenas tell
 * the same story. The figures do not depend on them: this is a cross-check.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_LISTS_H
#define INSPECTOR_HEAP_PYMALLOC_LISTS_H

#include "inspector/heap/pymalloc_image.h"

struct list_findings {
	uint64_t n_used;   /* pools and links that disagree with usedpools */
	uint64_t n_usable; /* arenas and links that disagree with usable_arenas or nfp2lasta */
	uint64_t n_unused; /* the same for unused_arena_objects */
	raddr used, usable, unused; /* the first of each */
};

/* Follows every list over the copy alone. ERROR_RESOURCE. */
struct error *pymalloc_lists_check(const struct pymalloc_image *image,
				   const struct image_order *order,
				   struct list_findings *ret) MUST_CHECK;

#endif
