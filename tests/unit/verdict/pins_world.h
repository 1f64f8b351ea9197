/*
 * pins_world: heaps of a few arenas, made by hand, with the roots that hold them.
 *
 * Two roots: app.CACHE holds a dict of Sessions, each with a name; app.OTHER a str. Chains, names and what stands in memory
 * are others': here they are as short as they can be.
 */
#ifndef TEST_PINS_WORLD_H
#define TEST_PINS_WORLD_H

#include "inspector/verdict/pins/pins_make.h"

#define ARENA  (256 * KIB)
#define POOL   (4 * KIB)
#define BLOCK  64
#define BLOCKS 60 /* of a pool that have numbers */

enum { TYPE_DICT_, TYPE_SESSION, TYPE_STR_, TYPE_ELEMENT, TYPE_WEAK };
enum {
	LABEL_NO,
	LABEL_UNKNOWN,
	LABEL_REST,
	LABEL_DICT,
	LABEL_SESSION,
	LABEL_STR,
	LABEL_KEYS,
	LABEL_WEAK,
	LABEL_DEAD_DICT,
	LABEL_DEAD_SESSION
};
enum { PATH_CACHE, PATH_SESSION, PATH_NAME, PATH_OTHER, N_PATHS };

/* The one object that anybody asks for, a weak reference, is read through weak_ops. */
#define WEAK_AT 0x1000
extern const struct space_ops weak_ops;

struct heap {
	struct ground ground;
	struct graph graph;
	struct holders holders;
	struct malloc_account malloc;
	uint64_t used[64], garbage[64];
	uint16_t labels[4096];
	uint32_t next; /* number */
};

struct heap *heap_new(void);
void heap_free(struct heap **place);

/* Adds a path: count objects of a type below another path, or GRAPH_PATH_NONE. */
void heap_add_path(struct heap *h, uint32_t up, uint32_t root, uint32_t type, uint64_t count);

/* An arena; then pools of the last one, empty as yet; then block i of the last pool is in use. */
void heap_add_arena(struct heap *h, enum plot_source source);
void heap_add_pool(struct heap *h);
void heap_use(struct heap *h, uint32_t i, uint16_t label, uint32_t path);

/* The same of one that nothing reaches, and that waits for the collector. */
void heap_use_garbage(struct heap *h, uint32_t i, uint16_t label);

/* Whether all of these are what gc.freeze() has put aside. */
void heap_set_frozen(struct heap *h, bool frozen);

/* The weak reference that anybody asks for is one to block i of the first pool. */
void heap_refer_weakly(const struct heap *h, uint32_t i, uint64_t callback);

/* An arena that is kept by one Session, its name, and a table. */
void heap_add_pinned(struct heap *h);
#define PINNED_USED (3 * BLOCK)

#endif
