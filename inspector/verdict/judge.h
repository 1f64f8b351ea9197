/*
 * judge: what the parts of a verdict share while it is made.
 *
 *	leaf    [ pymalloc.free_pools ▒▒▒▒▒▒▒▒▒▒▒▒░░░░ ]        ▒ taken by a cause   ░ left
 *	        [ malloc.free_trimmable ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ ]
 *
 * No byte is told twice: each cause takes its bytes out of the ledger's leaves, and only finds what those before it have
 * left. So the causes' bytes can never add up to more than is resident.
 */
#ifndef INSPECTOR_VERDICT_JUDGE_H
#define INSPECTOR_VERDICT_JUDGE_H

#include "inspector/snapshot.h"
#include "inspector/verdict/difference.h"
#include "inspector/verdict/verdict.h"

/* Nothing is a cause below so many bytes, and below so small a share of what is resident. A process of 15 MiB that has just
 * started keeps 1 to 2 MiB free in its allocators; that is how they work, and no finding. */
#define JUDGE_LEAST_BYTES    (4 * MIB)
#define JUDGE_LEAST_PERMILLE 40

/* Memory in use is only a finding when there is much of it. */
#define JUDGE_LEAST_LIVE   (16 * MIB)
#define JUDGE_NATIVE_SHARE 200  /* permille of private memory, for native code's */
#define JUDGE_HOLDER_SHARE 500  /* and for what one root keeps, or few together */
#define JUDGE_HOLDER_EACH  200  /* of these, each */
#define JUDGE_HOLDER_COUNT 1000 /* objects, at least: fewer are data, not growth */
#define JUDGE_SPARSE_BELOW 0.25 /* share of use below which an arena is sparse */

struct judge {
	const struct snapshot *s;
	const struct difference *since; /* NULL: one look is all there is */
	struct verdict *verdict;
	uint64_t left[LEAF_COUNT]; /* bytes that no cause has taken */
	uint64_t rss;              /* bytes; in a core, of what private memory is mapped */
	uint64_t private;          /* of those, neither of files nor shared */
	bool grew;                 /* since then some root did, by what is worth a word */
	bool failed;               /* out of memory */
};

/* Bytes that a cause would take. */
struct portion {
	uint64_t of[LEAF_COUNT], sum;
};

/* Adds up to `bytes` of what is left of a leaf; returns how much that was. */
uint64_t portion_add(const struct judge *j, struct portion *portion, enum leaf leaf,
		     uint64_t bytes);

/* bytes * part / whole, to the byte; part is held at whole. 0 of nothing. */
uint64_t judge_share(uint64_t bytes, uint64_t part, uint64_t whole);

/* By how much the process grew since the earlier look: what is in RAM, or what is in use, whichever is more. 0: not, or there is
 * none. */
uint64_t judge_growth(const struct judge *j);

/* Whether so many bytes are worth a word. */
bool judge_counts(const struct judge *j, uint64_t bytes);

/* A cause that takes the portion, with the evidence still to come; NULL where it is too small to be one, or memory is
 * out. Its bytes and its symptom are the portion's sum. The pointer is good until the next cause. */
struct cause *judge_cause(struct judge *j, enum cause_kind kind, const struct portion *portion);

/* The same, of what explains more bytes than would come back: those decide whether it is worth a word. */
struct cause *judge_symptom(struct judge *j, enum cause_kind kind, const struct portion *portion,
			    uint64_t symptom);

/* Evidence; more than EVIDENCE_MAX is left out. Names are static; text is copied, NULL is left out. */
void judge_count(struct cause *cause, const char *name, uint64_t count);
void judge_bytes(struct cause *cause, const char *name, uint64_t bytes);
void judge_permille(struct cause *cause, const char *name, uint64_t part, uint64_t whole);
void judge_text(struct judge *j, struct cause *cause, const char *name, const char *text);

/* Whether the verdict has a cause of that kind. */
bool judge_has(const struct judge *j, enum cause_kind kind);

/* What one leaf holds: resident bytes, or in a core what is mapped. */
uint64_t judge_leaf(const struct judge *j, enum leaf leaf);

/* ---- the parts, in the order in which they take ------------------------------------------------ */

/* Arenas of pymalloc that are kept, then what mimalloc keeps: judge_arenas.c. */
void judge_pymalloc(struct judge *j);
void judge_mimalloc(struct judge *j);

/* Freed, and kept by the C library: judge_malloc.c. */
void judge_malloc(struct judge *j);

/* What lies in no heap, and a fork's copies: judge_mappings.c. */
void judge_mappings(struct judge *j);

/* Garbage that gc.freeze() has put aside: before pymalloc's arenas where it keeps much of these, else with the other garbage. */
void judge_frozen(struct judge *j);

/* Garbage, leaked references and lost chunks; then what is in use, and much: judge_live.c. */
void judge_unreached(struct judge *j);
void judge_live(struct judge *j);

/* What has a remedy of its own and most of a root, or of what pins, hangs on, as evidence: tracebacks ("traceback_bytes"), and
 * functools' caches that drop nothing ("endless_cache_bytes"): judge_ways.c. */
void judge_ways(struct cause *cause, const struct holder_root *root);
void judge_ways_of_pin(struct cause *cause, const struct pin_root *root);

/* functools' caches drop nothing where they were told so (maxsize=None); only those that do keep their entries in a list. */
bool judge_drops_entries(const struct holder_root *root);

/* Theories that the figures rule out: theories.c. */
void judge_theories(struct judge *j);

/* The framework that the target's command line names: framework.c. */
enum framework framework_of(const struct snapshot_target *target);

#endif
