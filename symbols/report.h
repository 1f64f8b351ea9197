/*
 * report: what the reading child tells its parent, as messages over a pipe. The
 * child may have been taken over by a hostile file, so the parent believes
 * nothing: every length, number and name is checked when it is taken in.
 */
#ifndef SYMBOLS_REPORT_H
#define SYMBOLS_REPORT_H

#include "symbols/python_build.h"

/* ---- the child's side: write errors are ignored, the parent then misses the end ------- */

struct report {
	int out; /* the pipe */
};

/* "Now reading this file": if we die here, it was this one. */
void report_file(const struct report *r, const char *path);
void report_trial(const struct report *r, bool used, const char *what, const char *result);
void report_entry(const struct report *r, enum layout_entry_id id, const struct layout_entry *e);
void report_debug_file(const struct report *r, const char *path);
/* Files that others could have written were used: do not keep the table. */
void report_foreign(const struct report *r);
/* Why there is no answer. */
void report_failure(const struct report *r, const char *cause);
/* The same, where reading on would have taken too much memory. */
void report_no_room(const struct report *r, const char *cause);
/* All was said. */
void report_end(const struct report *r);

/* ---- the parent's side --------------------------------------------------------------- */

#define REPORT_SIZE_MAX (1u << 20)

struct report_summary {
	char *reading; /* the file last begun, escaped; NULL: none */
	char *failure; /* escaped; NULL: none */
	char *no_room; /* escaped; NULL: there was room */
	bool foreign;
	bool ended; /* the end was seen */
};

/* Takes the messages in: trials, entries and debug_file go to *build. ERROR_SYMBOLS: damaged. */
struct error *report_take(const void *data, size_t size, struct python_build *build,
			  struct report_summary *ret) MUST_CHECK;
void report_summary_fini(struct report_summary *s);

/* Adds a trial of the parent's own; foreign text in `what` and `result` gets escaped. */
void python_build_add_trial(struct python_build *build, bool used, const char *what,
			    const char *result);

#endif
