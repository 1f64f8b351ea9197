/*
 * ps: the CPython processes of this machine, as a table.
 */
#ifndef UI_PS_H
#define UI_PS_H

#include "base/error.h"
#include "inspector/inspector.h"
#include "ui/text/page.h"

/* Orders the listing by a key of the verb: pid and the names ascending, amounts descending. NULL: pid. */
void ps_sort(struct listing *listing, const char *key);

/* Appends the table; at most `limit` rows, 0: all. */
void ps_write(struct page *page, const struct listing *listing, uint64_t limit);

/* The user's name, or the number as text. */
void ps_user(char ret[40], uid_t uid);

#endif
