/*
 * shapes: how this build lays out its objects.
 *
 * Offsets in bytes from the start of the object (what id() returns) unless said otherwise; 0 for what a build
 * does not have. From the layout table where it knows (DWARF, or what the runtime says of itself), else by version: object
 * structs held within every minor version that was looked at (2.7.18, 3.6 to 3.15; Include/cpython/, Include/internal/),
 * unlike interpreter state.
 */
#ifndef INSPECTOR_OBJECT_SHAPES_H
#define INSPECTOR_OBJECT_SHAPES_H

#include "base/error.h"
#include "symbols/layout.h"

#include <stdbool.h>

enum refcount_kind {
	REFCOUNT_PLAIN, /* 2.7 to 3.11: a signed word */
	REFCOUNT_LOW,   /* 3.12, 3.13: immortal where the low half is negative */
	REFCOUNT_SPLIT, /* 3.14 on: u32 count, u16 overflow, u16 flags */
	REFCOUNT_LOCAL, /* free-threaded: u32 local, word shared */
};

enum values_kind {
	VALUES_NONE,   /* up to 3.10: a split dict's values alone */
	VALUES_WORDS,  /* 3.11: words before the object point to values and to the dict */
	VALUES_TAGGED, /* 3.12: one word, tagged */
	VALUES_INLINE, /* 3.13 on: behind the object's basicsize */
};

struct shapes {
	uint32_t version_hex;
	bool free_threaded, debug_hooks;
	enum refcount_kind refcount;
	enum values_kind values;
	uint64_t gc_size;          /* of PyGC_Head: 16, 24 or 32; 0: without the GIL, or not known
	                              (up to 3.7 without debug information: type_table.h) */
	uint64_t hook_size;        /* what debug hooks put in front of a block: 0 or 16 */
	uint64_t ob_type, ob_size; /* 8 and 16; 24 and 32 without the GIL */
	struct {
		uint64_t name, basicsize, itemsize, dealloc, flags, weaklistoffset, base, dict,
			dictoffset, mro;
		uint64_t size; /* of PyTypeObject */
		uint64_t ht_name, ht_qualname, ht_cached_keys, ht_module, ht_tpname, heap_size;
		uint64_t doc;
	} type;
	struct {
		uint64_t used, keys, values; /* 2.7: keys is ma_table, values 0 */
		uint64_t mask, small_table;  /* 2.7 */
		uint64_t size;
	} dict;
	struct {
		uint64_t header;                            /* bytes before the indices */
		uint64_t log2_size, log2_index_bytes, kind; /* 3.11 on: u8 each */
		uint64_t size;                              /* up to 3.10: dk_size */
		uint64_t usable, nentries;
	} keys;
	struct {
		uint64_t items, allocated;
	} list;
	struct {
		uint64_t items;
	} tuple;
	struct {
		uint64_t fill, used, mask, table, small_table;
	} set;
	struct {
		uint64_t length, state, ascii_data, compact_data, legacy_data, wstr, utf8,
			utf8_length;
	} str; /* 2.7: of unicode, legacy_data the pointer */
	struct {
		uint64_t data;
	} bytes; /* 2.7: of str */
	struct {
		uint64_t alloc, start, object;
	} bytearray; /* object: 3.15's backing bytes */
	struct {
		uint64_t digits, tag;
		bool tagged;
	} integer; /* tagged: 3.12 on, lv_tag */
	struct {
		/* next and data lie in a block; n_items and n_free are words */
		uint64_t left, right, next, data, block_size, n_items, n_free, free_blocks;
	} deque;
	struct {
		uint64_t items, descr; /* descr: begins with the typecode, a char */
	} array;                       /* array.array */
	struct {
		uint64_t buffer;
	} buffered; /* io.Buffered… */
	struct {
		uint64_t dict, name, state;
	} module;
	struct {
		uint64_t code, globals, closure, name, qualname, module, defaults, kwdefaults, dict;
	} function;
	struct {
		/* first_line and n_locals are ints; from 3.11 on one tuple names all locals, cells and free
		 * variables, and n_locals counts them */
		uint64_t name, qualname, filename, first_line, varnames, cellvars, freevars,
			localsplusnames, n_locals;
	} code;
	struct {
		uint64_t function, self;
	} method;
	struct {
		uint64_t contents;
	} cell;
	struct {
		uint64_t first, fast_nodes, node_next;
	} odict;
	struct {
		uint64_t class, dict;
	} instance; /* 2.7's old classes */
	struct {
		uint64_t name, dict;
	} old_class; /* 2.7 */
	struct {
		uint64_t code, locals, previous, stack_top; /* 3.10: an int, stack's depth */
	} frame; /* ≤ 3.10 frame objects; from 3.11 interpreter frames */
	uint64_t
		frame_object; /* from 3.11 on: f_frame, where a frame object points to its interpreter frame */
	uint64_t
		generator; /* its frame object; from 3.11 on the interpreter frame itself, inside */
};

/* Fills them for a build. ERROR_UNSUPPORTED: no CPython whose objects are known (older than 3.6, but 2.7). Newer than the
 * newest known: those are taken, and *ret_unverified says so. */
struct error *shapes_fill(const struct layout *layout, uint32_t version_hex, bool free_threaded,
			  bool debug_hooks, struct shapes *ret, bool *ret_unverified) MUST_CHECK;

/* Whether it is certain enough where an object's payload begins that all else of it may be shown to others. Not of builds
 * without the GIL from 3.14 on: none was at hand, and states of strings lie elsewhere there (Include/cpython/unicodeobject.h). */
bool shapes_tell_payloads(uint32_t version_hex, bool free_threaded);

#endif
