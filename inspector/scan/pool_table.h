/*
 * pool_table: usedpools, found by what only it looks like.
 *
 * Sources: the macros PTA and PT in Objects/obmalloc.c (2.7 to 3.15) and pycore_obmalloc_init.h (3.12
 * on): the head of each list poses as a pool whose links fall on the pair of words at its place.
 */
#ifndef INSPECTOR_SCAN_POOL_TABLE_H
#define INSPECTOR_SCAN_POOL_TABLE_H

#include "inspector/heap/pymalloc.h"
#include "inspector/heap/pymalloc_shape.h"
#include "inspector/scan/data_segments.h"

/* A pool at either end of a list. */
struct pool_head {
	raddr at;
	uint32_t arenaindex, szidx, maxnextoffset;
};

struct pool_table {
	raddr at;
	uint32_t n_classes;
	uint32_t n_unseen; /* lists whose pools could not be read: swapped out */
	uint32_t n_heads;  /* 0: every list is empty */
	struct pool_head heads[2 * PYMALLOC_CLASSES_MAX];
	uint64_t pool_size, alignment; /* that all heads agree on; 0 without heads */
};

struct pool_tables {
	struct pool_table first; /* where n_found > 0 */
	uint32_t n_found;
	uint32_t n_refused; /* runs that look like one until their pools are asked */
	raddr refused;      /* the first of them */
};

/*
 * Finds every table in the segments. A pair of words is a list's head when it is closed upon itself,
 * or when the pools that it names name it and carry its class. ERROR_GONE.
 */
struct error *pool_table_find(struct space *space, const struct pymalloc_shape *shape,
			      const struct data_segments *data, struct pool_tables *ret) MUST_CHECK;

/*
 * Whether one begins exactly at `at`; *ret is filled then, else only its n_unseen. n_classes: how many lists
 * the module itself tells to be there (pool_pattern.h), 0: it does not. With it, what follows them is not looked at, and any
 * number of lists may be unseen. ERROR_GONE.
 */
struct error *pool_table_read(struct space *space, const struct pymalloc_shape *shape, raddr at,
			      uint32_t n_classes, bool *ret_found,
			      struct pool_table *ret) MUST_CHECK;

#endif
