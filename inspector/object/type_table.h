/*
 * type_table: the types of a process, found through their instances.
 *
 *	instance ─ob_type▷ type ─ob_type▷ metatype ─▷ … type ─┐
 *	                    └─tp_mro▷ (type, …, object)  └─────┘
 *
 * A type names itself as the first of its tp_mro: words that only look like one do not. Static types that nobody
 * readied have no tp_mro (2.7: wrapper_descriptor; up to 3.8 functools._lru_list_elem); they lie in a file's data and
 * their tp_dealloc in code. Types are remembered for good, and so are, for a while, words that are none.
 */
#ifndef INSPECTOR_OBJECT_TYPE_TABLE_H
#define INSPECTOR_OBJECT_TYPE_TABLE_H

#include "base/vec.h"
#include "inspector/census/burst.h"
#include "inspector/object/shapes.h"

#define TYPE_NONE UINT32_MAX

/* How instances are laid out: of the exact builtin types and, where a subclass inherits the layout, of those. */
enum type_kind {
	TYPE_OTHER,
	TYPE_STR,   /* in 2.7 unicode */
	TYPE_BYTES, /* in 2.7 str */
	TYPE_BYTEARRAY,
	TYPE_INT,       /* in 2.7 long */
	TYPE_SMALL_INT, /* 2.7's int */
	TYPE_BOOL,
	TYPE_FLOAT,
	TYPE_COMPLEX,
	TYPE_LIST,
	TYPE_TUPLE,
	TYPE_DICT,
	TYPE_SET, /* and frozenset */
	TYPE_DEQUE,
	TYPE_ODICT,
	TYPE_ARRAY, /* array.array */
	TYPE_NDARRAY,
	TYPE_BUFFERED, /* _io.BufferedReader, BufferedWriter, BufferedRandom */
	TYPE_TYPE,
	TYPE_MODULE,
	TYPE_FUNCTION,
	TYPE_METHOD,
	TYPE_CODE,
	TYPE_FRAME,
	TYPE_GENERATOR, /* coroutines and asynchronous generators, too */
	TYPE_CELL,
	TYPE_INSTANCE,  /* 2.7: of an old class */
	TYPE_OLD_CLASS, /* 2.7 */
	TYPE_NONE_TYPE,
};

struct type {
	raddr at;
	uint32_t metatype; /* index; its own for `type` */
	enum type_kind kind;
	bool exact; /* the builtin type itself, no subclass */
	bool leaf; /* exact and holds no references: str, bytes, int, float, complex, bytearray … */
	bool heap; /* made at run time */
	uint64_t flags, basicsize, itemsize;
	int64_t dictoffset, weaklistoffset; /* negative: from the end; managed ones: 0 */
	bool managed_dict, managed_weakref, inline_values; /* as this version has them */
	uint8_t shorter; /* bytes that some instances lack of basicsize: a time without a time zone */
	raddr base, dict; /* null: none, or kept elsewhere (static types from 3.12 on) */
	uint16_t
		before; /* bytes between the block's start and the object: GC head, managed words; without hooks */
	/* Module-qualified but for builtins: "app.Session", "dict"; at most TYPE_NAME_MAX bytes, longer ones end in "…";
	 * "type@0x…" where it cannot be read. Owned, foreign, unescaped, never NULL. */
	char *name;
};

#define TYPE_NAME_MAX 1024

struct type_table {
	struct burst *burst; /* borrowed, as shapes */
	const struct shapes *shapes;
	const struct space *space; /* for what is a file's data, or code; borrowed */
	VEC(struct type) types;    /* an index stays good */
	/* Of PyGC_Head; where shapes do not know it, from the first type whose dict the collector tracks. 0: none, or not yet
	 * known. */
	uint64_t gc_size;
	struct type_memo *memo; /* type_table.c's own */
	uint64_t n_examined;    /* words that were looked at: not known from the memo */
};

struct error *type_table_init(struct type_table *table, struct burst *burst,
			      const struct shapes *shapes, const struct space *space) MUST_CHECK;
void type_table_fini(struct type_table *table);

/* The index of the type at an address, TYPE_NONE. Out of memory is TYPE_NONE, too. Looks into the burst only where
 * n_examined grows. */
uint32_t type_table_find(struct type_table *table, raddr at);

/* The same of types that were found before; never looks into the burst. */
uint32_t type_table_known(const struct type_table *table, raddr at);

/* 2.7: the index of an old class (a classobj, as `instance` objects have it): a type of its own, of kind TYPE_INSTANCE, which
 * type_table_find() does not find. TYPE_NONE. */
uint32_t type_table_find_class(struct type_table *table, raddr at);

/* Of a type and those that it is derived from, the first that is static and has one of some names (NULL ends them): its index,
 * TYPE_NONE. Types that are not known yet are found. */
uint32_t type_table_ancestor(struct type_table *table, uint32_t i, const char *const *names);

static inline const struct type *type_table_get(const struct type_table *table, uint32_t i)
{
	return &table->types.items[i];
}

#endif
