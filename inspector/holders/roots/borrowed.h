/*
 * borrowed: tables in which an interpreter has noted where it found something, without holding it: what stands there may be
 * garbage, or gone since. And of its free lists what lies behind their ends: words of what was in them once.
 */
#ifndef INSPECTOR_HOLDERS_ROOTS_BORROWED_H
#define INSPECTOR_HOLDERS_ROOTS_BORROWED_H

#include "inspector/holders/roots/gather.h"

#define BORROWED_LISTS 3 /* lists, dicts, keys of dicts */

struct borrowed {
	raddr methods; /* where the table of attributes found in classes starts; null: none was found */
	raddr functions; /* of functions by their version, the same */
	struct {
		raddr start, end;
	} behind[BORROWED_LISTS]; /* ends of free lists; empty: not known */
};

/* Looks for them in `size` bytes at `at`, of an interpreter's state or of its variables. ERROR_RESOURCE. */
struct error *borrowed_find(struct gather *g, raddr at, uint64_t size,
			    struct borrowed *ret) MUST_CHECK;

/* Adds the free lists of an interpreter from 3.10 to 3.13, as far as its layout tells where they are. */
void borrowed_add_lists(struct gather *g, raddr interpreter, struct borrowed *to);

/* Whether the word at an address is one of those that hold nothing. */
bool borrowed_has(const struct borrowed *tables, raddr word);

#endif
