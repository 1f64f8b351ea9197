/*
 * free_list: dead objects of some types, kept for reuse. What the interpreter prints
 * of them is a line a list: in alphabetical order of the C types, tuples by length.
 *
 *	"%d free PyFloatObjects * 24 bytes each"
 *
 * Sources: _Py*_DebugMallocStats in Objects/{methodobject,dictobject,floatobject,frameobject,
 * listobject,classobject,tupleobject}.c, 3.6 to 3.15, and _PyObject_DebugTypeStats in object.c.
 * Up to 3.9 the counts are file statics, then members of each interpreter.
 */
#include "inspector/python/record.h"
#include "inspector/python/runtime.h"

#include <stdio.h>

#define VERSION_3_10  0x030a0000u
#define VERSION_3_15  0x030f0000u
#define VERSION_NEVER UINT32_MAX
#define NOTHING       LAYOUT_COUNT
#define TUPLES_MAX    64

struct kind {
	const char *type, *name;
	enum layout_entry_id variable, member, size;
	uint32_t since, until; /* of the versions that print it, the last one excluded */
	bool collected;        /* has a GC head */
};

static const struct kind kinds[] = {
	{"PyCFunctionObject", "cfunction", LAYOUT_FREELIST_STATIC_CFUNCTION, NOTHING,
	 LAYOUT_SIZEOF_CFUNCTION, 0, 0x03090000u, true},
	{"PyDictObject", "dict", LAYOUT_FREELIST_STATIC_DICT, LAYOUT_FREELIST_DICT,
	 LAYOUT_SIZEOF_DICT, 0, VERSION_NEVER, true},
	{"PyDictKeysObject", "dictkeys", NOTHING, LAYOUT_FREELIST_DICTKEYS, LAYOUT_SIZEOF_DICTKEYS,
	 0x030d0000u, VERSION_NEVER, false},
	{"PyFloatObject", "float", LAYOUT_FREELIST_STATIC_FLOAT, LAYOUT_FREELIST_FLOAT,
	 LAYOUT_SIZEOF_FLOAT, 0x03040000u, VERSION_NEVER, false},
	{"PyFrameObject", "frame", LAYOUT_FREELIST_STATIC_FRAME, LAYOUT_FREELIST_FRAME,
	 LAYOUT_SIZEOF_FRAME, 0, 0x030b0000u, true},
	{"PyListObject", "list", LAYOUT_FREELIST_STATIC_LIST, LAYOUT_FREELIST_LIST,
	 LAYOUT_SIZEOF_LIST, 0, VERSION_NEVER, true},
	{"PyMethodObject", "method", LAYOUT_FREELIST_STATIC_METHOD, NOTHING, LAYOUT_SIZEOF_METHOD,
	 0, 0x03090000u, true},
};

struct reader {
	struct space *space;
	const struct layout *layout;
	uint64_t bias;
	uint32_t version;
	const struct runtime_interpreter *interpreter;
	struct snapshot_interpreter *to;
	uint64_t n_unknown;
};

/* Bytes that this version counts before the object itself: 3.15 prints what the allocator gave,
 * the GC head included. */
static uint64_t head_size(const struct reader *r, bool collected)
{
	bool counted = collected && r->version >= VERSION_3_15;
	return counted ? layout_width(r->layout, LAYOUT_SIZEOF_GC_HEAD) : 0;
}

/* Element i of `width` bytes of a variable or, from 3.10 on, of a member of the interpreter. */
static struct error *read_count(const struct reader *r, enum layout_entry_id id, bool is_static,
				uint64_t i, struct maybe *ret)
{
	*ret = (struct maybe){0};
	if (id == NOTHING || !layout_has(r->layout, id) ||
	    (!is_static && raddr_is_null(r->interpreter->address)))
		return NULL;
	const struct layout_entry *e = &r->layout->entries[id];
	uint64_t width = is_static ? 4 : e->width; /* int; from 3.14 on Py_ssize_t */
	uint64_t stride = is_static || !e->stride ? width : e->stride;
	raddr start = is_static ? raddr_at(r->bias) : r->interpreter->address;
	raddr at = raddr_at(start.value + e->offset + i * stride);
	uint64_t value = 0;
	if (width > sizeof(value))
		return NULL;
	struct error *err = space_read(r->space, at, &value, (size_t)width);
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	*ret = maybe_known(value);
	return NULL;
}

