/*
 * type_name: what a type is called: "app.Session", "dict".
 */
#ifndef INSPECTOR_OBJECT_TYPE_NAME_H
#define INSPECTOR_OBJECT_TYPE_NAME_H

#include "inspector/object/type_table.h"

/* The name of a type that is in the table (type_table.h: struct type): of a class made in Python its __module__ and qualified name,
 * of C's what tp_name says. malloc'd; NULL: out of memory. */
char *type_name_make(struct type_table *table, uint32_t type);

/* The same of an old class of 2.7. */
char *type_name_make_old(struct type_table *table, raddr class);

#endif
