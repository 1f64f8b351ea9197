/*
 * environment: what a process was started with, as far as an allocator heeds it.
 *
 * Of its variables only those that begin with MALLOC_ and GLIBC_TUNABLES are kept: the others may be secret.
 */
#ifndef INSPECTOR_TARGET_ENVIRONMENT_H
#define INSPECTOR_TARGET_ENVIRONMENT_H

#include "base/error.h"
#include "base/vec.h"
#include "inspector/target/origin.h"

struct environment {
	VEC(char *) list;      /* "NAME=value", foreign */
	bool known;            /* false: it could not be read, or a file does not tell */
	uint64_t n_processors; /* that it may run on; 0: not known */
};

#define ENVIRONMENT_EMPTY ((struct environment){.known = false})

/* What cannot be read is not known, and no error. ERROR_RESOURCE. */
struct error *environment_read(const struct origin *origin, struct environment *ret) MUST_CHECK;
void environment_fini(struct environment *environment);

/* Of its first variable of that name; NULL: it has none. Borrowed. */
const char *environment_value(const struct environment *environment, const char *name);

#endif
