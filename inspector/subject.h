/*
 * subject: a target prepared for looking: pinned, its memory mapped out, its
 * interpreter found and its symbols resolved. All slow work is done here, once.
 */
#ifndef INSPECTOR_SUBJECT_H
#define INSPECTOR_SUBJECT_H

#include "inspector/inspector.h"
#include "inspector/known_builds.h"
#include "inspector/module.h"
#include "inspector/scan/scan.h"
#include "inspector/target/origin.h"
#include "inspector/target/stop/freeze.h"
#include "symbols/python_build.h"

#define SUBJECT_CODE_MAX 16

struct subject {
	struct origin origin;
	struct space space;
	struct module module;
	struct python_build build;
	struct scan scan;                           /* what memory says of it */
	struct freeze_range code[SUBJECT_CODE_MAX]; /* the allocator's functions, in the target */
	size_t n_code;
	/* The process that it was forked from, where a verdict is asked for, and that may be read; else
	 * empty. */
	struct origin parent;
	pid_t parent_pid;
};

/*
 * Prepares the target. Forks (python_build.h); then gives up all rights but to read it
 * (privilege.h): a second target of another user cannot be opened afterwards. On an error *ret holds what was found until then,
 * so that `doctor` can tell; subject_fini() it in every case.
 */
struct error *subject_open(const struct inspector_request *request, struct subject *ret) MUST_CHECK;

/* The same without DWARF: version from the file, layout only if it is in the cache. For lists, which
 * hand the same strangers and known builds to each. Without a cached layout build.layout stays empty, and that is no
 * error. */
struct error *subject_glance(pid_t pid, bool no_cache, struct strangers *strangers,
			     struct known_builds *known, struct subject *ret) MUST_CHECK;

void subject_fini(struct subject *subject);

/* Folder for layout tables, or NULL when the environment names none. malloc'd. */
char *subject_cache_dir(void);

#endif
