/*
 * redact_types: type objects, found through their instances.
 */
#ifndef INSPECTOR_SAVE_REDACT_TYPES_H
#define INSPECTOR_SAVE_REDACT_TYPES_H

#include "inspector/object/shapes.h"
#include "inspector/save/redact_ground.h"
#include "inspector/save/save_log.h"

/* How an instance is laid out, as far as blanking goes. */
enum redact_kind {
	KIND_OTHER,
	KIND_STR,   /* str; in 2.7 unicode */
	KIND_BYTES, /* bytes; in 2.7 str */
	KIND_LONG,  /* int; in 2.7 long */
	KIND_SMALL, /* 2.7's int */
	KIND_FLOAT,
	KIND_COMPLEX,
	KIND_LIST,
	KIND_TUPLE,
	KIND_DICT,
	KIND_SET,    /* and frozenset */
	KIND_BUFFER, /* bytearray, array.array */
	KIND_DEQUE,
	KIND_TYPE,
	KIND_CODE,
	KIND_DESCRIPTOR, /* of a method or member: it tells of a type that may have no instance */
	KIND_NAMER,      /* module, function; 2.7: old classes and their instances */
	KIND_NDARRAY,
	KIND_TENSOR, /* of torch */
};

struct redact_type {
	raddr at;
	enum redact_kind kind;
	uint64_t flags; /* tp_flags */
	uint64_t basicsize, itemsize;
	int64_t dictoffset; /* negative: from the end, or managed */
};

#define TYPE_HAVE_GC (UINT64_C(1) << 14)

struct redact_types {
	struct space *space;                        /* borrowed */
	struct grounds *grounds;                    /* borrowed */
	const struct pymalloc_saved_arenas *arenas; /* borrowed: no type is small enough for one */
	struct save_log *log;        /* borrowed; types and their names are added to it */
	const struct shapes *shapes; /* borrowed */
	VEC(struct redact_type) list;
	struct {
		uint64_t at;
		uint32_t type; /* index + 1; 0: it is none */
	} * table;
	size_t n_table, room; /* a power of two */
	uint64_t n_examined;
};

struct error *redact_types_init(struct redact_types *types) MUST_CHECK;
void redact_types_fini(struct redact_types *types);

/* The type object at an address; NULL: there is none. Valid until the next call. */
const struct redact_type *redact_types_find(struct redact_types *types, raddr at);

#endif
