/*
 * build_reader: the child's whole work: find the debug file, read symbols and
 * DWARF, report the table.
 */
#ifndef SYMBOLS_DEBUG_BUILD_READER_H
#define SYMBOLS_DEBUG_BUILD_READER_H

#include "symbols/python_build.h"

struct build_reader_task {
	const struct python_build_request *request; /* borrowed */
	bool module_only; /* no debug information: nothing but the module's own symbols */
};

/* A child_work_fn; context: const struct build_reader_task *. Takes request->file over, so it
 * must run in the child. Answers by report.h. Without debug information it reports the symbols of
 * the module's own file. */
void build_reader_run(void *context, int out);

#endif
