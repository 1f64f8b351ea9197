/*
 * extents: ranges inside mappings whose cause is known from what lies in them: variables of the interpreter,
 * zeroed variables of libraries, stacks of threads, frames of Python.
 */
#ifndef INSPECTOR_LEDGER_EXTENTS_H
#define INSPECTOR_LEDGER_EXTENTS_H

#include "base/error.h"
#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/ledger/leaf.h"

struct extent {
	raddr start;
	uint64_t size;
	enum leaf leaf;
	char *name; /* owned, foreign; or NULL */
};

struct extents {
	VEC(struct extent) list; /* in any order until extents_sort() */
};

#define EXTENTS_EMPTY ((struct extents){0})

/* name: copied; may be NULL. ERROR_RESOURCE. */
struct error *extents_add(struct extents *extents, raddr start, uint64_t size, enum leaf leaf,
			  const char *name) MUST_CHECK;

/* Ascending and disjoint: what begins inside another is cut, or dropped when nothing is left. */
void extents_sort(struct extents *extents);

/* Of sorted ones: the first that ends above `at`, looked for from index `near` on; the count if none. */
size_t extents_above(const struct extents *extents, raddr at, size_t near);

void extents_fini(struct extents *extents);

#endif
