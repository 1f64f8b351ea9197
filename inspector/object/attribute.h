/*
 * attribute: under which name an instance refers to something.
 */
#ifndef INSPECTOR_OBJECT_ATTRIBUTE_H
#define INSPECTOR_OBJECT_ATTRIBUTE_H

#include "base/text.h"
#include "inspector/object/object.h"

/*
 * Adds the name of an attribute whose value is at `to`: of the instance's dict or values, of a slot, of a member that its
 * type or one of its bases declares (tp_members: Include/structmember.h, later descrobject.h, 2.7 to 3.15). "__dict__": it is
 * the dict itself. False: none. Foreign.
 */
bool attribute_find(struct type_table *types, const struct object *object, raddr to,
		    struct text *ret);

/* The same of a dict of names: adds the key whose value is at `to`. False: none, or its key is no str. */
bool attribute_in_dict(struct type_table *types, raddr dict, raddr to, struct text *ret);

#endif
