/*
 * debug_file: the search for the file that holds a build's debug information. Only
 * used in the reading child.
 */
#ifndef SYMBOLS_DEBUG_DEBUG_FILE_H
#define SYMBOLS_DEBUG_DEBUG_FILE_H

#include "symbols/debug/elf_file.h"
#include "symbols/python_build.h"
#include "symbols/report.h"

struct debug_search {
	const struct python_build_request *request;
	const struct report *report;
	struct elf_file *main; /* the module's own file, or NULL; borrowed */
	struct build_id id;    /* that every file must have; size 0: only a CRC can vouch */
};

struct debug_found {
	struct elf_file *file; /* the debug file, owned; or search->main, borrowed */
	struct elf_file *alt;  /* what dwz moved out of it, owned; or NULL */
};

/*
 * In this order: --symbols; the module's own file; by build-id below /usr/lib/debug in the
 * target's root, then here; by debuglink, the same; the debuginfod client's cache. Each candidate
 * is reported as a trial. A file is taken only with equal build-ids (without any, only by the
 * debuglink's CRC). False: none; the reason that says most was reported as the failure.
 */
bool debug_file_find(const struct debug_search *search, struct debug_found *ret);
void debug_found_fini(const struct debug_search *search, struct debug_found *found);

#endif