static struct error *add_list(struct reader *r, struct maybe count, uint64_t size,
			      struct snapshot_free_list **ret)
{
	struct snapshot_free_list *list = vec_push(&r->to->free_lists);
	if (!list)
		return error_out_of_memory();
	list->count = count;
	list->size = size;
	r->n_unknown += !count.known || !size;
	*ret = list;
	return NULL;
}

static bool keeps_statics(const struct reader *r)
{
	return r->version < VERSION_3_10;
}

static struct error *add_kind(struct reader *r, const struct kind *kind)
{
	bool is_static = keeps_statics(r);
	enum layout_entry_id id = is_static ? kind->variable : kind->member;
	struct snapshot_free_list *list;
	struct maybe count;
	struct error *err = read_count(r, id, is_static, 0, &count);
	uint64_t size = layout_width(r->layout, kind->size); /* 0: not known */
	if (!err)
		err = add_list(r, count, size ? size + head_size(r, kind->collected) : 0, &list);
	if (err)
		return err;
	(void)snprintf(list->type, sizeof(list->type), "free %s", kind->type);
	(void)snprintf(list->name, sizeof(list->name), "%s", kind->name);
	return NULL;
}

/* How many lists of tuples there are, by length: statics and 3.10 keep one for length 0, which is
 * not printed; from 3.11 on the first is of length 1. */
static uint64_t count_tuples(const struct reader *r, enum layout_entry_id id, bool is_static)
{
	const struct layout_entry *e = &r->layout->entries[id];
	uint64_t n = !is_static || e->count > 1 ? e->count : e->width / 4;
	return layout_has(r->layout, id) ? size_min(n, TUPLES_MAX) : 20;
}

static struct error *add_tuples(struct reader *r)
{
	bool is_static = keeps_statics(r);
	enum layout_entry_id id = is_static ? LAYOUT_FREELIST_STATIC_TUPLE : LAYOUT_FREELIST_TUPLE;
	uint64_t first_length = r->version < 0x030b0000u ? 0 : 1;
	uint64_t item = layout_offset(r->layout, LAYOUT_TUPLE_ITEM); /* 0: not known */
	uint64_t base =
		item ? item : size_subtract(layout_width(r->layout, LAYOUT_SIZEOF_TUPLE), 8);
	uint64_t n = count_tuples(r, id, is_static);
	for (uint64_t i = first_length ? 0 : 1; i < n; i++) {
		unsigned length = (unsigned)(i + first_length);
		struct snapshot_free_list *list;
		struct maybe count;
		struct error *err = read_count(r, id, is_static, i, &count);
		if (!err)
			err = add_list(r, count, base ? base + length * 8u + head_size(r, true) : 0,
				       &list);
		if (err)
			return err;
		(void)snprintf(list->type, sizeof(list->type), "free %u-sized PyTupleObject",
			       length);
		(void)snprintf(list->name, sizeof(list->name), "tuple[%u]", length);
	}
	return NULL;
}

struct error *runtime_free_lists(struct space *space, const struct layout *layout, uint64_t bias,
				 uint32_t version_hex,
				 const struct runtime_interpreter *interpreter,
				 struct snapshot_interpreter *ret, uint64_t *ret_unknown)
{
	struct reader r = {space, layout, bias, version_hex, interpreter, ret, 0};
	if (keeps_statics(&r) && interpreter->shares_main)
		return NULL; /* the lists are the process's: shown once */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (version_hex < kinds[i].since || version_hex >= kinds[i].until)
			continue;
		struct error *err = add_kind(&r, &kinds[i]);
		if (err)
			return err;
	}
	struct error *err = add_tuples(&r);
	if (!err)
		*ret_unknown += r.n_unknown;
	return err;
}
