/*
 * objects: the programs and libraries of a process, and where each keeps its variables.
 */
#ifndef INSPECTOR_LEDGER_OBJECTS_H
#define INSPECTOR_LEDGER_OBJECTS_H

#include "inspector/ledger/extents.h"
#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"

struct object {
	uint64_t device, inode;
	const char *path; /* of a region: borrowed, foreign */
};

/* Variables of one: a writable mapping of its file, or its zeroed variables behind that. */
struct object_data {
	size_t object; /* index */
	raddr start;
	uint64_t size;
};

struct objects {
	VEC(struct object) list;
	VEC(struct object_data) data; /* ascending */
};

#define OBJECTS_EMPTY ((struct objects){0})

/*
 * Finds those with a mapping to be executed. Adds an extent for the zeroed variables of each (anon.bss), and
 * for all variables of the interpreter's module (python.static), whose image is given; NULL: none is. Where a library's
 * program headers cannot be read, the anonymous mapping right behind its data counts whole.
 * Regions must stay as they are for the objects' life. ERROR_RESOURCE.
 */
struct error *objects_find(struct space *space, const struct elf_image *runtime,
			   struct objects *ret, struct extents *extents) MUST_CHECK;

/* The object whose file a region maps, or NULL. */
const struct object *objects_of(const struct objects *objects, const struct region *region);

void objects_fini(struct objects *objects);

#endif
