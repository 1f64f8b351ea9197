/*
 * frozen: what gc.freeze() has put aside, by the lists on which it stands.
 */
#ifndef INSPECTOR_HOLDERS_WALK_FROZEN_H
#define INSPECTOR_HOLDERS_WALK_FROZEN_H

#include "inspector/holders/walk/scanner.h"

/*
 * Adds what stands on the list with this head (runtime_gc_permanent()) to *bits, a bit for each of n_nodes nodes; NULL until
 * anything does, and the caller's to free. *ret_whole: it was followed to its end. An object links to the head of the next and of
 * the one before, where PyGC_Head begins, in 3.7 to 3.15 with a GIL; from 3.8 on the lowest two bits are marks
 * (Include/internal/pycore_gc.h, pycore_interp_structs.h). ERROR_RESOURCE.
 */
struct error *frozen_add(struct scanner *scanner, raddr head, uint32_t n_nodes, uint64_t **bits,
			 bool *ret_whole) MUST_CHECK;

/* NULL: nothing is. */
static inline bool frozen_has(const uint64_t *bits, uint32_t node)
{
	return bits && bits[node / 64] >> (node % 64) & 1;
}

#endif
