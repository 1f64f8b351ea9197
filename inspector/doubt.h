/*
 * doubt: the question was answered, but know this.
 *
 * Walkers return errors only for what stops everything; all else is counted here
 * and shown to the person. Doubts of one kind and severity are folded: the first
 * detail stays as the example.
 */
#ifndef INSPECTOR_DOUBT_H
#define INSPECTOR_DOUBT_H

#include "base/vec.h"

#include <stdint.h>

enum doubt_severity {
	DOUBT_NOTE,         /* exit status 0 */
	DOUBT_PARTIAL,      /* something could not be read: exit status 7 */
	DOUBT_INCONSISTENT, /* the target's own figures disagree: exit status 7 */
};

/* doubt_kind_name() gives the snake_case word of the JSON. */
#define DOUBT_KINDS(X)                                                                             \
	X(ARENA_VANISHED)    /* an arena was unmapped while it was read */                         \
	X(ARENA_UNSETTLED)   /* an arena's pools and its counters still disagree */                \
	X(ARENA_INVALID)     /* an arena object no interpreter can have written */                 \
	X(ARENAS_UNREADABLE) /* the table of arenas moved or cannot be read */                     \
	X(SEGMENT_UNSETTLED) /* a mimalloc segment's pages do not make it up */                    \
	X(SEGMENT_FOREIGN)   /* a segment of another mimalloc than Python's */                     \
	X(PAGE_UNSETTLED)    /* a mimalloc page's blocks do not make it up */                      \
	X(POOL_UNREADABLE)   /* a pool header that cannot be read */                               \
	X(POOL_SWAPPED)      /* a pool header on a swapped page: not read, to leave it there */    \
	X(POOL_INVALID)      /* a pool header no interpreter can have written */                   \
	X(FREE_CHAIN)        /* a pool's free list and its count disagree */                       \
	X(USED_LIST)         /* the lists of usable pools and the pools disagree */                \
	X(USABLE_LIST)       /* the list of usable arenas and the arenas disagree */               \
	X(COUNTERS)          /* a counter of the allocator and the walk disagree */                \
	X(TOTALS)            /* the parts do not add up to the arenas' bytes */                    \
	X(COUNTER_UNKNOWN)   /* a counter that this build keeps could not be found */              \
	X(GEOMETRY)          /* pool or arena size, or alignment, had to be assumed */             \
	X(INTERPRETER)       /* an interpreter could not be read */                                \
	X(FRAMES)            /* memory of a thread's Python frames could not be followed */        \
	X(ALLOCATOR_UNKNOWN) /* which allocator is installed could not be told */                  \
	X(NOT_STOPPED)       /* a stop was asked for but not possible */                           \
	X(STOP_EXPIRED)      /* the stop reached its limit before all was read */                  \
	X(STOPPED_INSIDE)    /* the stop landed inside malloc: one pool may be off by one block */ \
	X(EINTR_RISK)        /* a stop makes epoll_wait raise in a 2.7 target */                   \
	X(SEVERAL_RUNTIMES)  /* more than one runtime is mapped, and another may be in use */      \
	X(UNVERIFIED)        /* a file without build-id: taken on trust */                         \
	X(LAYOUT_UNVERIFIED) /* of a version that nothing is known of: shapes are assumed */       \
	X(STRUCTURE)         /* symbols and what memory shows disagree */                          \
	X(DEBUG_INFO)        /* debug information that is there could not be used */               \
	X(EARLIER_RUN)       /* what an earlier run of Python in the process left is not known */  \
	X(RESIDENCY)         /* what is resident could not be learnt */                            \
	X(MALLOC_ARENA)      /* an arena of malloc's moved while it was read, or is damaged */     \
	X(MALLOC_MAPPED)     /* not all large blocks of malloc's were found */                     \
	X(MALLOC_UNKNOWN)    /* which library serves malloc could not be told */                   \
	X(OBJECTS_UNKNOWN)   /* how objects lie in memory is not known of this build */            \
	X(BLOCKS_UNEXPLAINED) /* more blocks than on a quiet target are nobody's */                \
	X(CENSUS_STREAMED) /* too little memory for a copy: read in windows, not of one moment */  \
	X(HOLDERS_PARTIAL) /* the walk from the roots ended before everything was reached */       \
	X(FROZEN)          /* not all that gc.freeze() has put aside could be followed */          \
	X(MOMENTS)         /* a snapshot of a process that was at work meanwhile */                \
	X(INPUT_PARTIAL)   /* a core or snapshot file lacks some of what it should hold */         \
	X(TARGET_CHANGED)  /* it executed another program or ended while being read */

enum doubt_kind {
#define DOUBT_ENUM(name) DOUBT_##name,
	DOUBT_KINDS(DOUBT_ENUM)
#undef DOUBT_ENUM
		DOUBT_KIND_COUNT
};

struct doubt {
	enum doubt_kind kind;
	enum doubt_severity severity;
	uint64_t count;
	char *detail; /* one line, owned; NULL when memory was out */
};

struct doubts {
	VEC(struct doubt) list;
};

/* Adds `count` of a kind; folded into one of the same kind and severity. */
void doubts_add(struct doubts *doubts, enum doubt_kind kind, enum doubt_severity severity,
		uint64_t count, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Moves all of `from` behind those of `to`, folding; `from` is empty afterwards. */
void doubts_join(struct doubts *to, struct doubts *from);

/* The worst severity; DOUBT_NOTE when there is none. */
enum doubt_severity doubts_worst(const struct doubts *doubts);

/* Forgets all, keeping the room. */
void doubts_clear(struct doubts *doubts);
void doubts_fini(struct doubts *doubts);

const char *doubt_kind_name(enum doubt_kind kind);             /* "arena_vanished" */
const char *doubt_severity_name(enum doubt_severity severity); /* "note" */

#endif
