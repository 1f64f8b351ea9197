/*
 * target: from what the person typed to one process.
 */
#ifndef UI_TARGET_H
#define UI_TARGET_H

#include "base/error.h"
#include "inspector/inspector.h"

#include <sys/types.h>

/* Whether a word is a PID: digits only. */
bool target_is_pid(const char *word);

/*
 * The process that a TARGET word means: digits; else a file, which is refused as long as none can
 * be read; else a name. ERROR_USAGE when no process has the name, or several: then *ret_matches
 * holds them for printing, and is to be listing_fini()d. ERROR_UNSUPPORTED: a core file.
 * ERROR_BAD_FILE: a path to something else. `no_cache` as for inspector_list().
 */
struct error *target_find(const char *word, bool no_cache, pid_t *ret,
			  struct listing *ret_matches) MUST_CHECK;

/* A PID as typed. ERROR_USAGE: 0; ERROR_GONE: a number that no process can have. */
struct error *target_pid(const char *word, pid_t *ret) MUST_CHECK;

/* Leaves only the entries that have this name; the others are freed. */
void target_filter(struct listing *listing, const char *name);

#endif
