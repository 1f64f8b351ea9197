/*
 * known_builds: what files say of the builds that one list has met already.
 *
 * Two hundred processes run a handful of interpreters; loading and checking a kept table, or
 * searching a file for its version, is done once for each. Holds for one list: tables may be
 * made meanwhile.
 */
#ifndef INSPECTOR_KNOWN_BUILDS_H
#define INSPECTOR_KNOWN_BUILDS_H

#include "base/vec.h"
#include "symbols/python_build.h"

struct known_build {
	struct build_id id;
	struct python_build build; /* its numbers only: no strings, no trials */
};

struct known_builds {
	VEC(struct known_build) list;
};

#define KNOWN_BUILDS_EMPTY \
	{                  \
		VEC_EMPTY  \
	}

/* Fills *ret with what is known of the build; false: nothing. The copy owns nothing. */
bool known_builds_find(const struct known_builds *known, const struct build_id *id,
		       struct python_build *ret);

/* Remembers the numbers of a build; one without a build-id is nobody. Without memory it is met again. */
void known_builds_add(struct known_builds *known, const struct build_id *id,
		      const struct python_build *build);

void known_builds_fini(struct known_builds *known);

#endif
