/*
 * map: every arena a row, every pool a cell.
 */
#ifndef UI_MAP_H
#define UI_MAP_H

#include "base/error.h"
#include "inspector/snapshot.h"
#include "ui/text/page.h"

struct map_request {
	uint64_t limit;   /* rows; 0: all */
	const char *sort; /* address, or used: emptiest first; NULL: address */
};

/* Appends the picture of all interpreters' arenas. ERROR_RESOURCE only. */
struct error *map_write(struct page *page, const struct snapshot *snapshot,
			const struct map_request *request) MUST_CHECK;

#endif
