/*
 * arena_table: arenas[], found by the pools that must lie in it, and how long it is.
 *
 * Sources: new_arena() and PyObject_Free() in Objects/obmalloc.c, 2.7 to 3.15: 16 slots at first,
 * then doubled by realloc when all are in use; slots without an arena are linked one after another
 * from unused_arena_objects, those with free pools to and fro from usable_arenas, ascending.
 */
#ifndef INSPECTOR_SCAN_ARENA_TABLE_H
#define INSPECTOR_SCAN_ARENA_TABLE_H

#include "inspector/heap/pymalloc_geometry.h"
#include "inspector/scan/pool_table.h"

struct arena_table {
	raddr at;           /* of slot 0 */
	uint64_t slot_size; /* bytes */
	struct pymalloc_geometry geometry;
	struct pymalloc_arena_object *slots; /* n_slots as they were read; owned */
	uint32_t n_slots;                    /* maxarenas */
	uint32_t n_in_use;
	raddr unused, usable; /* the heads of its two lists; null: empty */
	uint64_t *last_of;    /* what nfp2lasta must be: pools_per_arena + 1 words; owned */
};

/*
 * Tries `at` as arenas[]: true in *ret_found where every head's pool lies in the arena that its index
 * names, all slots of a power of two are arenas of the heads' geometry or empty, and both lists hold
 * exactly the slots that they must. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *arena_table_read(struct space *space, const struct pymalloc_shape *shape,
			       const struct pool_table *pools, raddr at, bool *ret_found,
			       struct arena_table *ret) MUST_CHECK;

struct arena_tables {
	struct arena_table first; /* where n_found > 0 */
	uint32_t n_found;
	uint32_t n_refused; /* they fit the first pool that was asked, but not all else */
};

/* Tries every pointer in the segments. Free the first with arena_table_fini(). */
struct error *arena_table_find(struct space *space, const struct elf_image *image,
			       const struct pymalloc_shape *shape, const struct data_segments *data,
			       const struct pool_table *pools, struct arena_tables *ret) MUST_CHECK;

/* Where slot i lies in the target. */
static inline raddr arena_table_slot(const struct arena_table *table, uint32_t i)
{
	return raddr_plus(table->at, i * table->slot_size);
}

void arena_table_fini(struct arena_table *table);

#endif
