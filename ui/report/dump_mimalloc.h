/*
 * dump_mimalloc: mimalloc's heaps, block sizes and segments, in the words and glyphs that pymalloc has.
 */
#ifndef UI_DUMP_MIMALLOC_H
#define UI_DUMP_MIMALLOC_H

#include "ui/report/dump.h"

/* Whether any interpreter's objects live in it. */
bool dump_has_mimalloc(const struct snapshot *snapshot);

/* Heaps by thread, then blocks by size; nothing where there is none. ERROR_RESOURCE only. */
struct error *dump_write_mimalloc(struct page *page, const struct snapshot *snapshot,
				  const struct dump_request *request) MUST_CHECK;

/* The picture: a row for each segment, at most `limit` of them (0: all). */
void dump_write_segments(struct page *page, const struct snapshot *snapshot, uint64_t limit);

#endif
