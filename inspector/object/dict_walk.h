/*
 * dict_walk: the entries of a dict, in the order of their keys.
 */
#ifndef INSPECTOR_OBJECT_DICT_WALK_H
#define INSPECTOR_OBJECT_DICT_WALK_H

#include "inspector/object/object.h"

struct dict_walk {
	struct type_table *types;
	raddr keys, values; /* values null: they stand in the entries */
	uint64_t next, n;
	uint64_t entries, stride, key_at,
		value_at; /* where entries lie in keys, and what in them */
	uint64_t left;    /* entries that may still be looked at */
	uint64_t used;    /* entries with a value, as the dict counts them; of attributes: 0 */
};

/* The entries of a dict object (2.7 and 3.6 to 3.15, split ones too; subclasses, OrderedDict). False: it is damaged. */
bool dict_walk_begin(struct type_table *types, raddr dict, struct dict_walk *ret);

/* The attributes of an instance that stand in values of its own (3.11 on). False: it has none, or they went over to its
 * dict. */
bool dict_walk_begin_attributes(struct type_table *types, const struct object *object,
				struct dict_walk *ret);

/* A table of keys by itself, as instances share one, for dict_walk_next_key(): 3.6 on. False: it is damaged. */
bool dict_walk_begin_keys(struct type_table *types, raddr keys, struct dict_walk *ret);

/* The next entry with a value. False: that was all. */
bool dict_walk_next(struct dict_walk *walk, raddr *ret_key, raddr *ret_value);

/* Where the next pointer to a key stands, with a value or without. False: that was all. */
bool dict_walk_next_key(struct dict_walk *walk, raddr *ret_at);

/* ---- where things lie ------------------------------------------------------------------- */

/* The dict object of an instance's attributes; false: it has none (now, or of its kind). Of modules, types, functions and old
 * instances, too. */
bool dict_of_object(struct type_table *types, const struct object *object, raddr *ret);

/* Values of an instance that has no dict: *ret_at where the first value stands, *ret_before bytes from the start of their block to it;
 * *ret_inside: they are part of the instance (3.13 on). False: it has none. */
bool dict_values_of_object(struct type_table *types, const struct object *object, raddr *ret_at,
			   uint64_t *ret_before, bool *ret_inside);

/* Where the values of a split dict lie that are no part of an instance; false: it is not split, or they are part of one. `at` is as
 * the dict points to it. */
bool dict_values_of_dict(struct type_table *types, raddr dict, raddr *ret_at, uint64_t *ret_before);

#endif
