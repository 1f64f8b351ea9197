/*
 * maybe: a figure that may not be known: then null in JSON, "?" in text; or that this
 * build has not at all.
 */
#ifndef INSPECTOR_MAYBE_H
#define INSPECTOR_MAYBE_H

#include <stdbool.h>
#include <stdint.h>

struct maybe {
	uint64_t value;
	bool known;
	bool absent; /* the build does not keep it: no line, null */
};

static inline struct maybe maybe_known(uint64_t value)
{
	return (struct maybe){.value = value, .known = true};
}

#endif
