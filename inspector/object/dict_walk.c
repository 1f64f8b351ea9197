/*
 * dict_walk: keys in their order, values beside them or in an array of their own.
 *
 *	2.7           [hash key value][hash key value] …                    a slot for each place of the hash table
 *	combined      [header][indices][hash key value] …                   3.6 on; from 3.11 on without hash where all keys are str
 *	split         [header][indices][key      ] …      shared by instances
 *	values        [value][value] …                    of each instance; 3.13 on behind four bytes of counts
 *
 * (Objects/dictobject.c, Objects/dict-common.h, Include/internal/pycore_dict.h.)
 */
#include "inspector/object/dict_walk.h"

#include "inspector/object/keys_header.h"

#define LOG2_MAX    40
#define VALUES_HEAD 8 /* of PyDictValues, 3.13 on: capacity, size, embedded, valid: a byte each */
#define WORD        8

static bool word(struct type_table *t, raddr at, uint64_t offset, uint64_t *ret)
{
	return at.value % 8 == 0 && burst_word(t->burst, raddr_plus(at, offset), ret);
}

/* ---- values ----------------------------------------------------------------------------- */

/* 3.11, 3.12: the byte before the first value says how many bytes of order stand before it. */
static bool prefix_of(struct type_table *t, raddr values, uint64_t *ret)
{
	const uint8_t *b =
		values.value % 8 ? NULL : burst_bytes(t->burst, raddr_minus(values, 1), 1);
	if (!b || *b % 8)
		return false;
	*ret = *b;
	return true;
}

/* 3.13 on: whether they are part of an instance, and how many there may be. */
static bool values_head(struct type_table *t, raddr values, bool *ret_embedded,
			uint64_t *ret_capacity, bool *ret_valid)
{
	uint64_t head;
	if (!word(t, values, 0, &head))
		return false;
	*ret_capacity = head & 0xff;
	*ret_embedded = head >> 16 & 0xff;
	*ret_valid = head >> 24 & 0xff;
	return true;
}

/* Before an object: dict, and before that values (3.11) or weak references. */
static raddr managed_word(const struct type_table *t, const struct object *o, unsigned nth)
{
	return raddr_minus(o->at, t->gc_size + nth * WORD);
}

static bool find_inline(struct type_table *t, const struct object *o, const struct type *type,
			raddr *ret_at)
{
	bool embedded, valid;
	uint64_t capacity;
	raddr values = raddr_plus(o->at, type->basicsize);
	if (!values_head(t, values, &embedded, &capacity, &valid) || !valid)
		return false;
	*ret_at = raddr_plus(values, VALUES_HEAD);
	return true;
}

static bool find_prefixed(struct type_table *t, raddr at, raddr *ret_at, uint64_t *ret_before)
{
	uint64_t before;
	if (!prefix_of(t, at, &before))
		return false;
	*ret_at = at;
	*ret_before = before;
	return true;
}

bool dict_values_of_object(struct type_table *t, const struct object *o, raddr *ret_at,
			   uint64_t *ret_before, bool *ret_inside)
{
	const struct type *type = type_table_get(t, o->type);
	uint64_t held;
	*ret_inside = false;
	if (!type->managed_dict)
		return false;
	switch (t->shapes->values) {
	case VALUES_NONE:
		return false;
	case VALUES_WORDS:
		return burst_word(t->burst, managed_word(t, o, 2), &held) && held &&
		       find_prefixed(t, raddr_at(held), ret_at, ret_before);
	case VALUES_TAGGED:
		return burst_word(t->burst, managed_word(t, o, 1), &held) && held & 1 &&
		       find_prefixed(t, raddr_at(held + 1), ret_at, ret_before);
	case VALUES_INLINE:
		*ret_inside = true;
		*ret_before = 0;
		return type->inline_values && find_inline(t, o, type, ret_at);
	}
	return false;
}

