/*
 * leaf: the causes that resident memory is told by: the keys of the ledger, in the order in which
 * they are claimed and printed.
 */
#ifndef INSPECTOR_LEDGER_LEAF_H
#define INSPECTOR_LEDGER_LEAF_H

/* name, JSON key, group, what it takes to get it back */
#define LEAVES(X)                                                     \
	X(PYMALLOC_LIVE, "pymalloc.live", LIVE, IN_USE)               \
	X(PYMALLOC_FREE_BLOCKS, "pymalloc.free_blocks", KEPT, PINS)   \
	X(PYMALLOC_FREE_POOLS, "pymalloc.free_pools", KEPT, PINS)     \
	X(PYMALLOC_OVERHEAD, "pymalloc.overhead", OVERHEAD, PINS)     \
	X(MIMALLOC_LIVE, "mimalloc.live", LIVE, IN_USE)               \
	X(MIMALLOC_FREE, "mimalloc.free", KEPT, PINS)                 \
	X(MIMALLOC_OVERHEAD, "mimalloc.overhead", OVERHEAD, PINS)     \
	X(MALLOC_LIVE, "malloc.live", LIVE, IN_USE)                   \
	X(MALLOC_TCACHE, "malloc.tcache", KEPT, RESTART)              \
	X(MALLOC_FREE_TRIMMABLE, "malloc.free_trimmable", KEPT, TRIM) \
	X(MALLOC_FREE_STUCK, "malloc.free_stuck", KEPT, RESTART)      \
	X(MALLOC_TOP, "malloc.top", KEPT, RESTART)                    \
	X(MALLOC_MMAPPED, "malloc.mmapped", LIVE, IN_USE)             \
	X(MALLOC_OVERHEAD, "malloc.overhead", OVERHEAD, IN_USE)       \
	X(MALLOC_OPAQUE, "malloc.opaque", UNKNOWN, IN_USE)            \
	X(MALLOC_LAZYFREE, "malloc.lazyfree", KEPT, KERNEL)           \
	X(PYTHON_STATIC, "python.static", LIVE, IN_USE)               \
	X(PYTHON_FRAMES, "python.frames", LIVE, IN_USE)               \
	X(JIT_CODE, "jit.code", LIVE, IN_USE)                         \
	X(FILE_TEXT, "file.text", FILE, KERNEL)                       \
	X(FILE_DATA, "file.data", FILE, IN_USE)                       \
	X(FILE_MAPPED, "file.mapped", FILE, KERNEL)                   \
	X(SHARED_MEMORY, "shared.memory", SHARED, IN_USE)             \
	X(DEVICE_MAPPED, "device.mapped", SHARED, IN_USE)             \
	X(STACK_MAIN, "stack.main", LIVE, IN_USE)                     \
	X(STACK_THREADS, "stack.threads", LIVE, IN_USE)               \
	X(ANON_BSS, "anon.bss", LIVE, IN_USE)                         \
	X(ANON_OWNED, "anon.owned", LIVE, IN_USE)                     \
	X(ANON_UNKNOWN, "anon.unknown", UNKNOWN, IN_USE)              \
	X(KERNEL_SPECIAL, "kernel.special", FILE, KERNEL)

enum leaf {
#define LEAF_ENUM(name, key, group, returns) LEAF_##name,
	LEAVES(LEAF_ENUM)
#undef LEAF_ENUM
		LEAF_COUNT
};

enum leaf_group {
	LEAF_GROUP_LIVE,
	LEAF_GROUP_KEPT, /* free, and not given back */
	LEAF_GROUP_OVERHEAD,
	LEAF_GROUP_FILE,
	LEAF_GROUP_SHARED,
	LEAF_GROUP_UNKNOWN
};

/* What gives it back. */
enum leaf_returns {
	LEAF_RETURNS_IN_USE,  /* nothing: it is in use */
	LEAF_RETURNS_TRIM,    /* malloc_trim(0) */
	LEAF_RETURNS_PINS,    /* the objects that hold it must go */
	LEAF_RETURNS_RESTART, /* nothing but a new process */
	LEAF_RETURNS_KERNEL   /* the kernel takes it by itself when memory is short */
};

const char *leaf_key(enum leaf leaf); /* "pymalloc.live" */
enum leaf_group leaf_group(enum leaf leaf);
const char *leaf_group_name(enum leaf_group group); /* "live" */
enum leaf_returns leaf_returns(enum leaf leaf);
const char *leaf_returns_name(enum leaf_returns returns); /* "in_use" */

#endif
