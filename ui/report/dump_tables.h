/*
 * dump_tables: the report's tables and pictures, below its sentences.
 */
#ifndef UI_DUMP_TABLES_H
#define UI_DUMP_TABLES_H

#include "ui/occupancy.h"
#include "ui/report/dump.h"

/* Size classes with bars, summed over the interpreters that have arenas of their own. */
void dump_write_classes(struct page *page, const struct snapshot *snapshot,
			const struct dump_request *request);

/* How many arenas are how full. */
void dump_write_uses(struct page *page, const struct occupancy *occupancy);

/* The picture in at most sixteen rows. ERROR_RESOURCE only. */
struct error *dump_write_map(struct page *page, const struct occupancy *occupancy) MUST_CHECK;

/* The glyphs of a map and what they mean, in one wrapped line. */
void dump_write_legend(struct page *page, bool with_unread);

/* A row for each interpreter; nothing where there is only one. */
void dump_write_interpreters(struct page *page, const struct snapshot *snapshot);

/* What lies on the object free lists. */
void dump_write_free_lists(struct page *page, const struct snapshot *snapshot,
			   const struct dump_request *request);

#endif
