/*
 * build_reader: the child's whole work: find the debug file, read symbols and
 * DWARF, report the table.
 */
#ifndef SYMBOLS_DEBUG_BUILD_READER_H
#define SYMBOLS_DEBUG_BUILD_READER_H

#include "symbols/python_build.h"

/* A child_work_fn; context: const struct python_build_request *. Takes request->file over, so it
 * must run in the child. Answers by report.h. */
void build_reader_run(void *context, int out);

#endif
