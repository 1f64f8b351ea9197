/*
 * pymalloc_copy: what a walk needs of one allocator, copied out of the target.
 *
 * The copy is the only part that touches the target, so it is all that a stop has
 * to cover: the roots, the table of arenas, 48 bytes of every carved pool. It is
 * taken live first, which sizes and faults in the buffers; taken again under a
 * stop it allocates nothing.
 */
#ifndef INSPECTOR_HEAP_PYMALLOC_COPY_H
#define INSPECTOR_HEAP_PYMALLOC_COPY_H

#include "inspector/doubt.h"
#include "inspector/heap/pymalloc.h"
#include "inspector/target/space.h"
#include "symbols/layout.h"

/* Addresses in the target of the allocator's variables; null: this build has none. */
struct pymalloc_roots {
	raddr usedpools;
	uint64_t n_usedpools; /* words: twice the number of size classes */
	raddr arenas, maxarenas, unused_arena_objects, usable_arenas, nfp2lasta;
	uint64_t n_nfp2lasta;
	raddr arenas_current, arenas_total, arenas_highwater;
	raddr raw_allocated_blocks;
	raddr arena_map_root, arena_map_mid_count, arena_map_bot_count;
	uint64_t arena_map_node_size; /* bytes of the root and of a middle node; 0: not known */
	/* What this version is known to keep: such an address that is null is then unknown, not
	 * absent. ntimes_arena_allocated and narenas_highwater: 3.4 on; raw_allocated_blocks: 3.9 on. */
	bool keeps_totals, keeps_raw_blocks;
	/* No list of pools held one when the roots were found: where arenas would be is not known, nor
	 * needed. */
	bool idle;
};

struct pymalloc_copy;

struct pymalloc_copy *pymalloc_copy_new(void);       /* NULL: out of memory */
void pymalloc_copy_free(struct pymalloc_copy *copy); /* takes NULL */

/*
 * Copies everything. ERROR_RESOURCE when it needs more than max_memory bytes (0: no limit),
 * ERROR_GONE, ERROR_SYMBOLS when the layout lacks a field. Roots or a table of arenas that cannot
 * be read are no error: the walk of such a copy says so.
 * With frozen set nothing is allocated: arenas that do not fit are left out and
 * pymalloc_copy_complete() says so.
 */
struct error *pymalloc_copy_take(struct pymalloc_copy *copy, struct space *space,
				 const struct layout *layout, const struct pymalloc_roots *roots,
				 uint64_t max_memory, bool frozen) MUST_CHECK;

/*
 * Before a first live pass that a stop follows: the room that the pass makes is then at once what pymalloc_copy_prepare() would
 * make of it. So little lies between the two, and much of what the stop reads is still in the processor's caches.
 */
void pymalloc_copy_expect_stop(struct pymalloc_copy *copy);

/* Room for a heap half as large again (a large one: an eighth), faulted in: before a freeze.
 * ERROR_RESOURCE. */
struct error *pymalloc_copy_prepare(struct pymalloc_copy *copy, uint64_t max_memory) MUST_CHECK;

/* Whether everything was copied. */
bool pymalloc_copy_complete(const struct pymalloc_copy *copy);

/* Arenas whose pools and counters disagree (changed while being copied). */
size_t pymalloc_copy_unsettled(const struct pymalloc_copy *copy);

/* Copies the unsettled arenas again, and the table of arenas and roots with them. */
struct error *pymalloc_copy_settle(struct pymalloc_copy *copy, struct space *space,
				   bool frozen) MUST_CHECK;

/* For repeating looks: like take, but of the arenas whose arena object did not change only one in
 * `turns` is copied anew each time. turns 1: all. */
struct error *pymalloc_copy_refresh(struct pymalloc_copy *copy, struct space *space,
				    const struct layout *layout, const struct pymalloc_roots *roots,
				    uint64_t max_memory, unsigned turns) MUST_CHECK;

/* Carved pools in all, for choosing turns and predicting a stop. */
uint64_t pymalloc_copy_pools(const struct pymalloc_copy *copy);

/* Bytes of its buffers, and of what a walk will make of it. */
uint64_t pymalloc_copy_bytes(const struct pymalloc_copy *copy);

/* Residency of all arenas, taken before their pools were read; NULL where unknown. */
const struct residency *pymalloc_copy_residency(const struct pymalloc_copy *copy);

/* Turns the copy into facts: pymalloc_walk.c. Cross-checks everything; disagreement is a doubt. */
struct error *pymalloc_walk(const struct pymalloc_copy *copy, const struct layout *layout,
			    const struct pymalloc_roots *roots, struct pymalloc *ret,
			    struct doubts *doubts) MUST_CHECK;

/* One pool, read now: header and whole contents. ERROR_FAULT: not a pool (any more). */
struct error *pymalloc_blocks_read(struct space *space, const struct layout *layout,
				   const struct pymalloc *pymalloc, raddr address,
				   struct pymalloc_blocks *ret) MUST_CHECK;

#endif
