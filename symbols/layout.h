/*
 * layout: where things lie in CPython's structures and in its data segment.
 *
 * One table, indexed by an enum made from layout.def. Every entry knows where
 * its answer came from. A walker asks the table and never a version number.
 */
#ifndef SYMBOLS_LAYOUT_H
#define SYMBOLS_LAYOUT_H

#include "base/error.h"
#include "base/raddr.h"

#include <stddef.h>

enum layout_entry_id {
#define LAYOUT_SIZE(id, type)        LAYOUT_##id,
#define LAYOUT_FIELD(id, type, path) LAYOUT_##id,
#define LAYOUT_OBJECT(id, name)      LAYOUT_##id,
#define LAYOUT_FUNCTION(id, name)    LAYOUT_##id,
#include "symbols/layout.def"
#undef LAYOUT_SIZE
#undef LAYOUT_FIELD
#undef LAYOUT_OBJECT
#undef LAYOUT_FUNCTION
	LAYOUT_COUNT
};

enum layout_kind { LAYOUT_KIND_SIZE, LAYOUT_KIND_FIELD, LAYOUT_KIND_OBJECT, LAYOUT_KIND_FUNCTION };

/* Weakest first, so that the weakest source a figure used is the least of them. */
enum provenance {
	PROVENANCE_ABSENT = 0,     /* this build does not have it, or nothing says */
	PROVENANCE_SCANNED,        /* found by structure: in memory, or in the code that uses it */
	PROVENANCE_BUILTIN,        /* a recorded table */
	PROVENANCE_SELF_DESCRIBED, /* the runtime's own _Py_DebugOffsets */
	PROVENANCE_COOKIE,         /* where _Py_DebugOffsets' first word, "xdebugpy", stands */
	PROVENANCE_CACHE,          /* a table of ours, stored by build-id */
	PROVENANCE_SECTION,        /* a section of the file that holds just this variable */
	PROVENANCE_DYNSYM,         /* exported symbol */
	PROVENANCE_SYMTAB,         /* .symtab of the file or its debug file */
	PROVENANCE_DWARF,          /* debug information of this very build */
};

struct layout_entry {
	uint64_t offset; /* bytes from the start of the struct; link-time address of a variable */
	uint64_t
		width; /* bytes of one element; size of the type, variable or function; 0 unknown */
	uint64_t count;  /* elements of an array, else 1 */
	uint64_t stride; /* bytes from element to element, else width */
	enum provenance provenance;
};

struct layout {
	struct layout_entry entries[LAYOUT_COUNT];
};

/* The entry's name in layout.def ("ARENA_ADDRESS"), its kind, its type ("" for variables) and
 * its path or name with alternatives. Static strings. */
const char *layout_name(enum layout_entry_id id);
enum layout_kind layout_kind(enum layout_entry_id id);
const char *layout_type(enum layout_entry_id id);
const char *layout_path(enum layout_entry_id id);

static inline bool layout_has(const struct layout *l, enum layout_entry_id id)
{
	return l->entries[id].provenance != PROVENANCE_ABSENT;
}

static inline uint64_t layout_offset(const struct layout *l, enum layout_entry_id id)
{
	return l->entries[id].offset;
}

static inline uint64_t layout_width(const struct layout *l, enum layout_entry_id id)
{
	return l->entries[id].width;
}

/* The weakest provenance among the present entries of these kinds (a mask of 1 << layout_kind);
 * PROVENANCE_ABSENT when there are none. */
enum provenance layout_weakest(const struct layout *l, unsigned kinds);

/*
 * Refuses a table that no build of CPython can have: a field outside its struct, a width that is
 * no integer's, a pool header that does not fit its pool. After it, readers that hold a whole
 * struct cannot leave their buffer. ERROR_SYMBOLS names the first entry that is out.
 */
struct error *layout_check(const struct layout *l) MUST_CHECK;

/* "dwarf", "symtab", "dynsym", "section", "cache", "cookie", "self-described", "built-in",
 * "scanned", "absent". */
const char *provenance_name(enum provenance p);

#endif
