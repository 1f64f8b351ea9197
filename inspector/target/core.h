/*
 * core: a core file as a target.
 */
#ifndef INSPECTOR_TARGET_CORE_H
#define INSPECTOR_TARGET_CORE_H

#include <stdint.h>

/* What a person may say of a core; borrowed strings. */
struct core_request {
	const char *exe;     /* the program, or the library that holds its interpreter; or NULL */
	const char *sysroot; /* folder below which the process's files lie, or NULL: ours */
	const char *tmp;     /* folder to unpack in; NULL: $TMPDIR, else /var/tmp */
	uint64_t max_tmp;    /* bytes to unpack at most; 0: half of what is free there */
};

#endif
