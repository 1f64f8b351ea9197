/*
 * object: whether a block holds an object, and what that object owns beside its block.
 *
 *	block  [hooks][managed words][GC head][refcount type …            ]
 *	       ◀──────────── before ─────────▶ id()
 *
 * How much stands before an object is a pure function of its type's flags: the strongest check there is. Others: a
 * plausible refcount for the version, a size that fits the block.
 */
#ifndef INSPECTOR_OBJECT_OBJECT_H
#define INSPECTOR_OBJECT_OBJECT_H

#include "inspector/object/type_table.h"

struct object {
	raddr at;          /* as id() has it */
	uint32_t type;     /* index in the table */
	uint64_t refcount; /* 0: dead, kept in a free list */
	bool immortal;
	bool deferred; /* without the GIL: one reference is the collector's own, and from 3.14 on some are not counted here */
	uint64_t before; /* bytes from the block's start to `at`, hooks included */
	uint64_t
		size; /* bytes from `at` that the object says it has: a lower bound for some kinds */
};

/* What stands in a block of `size` bytes at `block`. False: no object is recognised. */
bool object_in_block(struct type_table *types, raddr block, uint64_t size, struct object *ret);

/* Whether the first `size` bytes of something may be those of a living object: a count of references, before its type. */
bool object_may_live(const struct shapes *shapes, const uint8_t *head, size_t size);

/* The object at an address that something points to, with no block known (a static object, a large one). */
bool object_at(struct type_table *types, raddr at, struct object *ret);

/* ---- parts: memory of its own that an object points to -------------------------------------- */

enum part_kind {
	PART_LIST_ITEMS,
	PART_DICT_KEYS, /* 2.7: the table */
	PART_DICT_VALUES,
	PART_ATTRIBUTES,     /* values of an instance that has no dict yet */
	PART_ATTRIBUTE_DICT, /* a dict object that holds an instance's attributes: "dict of X" */
	PART_CACHED_KEYS,    /* of a heap type */
	PART_SET_TABLE,
	PART_STR_DATA, /* of str: data, UTF-8, wide characters */
	PART_BYTEARRAY_DATA,
	PART_ARRAY_DATA,
	PART_DEQUE_BLOCK,
	PART_ODICT_NODE,
	PART_ODICT_TABLE,
	PART_TYPE_DOC,
	PART_NDARRAY_DATA,
	PART_IO_BUFFER, /* what was read from a file and not yet asked for, or not yet written */
	PART_OTHER,
};

const char *part_kind_name(enum part_kind kind); /* "list items" */

struct part {
	raddr at; /* as the owner points to it: mostly the start of a block (behind hooks), see before */
	uint64_t
		before; /* bytes between the buffer's start and `at`: 3.11's and 3.12's values, lists without the
	                    GIL, an attribute dict's GC head */
	enum part_kind kind;
	bool leaf; /* holds no references */
};

/* Tells each part of a living object, at most as many as its own counts and mapped memory allow. `tell` may look at
 * the burst, but not keep pointers. */
void object_parts(struct type_table *types, const struct object *object,
		  void (*tell)(void *context, const struct part *part), void *context);

#endif
