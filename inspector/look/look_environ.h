/*
 * look_environ: variables that a program has set itself, too late for its own malloc.
 */
#ifndef INSPECTOR_LOOK_ENVIRON_H
#define INSPECTOR_LOOK_ENVIRON_H

#include "inspector/subject.h"

/*
 * Adds to what malloc's settings of *ret call ineffective the variables that stand in the process's environment as it is
 * now and have no effect; /proc tells only what it was started with. Of others nothing is kept. What cannot be
 * found or read is no error. residency: of the whole target; NULL: not known. ERROR_RESOURCE, ERROR_GONE.
 */
struct error *look_environ(struct subject *subject, const struct residency *residency,
			   struct snapshot *ret) MUST_CHECK;

#endif
