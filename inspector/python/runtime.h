/*
 * runtime: the interpreters of a process and where each keeps its allocator.
 *
 *	2.7 … 3.11	file statics: one allocator, shared by all
 *	3.12		_PyRuntime → interpreters → state embedded in each
 *	3.13 …		_PyRuntime → interpreters → pointer to a state; shared: same pointer
 */
#ifndef INSPECTOR_PYTHON_RUNTIME_H
#define INSPECTOR_PYTHON_RUNTIME_H

#include "inspector/doubt.h"
#include "inspector/heap/pymalloc_copy.h"
#include "inspector/snapshot.h"
#include "inspector/target/space.h"
#include "symbols/layout.h"

struct runtime_interpreter {
	int64_t id;
	raddr address; /* of its PyInterpreterState; null up to 3.6 where none is needed */
	bool readable; /* false: a doubt says why */
	bool shares_main;
	bool has_heap; /* of its own: roots is filled. One that is just being born has none yet */
	struct pymalloc_roots roots;
};

struct runtime {
	VEC(struct runtime_interpreter) interpreters; /* main first, then ascending id */
};

#define RUNTIME_EMPTY     \
	{                 \
		VEC_EMPTY \
	}

/*
 * Finds the interpreters and their roots. bias: of the module (elf_image.h). A list that loops or
 * leads nowhere ends with a doubt; ERROR_UNSUPPORTED when the runtime is not initialised.
 */
struct error *runtime_read(struct space *space, const struct layout *layout, uint64_t bias,
			   uint32_t version_hex, struct runtime *ret,
			   struct doubts *doubts) MUST_CHECK;
void runtime_fini(struct runtime *runtime);

/* Which allocator serves object memory, seen through debug hooks and tracemalloc: fills
 * allocator, debug_hooks, hooks and shows_stats of *ret. */
struct error *runtime_allocator(struct space *space, const struct layout *layout, uint64_t bias,
				uint32_t version_hex, struct snapshot_target *ret,
				struct doubts *doubts) MUST_CHECK;

/* The object free lists that this interpreter's sys._debugmallocstats() prints, in its order; in a free-threaded build without
 * their lengths. Adds to *ret_unknown how many lengths, or sizes of objects, are not known. */
struct error *runtime_free_lists(struct space *space, const struct layout *layout, uint64_t bias,
				 uint32_t version_hex,
				 const struct runtime_interpreter *interpreter,
				 struct snapshot_interpreter *ret,
				 uint64_t *ret_unknown) MUST_CHECK;

/* Counters beside the arenas, read in one go (under a stop where there is one). */
struct runtime_counters {
	uint32_t version_hex;
	struct maybe allocated_blocks;  /* 3.4 to 3.8: every block */
	struct maybe interpreter_leaks; /* 3.12 on */
	struct maybe final_leaks;       /* 3.12 on */
	struct maybe serialno;          /* calls of malloc; kept by few builds */
};

/* Reads them; one that cannot be read stays unknown, with a doubt. ERROR_GONE. */
struct error *runtime_counters_read(struct space *space, const struct layout *layout, uint64_t bias,
				    uint32_t version_hex, struct runtime_counters *ret,
				    struct doubts *doubts) MUST_CHECK;

/* Whether the collector runs by itself (gc.isenabled(); 1, 0), in the main interpreter. What is not known stays unknown.
 * ERROR_GONE. */
struct error *runtime_gc_enabled(struct space *space, const struct layout *layout, uint64_t bias,
				 const struct runtime_interpreter *main,
				 struct maybe *ret) MUST_CHECK;

/*
 * The head of the list of what gc.freeze() has put aside, of an interpreter (up to 3.8: of all): permanent_generation, of which
 * the head comes first (struct gc_generation, 3.7 to 3.15). Null: there is none, or it is not known. Without the GIL nothing is on it.
 */
raddr runtime_gc_permanent(const struct layout *layout, uint64_t bias,
			   const struct runtime_interpreter *interpreter);

/*
 * What sys.getallocatedblocks() returns there, from the counters and from the snapshot's walked
 * interpreters (used blocks and raw_allocated_blocks): fills allocated_blocks and serialno. Reads
 * no memory. 2.7 keeps no such figure: absent.
 */
struct error *runtime_block_counters(const struct runtime_counters *counters,
				     struct snapshot *snapshot) MUST_CHECK;

#endif