bool dict_values_of_dict(struct type_table *t, raddr dict, raddr *ret_at, uint64_t *ret_before)
{
	uint64_t values, capacity;
	bool embedded, valid;
	uint64_t offset = t->shapes->dict.values;
	if (!offset || !word(t, dict, offset, &values) || !values || values % 8)
		return false;
	switch (t->shapes->values) {
	case VALUES_NONE:
		*ret_at = raddr_at(values);
		*ret_before = 0;
		return true;
	case VALUES_WORDS:
	case VALUES_TAGGED:
		return find_prefixed(t, raddr_at(values), ret_at, ret_before);
	case VALUES_INLINE:
		if (!values_head(t, raddr_at(values), &embedded, &capacity, &valid) || embedded)
			return false;
		*ret_at = raddr_at(values);
		*ret_before = 0;
		return true;
	}
	return false;
}

/* ---- the dict of an object -------------------------------------------------------------- */

/* tp_dictoffset: from the object's start, or, negative, from its end. */
static bool find_offset(struct type_table *t, const struct object *o, const struct type *type,
			raddr *ret)
{
	if (type->dictoffset > 0) {
		*ret = raddr_plus(o->at, (uint64_t)type->dictoffset);
		return (uint64_t)type->dictoffset + WORD <= type->basicsize;
	}
	uint64_t end = size_align_up(o->size, WORD), back = (uint64_t)-type->dictoffset;
	*ret = raddr_plus(o->at, end - back);
	return back <= end && end - back >= t->shapes->ob_size;
}

/* Where the pointer to it stands. */
static bool find_pointer(struct type_table *t, const struct object *o, raddr *ret)
{
	const struct type *type = type_table_get(t, o->type);
	if (type->kind == TYPE_INSTANCE) {
		*ret = raddr_plus(o->at, t->shapes->instance.dict);
		return true;
	}
	if (type->kind == TYPE_OLD_CLASS) {
		*ret = raddr_plus(o->at, t->shapes->old_class.dict);
		return true;
	}
	if (type->managed_dict) {
		*ret = managed_word(t, o, 1);
		return true;
	}
	return type->dictoffset && find_offset(t, o, type, ret);
}

bool dict_of_object(struct type_table *t, const struct object *o, raddr *ret)
{
	uint64_t dict;
	raddr at;
	if (!find_pointer(t, o, &at) || !burst_word(t->burst, at, &dict) || !dict || dict % 8)
		return false;
	*ret = raddr_at(dict);
	return true;
}

/* ---- entries ---------------------------------------------------------------------------- */

/* 2.7: the table itself is the entries. */
static bool read_table(struct type_table *t, raddr dict, struct dict_walk *w)
{
	uint64_t mask, table;
	if (!word(t, dict, t->shapes->dict.mask, &mask) ||
	    !word(t, dict, t->shapes->dict.keys, &table) || !size_is_power_of_two(mask + 1) ||
	    mask >> LOG2_MAX)
		return false;
	w->keys = raddr_at(table);
	w->stride = KEYS_LONG;
	w->n = mask + 1;
	return true;
}

static bool read_keys(struct type_table *t, raddr keys, struct dict_walk *w)
{
	size_t size = (size_t)t->shapes->keys.header;
	const uint8_t *b = keys.value % WORD ? NULL : burst_bytes(t->burst, keys, size);
	struct bytes bytes = bytes_of(b, size);
	struct keys_header header;
	if (!b || !keys_header_read(t->shapes, &bytes, &header))
		return false;
	w->keys = keys;
	w->entries = header.entries;
	w->stride = header.stride;
	w->n = header.used;
	return true;
}

/* The array of a split dict's values, and how many it may hold. */
static bool use_values(struct type_table *t, raddr values, struct dict_walk *w)
{
	bool embedded, valid;
	uint64_t capacity;
	w->values = values;
	if (t->shapes->values != VALUES_INLINE)
		return true;
	if (!values_head(t, values, &embedded, &capacity, &valid))
		return false;
	w->values = raddr_plus(values, VALUES_HEAD);
	w->n = size_min(w->n, capacity);
	return true;
}

