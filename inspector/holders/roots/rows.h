/*
 * rows: roots that are one where their names are: the variable `data` of every frame of app.handle, in however many
 * threads and greenlets.
 */
#ifndef INSPECTOR_HOLDERS_ROOTS_ROWS_H
#define INSPECTOR_HOLDERS_ROOTS_ROWS_H

#include "inspector/holders/roots/gather.h"

struct row {
	struct root root; /* without a name */
	size_t name, group,
		number; /* index in names; number of the first row of that name; its own */
};

struct rows {
	VEC(char *) names;
	VEC(struct row) list;
};

/* name is copied; NULL: as the one before. ERROR_RESOURCE. */
struct error *rows_add(struct rows *rows, struct root root, const char *name) MUST_CHECK;

/* Adds all to the roots, those of one name together, in the order in which names first came. ERROR_RESOURCE. */
struct error *rows_tell(struct rows *rows, struct gather *g) MUST_CHECK;

void rows_fini(struct rows *rows);

#endif
