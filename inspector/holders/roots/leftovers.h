/*
 * leftovers: what lies behind the ends of an interpreter's free lists: words of what was in them once, which hold nothing.
 */
#ifndef INSPECTOR_HOLDERS_ROOTS_LEFTOVERS_H
#define INSPECTOR_HOLDERS_ROOTS_LEFTOVERS_H

#include "inspector/holders/roots/gather.h"

#define LEFTOVERS_LISTS 3 /* lists, dicts, keys of dicts */

struct leftovers {
	struct {
		raddr start, end;
	} behind[LEFTOVERS_LISTS]; /* ends of free lists; empty: not known */
};

/* Adds the free lists of an interpreter from 3.10 to 3.13, as far as its layout tells where they are. */
void leftovers_find(struct gather *g, raddr interpreter, struct leftovers *to);

/* Whether the word at an address is one of those that hold nothing. */
bool leftovers_have(const struct leftovers *leftovers, raddr word);

#endif
