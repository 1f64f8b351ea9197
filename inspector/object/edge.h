/*
 * edge: how one object refers to another, in words: an attribute, an index, a key, a global.
 *
 * Asked only for the few references that are shown, never for each of a heap.
 */
#ifndef INSPECTOR_OBJECT_EDGE_H
#define INSPECTOR_OBJECT_EDGE_H

#include "base/text.h"
#include "inspector/object/object.h"

enum edge_kind {
	EDGE_UNKNOWN,   /* it is in there somewhere */
	EDGE_ATTRIBUTE, /* name: attribute, slot or C member */
	EDGE_GLOBAL,    /* name: of a module's dict */
	EDGE_KEY,       /* of a dict: text of the key with contents, else its shape ("str of 12") */
	EDGE_AS_KEY,    /* it is itself the key */
	EDGE_INDEX,     /* of a list, tuple, deque, array: index */
	EDGE_ELEMENT,   /* of a set, a table */
	EDGE_LOCAL,     /* name: of a frame or generator */
	EDGE_CELL,
	EDGE_TYPE, /* it is the type of the other */
};

struct edge {
	enum edge_kind kind;
	char *name;     /* owned, foreign, unescaped; NULL: none */
	uint64_t index; /* of EDGE_INDEX */
};

/* How `from` refers to the object (or buffer) at `to`, by itself or by one of its parts. contents: keys of dicts that
 * are no attributes are told, too. Out of memory: EDGE_UNKNOWN. */
void edge_find(struct type_table *types, const struct object *from, raddr to, bool contents,
	       struct edge *ret);
void edge_fini(struct edge *edge);

/* ---- what a few objects say ------------------------------------------------------------------- */

/* One line about an object: "str of 12 characters", "list of 3", "dict of 5, keys like …"; with contents also what it
 * says. Not escaped. */
void object_preview(struct type_table *types, const struct object *object, bool contents,
		    struct text *ret);

#endif