/* No more than what is mapped can hold. */
static bool begin(struct type_table *t, struct dict_walk *w)
{
	w->types = t;
	w->left = t->space->mapped_size / w->stride;
	w->key_at = w->stride == KEYS_LONG ? WORD : 0;
	w->value_at = w->key_at + WORD;
	return w->keys.value % 8 == 0 && w->values.value % 8 == 0;
}

bool dict_walk_begin(struct type_table *t, raddr dict, struct dict_walk *ret)
{
	const struct shapes *s = t->shapes;
	struct dict_walk w = {.stride = KEYS_LONG};
	uint64_t keys, values = 0;
	if (!word(t, dict, s->dict.used, &w.used) || w.used >> LOG2_MAX)
		return false;
	if (s->dict.values == 0) {
		if (!read_table(t, dict, &w))
			return false;
	} else if (!word(t, dict, s->dict.keys, &keys) || !word(t, dict, s->dict.values, &values) ||
		   !read_keys(t, raddr_at(keys), &w) ||
		   (values && !use_values(t, raddr_at(values), &w))) {
		return false;
	}
	if (!begin(t, &w))
		return false;
	*ret = w;
	return true;
}

bool dict_walk_begin_attributes(struct type_table *t, const struct object *o, struct dict_walk *ret)
{
	struct dict_walk w = {.stride = KEYS_LONG};
	raddr values, type = type_table_get(t, o->type)->at;
	uint64_t before, keys;
	bool inside;
	if (!dict_values_of_object(t, o, &values, &before, &inside) ||
	    !word(t, type, t->shapes->type.ht_cached_keys, &keys) || !keys ||
	    !read_keys(t, raddr_at(keys), &w))
		return false;
	if (inside)
		values = raddr_minus(values, VALUES_HEAD);
	if (!use_values(t, values, &w) || !begin(t, &w))
		return false;
	*ret = w;
	return true;
}

bool dict_walk_begin_keys(struct type_table *t, raddr keys, struct dict_walk *ret)
{
	struct dict_walk w = {.stride = KEYS_LONG};
	if (t->shapes->dict.values == 0 || !read_keys(t, keys, &w) || !begin(t, &w))
		return false;
	*ret = w;
	return true;
}

static raddr entry_at(const struct dict_walk *w, uint64_t i)
{
	return raddr_plus(w->keys, size_add(w->entries, size_multiply(i, w->stride)));
}

static bool read_entry(struct dict_walk *w, uint64_t i, uint64_t *ret_key, uint64_t *ret_value)
{
	struct burst *burst = w->types->burst;
	const uint8_t *b = burst_bytes(burst, entry_at(w, i), (size_t)w->stride);
	if (!b)
		return false;
	struct bytes entry = bytes_of(b, (size_t)w->stride);
	*ret_key = bytes_u64(&entry, (size_t)w->key_at);
	*ret_value = bytes_u64(&entry, (size_t)w->value_at);
	return raddr_is_null(w->values) ||
	       burst_word(burst, raddr_plus(w->values, size_multiply(i, WORD)), ret_value);
}

bool dict_walk_next_key(struct dict_walk *w, raddr *ret_at)
{
	uint64_t key;
	while (w->next < w->n && w->left) {
		raddr at = raddr_plus(entry_at(w, w->next++), w->key_at);
		w->left--;
		if (!burst_word(w->types->burst, at, &key))
			return false;
		if (!key)
			continue;
		*ret_at = at;
		return true;
	}
	return false;
}

bool dict_walk_next(struct dict_walk *w, raddr *ret_key, raddr *ret_value)
{
	uint64_t key, value;
	while (w->next < w->n && w->left) {
		uint64_t i = w->next++;
		w->left--;
		if (!read_entry(w, i, &key, &value))
			return false;
		if (!key || !value)
			continue;
		*ret_key = raddr_at(key);
		*ret_value = raddr_at(value);
		return true;
	}
	return false;
}
