/*
 * candidates: the mapped objects of one target that define a Python runtime, and
 * which of them is looked at: as a rule there is one, with embedding and plugins
 * there may be several, and not all of them are in use.
 */
#ifndef INSPECTOR_CANDIDATES_H
#define INSPECTOR_CANDIDATES_H

#include "base/error.h"
#include "base/vec.h"
#include "inspector/snapshot.h"
#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"

struct candidate {
	struct elf_image image;
	char *path;   /* as maps names it: foreign, unescaped; owned */
	bool deleted; /* the name is gone or means another file by now */
	enum runtime_use use;
};

struct candidates {
	VEC(struct candidate) list; /* ascending address */
};

/*
 * Whether the runtime that an image defines was ever initialised, by the exported PyType_Type: the
 * first type that PyType_Ready() makes ready. Its tp_flags lie 168 bytes in (Include/object.h 2.7,
 * Include/cpython/object.h to 3.15), 184 where objects carry two words more (Py_TRACE_REFS,
 * free-threaded builds); Py_TPFLAGS_READY is bit 12 in all of them, and 3.12 on clears it at the end.
 * A type that is not its own type was taken over by another library's: unknown.
 */
enum runtime_use candidate_use(elf_read_fn *read, void *context, const struct elf_image *image);

/*
 * Which one to look at: *ret its index in a list that is not empty. `wanted`, if not NULL, is its
 * number from 1, its path, or its path's last part; else it is the first that is initialised, or the
 * first of all. ERROR_USAGE, rule "no_such_module": `wanted` is none of them, or several.
 */
struct error *candidates_choose(const struct candidates *candidates, const char *wanted,
				size_t *ret) MUST_CHECK;

/* How many besides `chosen` may be in use, too. */
size_t candidates_rivals(const struct candidates *candidates, size_t chosen);

void candidates_fini(struct candidates *candidates);

#endif
