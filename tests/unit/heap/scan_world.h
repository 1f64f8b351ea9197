/*
 * scan_world: a world as the scan meets it: variables where a compiler puts them, arenas[] in memory of
 * its own, the state's struct with its true members, a radix tree that leads to every arena, and a layout
 * table that has nothing of all that.
 */
#ifndef TESTS_UNIT_HEAP_SCAN_WORLD_H
#define TESTS_UNIT_HEAP_SCAN_WORLD_H

#include "inspector/scan/scan.h"
#include "world.h"

#define SCAN_SLOTS 64 /* of arenas[] */

/* How file statics lie, up to 3.11. */
enum scan_order { ORDER_AGAINST, ORDER_ALONG, ORDER_LTO, ORDER_COUNT };

struct scan_world {
	struct world *world;
	struct layout truth;
	struct elf_image image;
	struct python_build build; /* the layout without what the scan is to find */
	raddr state;               /* 3.12 on */
	uint64_t n_nodes;          /* of the radix tree */
};

/* Models of the scan's own, besides world_models. */
extern const struct world_model scan_model_2m, scan_model_no_radix;

/* Builds it with n_arenas arenas: pools of many classes in the first, few in the others. */
struct scan_world *scan_world_new(const struct world_model *model, enum scan_order order,
				  uint32_t n_arenas);
void scan_world_free(struct scan_world *s);

/* A place in the module's data segment. */
raddr scan_world_place(struct scan_world *s, uint64_t size);

#endif
