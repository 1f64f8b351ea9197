/*
 * redact_table: tables that are no objects, known by what must hold in them: keys of dicts, and
 * malloc's per-thread cache.
 */
#ifndef INSPECTOR_SAVE_REDACT_TABLE_H
#define INSPECTOR_SAVE_REDACT_TABLE_H

#include "inspector/save/redact_plan.h"

/* Adds what is kept of a cell that holds such a table at `start`; of another, nothing. */
void redact_table_plan(const struct redact_python *python, const struct redact_cell *cell,
		       uint64_t start, struct redact_plan *plan);

/* The same of malloc's per-thread cache alone, which is there whatever Python is; whether it is one. */
bool redact_table_plan_cache(const struct redact_cell *cell, struct redact_plan *plan);

#endif
