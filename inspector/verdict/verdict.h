/*
 * verdict: why memory is not given back, as facts: causes with the bytes that following the advice would free, and the
 * figures that prove them. Part of a snapshot. Words are ui's.
 */
#ifndef INSPECTOR_VERDICT_VERDICT_H
#define INSPECTOR_VERDICT_VERDICT_H

#include "base/error.h"
#include "inspector/holders/holders.h"

enum cause_kind {
	CAUSE_PYMALLOC_PINNED,
	CAUSE_PYMALLOC_FREE_POOLS,
	CAUSE_LIVE_OBJECTS,
	CAUSE_MALLOC_FREE_TRIMMABLE,
	CAUSE_MALLOC_FREE_STUCK,
	CAUSE_MALLOC_ARENA_PER_THREAD,
	CAUSE_MALLOC_THRESHOLD_RAISED,
	CAUSE_MALLOC_ENV_INEFFECTIVE,
	CAUSE_MIMALLOC_RETAINED,
	CAUSE_NATIVE_LIVE,
	CAUSE_NATIVE_LOST,
	CAUSE_THREAD_STACKS,
	CAUSE_FILE_MAPPINGS,
	CAUSE_SHARED_MEMORY,
	CAUSE_HUGE_PAGES,
	CAUSE_FORK_PRIVATE_COPIES,
	CAUSE_UNCOLLECTED_GARBAGE,
	CAUSE_FROZEN_GARBAGE,
	CAUSE_LEAKED_REFERENCES,
	CAUSE_SWAPPED_OUT,
	CAUSE_NOTHING_WRONG,
	CAUSE_KINDS
};

const char *cause_kind_name(enum cause_kind kind); /* "pymalloc_pinned" */

/* A figure that proves, by name: "sparse_arenas" 1402. Names are keys of JSON. */
struct evidence {
	const char *name; /* static */
	enum evidence_unit {
		EVIDENCE_COUNT,
		EVIDENCE_BYTES,
		EVIDENCE_PERMILLE,
		EVIDENCE_TEXT
	} unit;
	uint64_t value;
	char *text; /* of EVIDENCE_TEXT; owned, foreign */
};

#define EVIDENCE_MAX 14

struct cause {
	enum cause_kind kind;
	uint64_t bytes;   /* that following the advice would give back; disjoint between causes */
	uint64_t symptom; /* bytes that the cause explains, at least as many */
	bool measured;    /* else inferred */
	struct evidence evidence[EVIDENCE_MAX];
	size_t n_evidence;
	/* Who, where it is anybody: an index in pins.roots or holders.roots; SIZE_MAX: nobody. */
	size_t pin_root, holder_root;
};

/* Frameworks that the command line names: advice is worded for them. */
enum framework {
	FRAMEWORK_NONE,
	FRAMEWORK_CELERY,
	FRAMEWORK_GUNICORN,
	FRAMEWORK_UWSGI,
	FRAMEWORK_DASK
};

/* Theories that were ruled out, each with its figure. */
enum theory {
	THEORY_MALLOC_TRIM, /* bytes that it gives */
	THEORY_ARENA_MAX,
	THEORY_THREADS, /* bytes of their stacks */
	THEORY_SWAP,
	THEORY_GC,     /* bytes of cycles that wait */
	THEORY_GROWTH, /* bytes by which it grew since an earlier look; not known of one look alone */
	THEORY_PYTHON_LEAK, /* bytes of live objects */
	THEORY_KEPT_ARENAS,
	THEORY_KINDS
};

const char *theory_name(enum theory theory); /* "malloc_trim" */

struct ruled_out {
	enum theory theory;
	struct maybe bytes;
};

/* Private memory of a forked worker against its parent's page at the same address. */
struct fork_copies {
	bool filled;
	int parent;
	uint64_t
		private_bytes; /* of its own, anonymous: where not all were compared the rest below is scaled up to them */
	uint64_t compared;
	uint64_t identical, refcounts_only, gc_links_only, changed; /* sum up to private_bytes */
};

/* How much of the huge pages holds nothing but zeros: what small ones would not have. */
struct huge_zeros {
	bool filled;
	uint64_t compared, zeros; /* bytes; compared: a sample where there are many */
};

struct verdict {
	bool filled;
	bool preliminary;         /* from the ledger alone: holders are still sought */
	VEC(struct cause) causes; /* most bytes first; the only one may be CAUSE_NOTHING_WRONG */
	VEC(struct ruled_out) not_causes;
	enum framework framework;
	struct {
		bool used;
		double seconds; /* since then; 0: not known */
	} since;                /* an earlier look that it was compared with */
	struct fork_copies fork;
	struct huge_zeros huge;
};

void verdict_fini(struct verdict *verdict);

struct snapshot;
struct difference;

/*
 * From what the snapshot holds: ledger, malloc, purse, pymalloc, and where filled census, holders, pins, and what its verdict
 * holds of a fork's copies and of huge pages. The order of causes does not depend on how many there are; their bytes add up to no more than
 * is resident, swapped_out aside. While holders are not filled nothing is said of memory in use: then there may be no cause
 * at all. ERROR_RESOURCE.
 */
struct error *verdict_make(const struct snapshot *snapshot, struct verdict *ret) MUST_CHECK;

/* The same, with what grew since an earlier look: growth is then measured, and decides. Where nothing grew by what is worth a
 * word, what is in use is judged as of one look. NULL: as verdict_make. */
struct error *verdict_make_since(const struct snapshot *snapshot, const struct difference *since,
				 struct verdict *ret) MUST_CHECK;

#endif
