/*
 * borrowed: what lies behind the ends of an interpreter's free lists: words of what was in them once, which hold nothing.
 */
#ifndef INSPECTOR_HOLDERS_ROOTS_BORROWED_H
#define INSPECTOR_HOLDERS_ROOTS_BORROWED_H

#include "inspector/holders/roots/gather.h"

#define BORROWED_LISTS 3 /* lists, dicts, keys of dicts */

struct borrowed {
	struct {
		raddr start, end;
	} behind[BORROWED_LISTS]; /* ends of free lists; empty: not known */
};

/* Adds the free lists of an interpreter from 3.10 to 3.13, as far as its layout tells where they are. */
void borrowed_add_lists(struct gather *g, raddr interpreter, struct borrowed *to);

/* Whether the word at an address is one of those that hold nothing. */
bool borrowed_has(const struct borrowed *borrowed, raddr word);

#endif
