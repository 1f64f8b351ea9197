/*
 * environment: what a process was started with, as far as an allocator heeds it; others add what it has now.
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

/* Whether a variable, "NAME=value", is one that is kept. */
bool environment_heeds(const char *text);

/* Adds one of `length` characters, which are copied. ERROR_RESOURCE. */
struct error *environment_add(struct environment *environment, const char *text,
			      size_t length) MUST_CHECK;

/* The value of its i-th variable where that has this name; else NULL. Borrowed. */
const char *environment_value(const struct environment *environment, size_t i, const char *name);

#endif
