/*
 * closure: what a function calls the variables that it has from the functions around it.
 */
#ifndef INSPECTOR_OBJECT_CLOSURE_H
#define INSPECTOR_OBJECT_CLOSURE_H

#include "base/text.h"
#include "inspector/object/object.h"

/* Adds the variable of a function that a cell of its closure is: "cache". False, *ret untouched: `function` is none, the cell is not
 * in its closure, or the name cannot be read. Foreign.
 * Include/funcobject.h, cpython/funcobject.h 2.7 to 3.15 (func_closure: as many cells as the code has free variables). */
bool closure_variable(struct type_table *types, const struct object *function, raddr cell,
		      struct text *ret);

/* Adds what the code of a function is called, whatever a decorator calls it: "app.memoize.<locals>.wrapper"; up to 3.10
 * "app.wrapper"; "?" what cannot be read. Foreign. */
void closure_title(struct type_table *types, const struct object *function, struct text *ret);

#endif
