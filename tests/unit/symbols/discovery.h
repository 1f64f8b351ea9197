/*
 * discovery: the interpreters of this machine, wherever they came from.
 */
#ifndef TESTS_SYMBOLS_DISCOVERY_H
#define TESTS_SYMBOLS_DISCOVERY_H

#include "base/vec.h"

struct interpreter {
	char *path; /* the program or its libpython, links resolved */
	char *root; /* the folder that is its root directory, or NULL: ours */
};

struct interpreters {
	VEC(struct interpreter) list;
};

/* pythonX.Y programs on $PATH, below `pyenv root`, and below each folder of
 * $ARENASCOPE_INTERPRETERS or ${XDG_CACHE_HOME:-~/.cache}/arenascope/interpreters, with the
 * shared libpythons beside them. Each file once. */
void interpreters_discover(struct interpreters *ret);
void interpreters_fini(struct interpreters *interpreters);

#endif
