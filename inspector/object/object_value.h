/*
 * object_value: what strings and small numbers are, for who looks for one, and dicts by their keys.
 */
#ifndef INSPECTOR_OBJECT_OBJECT_VALUE_H
#define INSPECTOR_OBJECT_OBJECT_VALUE_H

#include "inspector/object/object.h"

/* Whether it is a str (2.7: or unicode) of exactly these ASCII characters, at most 63. */
bool object_says(struct type_table *types, raddr at, const char *ascii);

/* The value of an int (2.7: or long) that 60 bits can hold. False: it is none, or larger. */
bool object_integer(struct type_table *types, raddr at, int64_t *ret);

/* The value in a dict under a str key of these characters; null: none. */
raddr dict_find(struct type_table *types, raddr dict, const char *key);

#endif
