/*
 * snapshot: what one look found. Immutable and self-contained: it owns its
 * memory and knows nothing of the process any more. ui/ takes it as const.
 *
 * Units: bytes, unless a name says otherwise. Unknown is said, never made up.
 */
#ifndef INSPECTOR_SNAPSHOT_H
#define INSPECTOR_SNAPSHOT_H

#include "inspector/census/census.h"
#include "inspector/doubt.h"
#include "inspector/heap/pymalloc.h"
#include "inspector/holders/holders.h"
#include "inspector/ledger/ledger.h"
#include "inspector/ledger/purse.h"
#include "inspector/malloc/malloc_account.h"
#include "inspector/mimalloc/mimalloc.h"
#include "inspector/target/origin.h"
#include "inspector/verdict/pins.h"
#include "inspector/verdict/verdict.h"
#include "symbols/elf/elf_image.h"
#include "symbols/layout.h"

#include <sys/types.h>
#include <time.h>

enum allocator {
	ALLOCATOR_UNKNOWN,
	ALLOCATOR_PYMALLOC,
	ALLOCATOR_MALLOC,
	ALLOCATOR_MIMALLOC,
	ALLOCATOR_CUSTOM,
};

const char *allocator_name(enum allocator a); /* "pymalloc" */

/* What is known of a mapped Python runtime; the larger, the more likely it is the one in use. */
enum runtime_use { RUNTIME_IDLE, RUNTIME_USE_UNKNOWN, RUNTIME_INITIALISED };

const char *runtime_use_name(enum runtime_use use); /* "initialised" */

/* A mapped object that defines a Python runtime. */
struct snapshot_module {
	char *path; /* foreign text */
	raddr address;
	struct build_id build_id;
	enum runtime_use use;
	bool chosen; /* this answer is about it */
};

struct snapshot_target {
	enum origin_kind kind;
	pid_t pid; /* 0: a file does not say */
	uid_t uid;
	char *comm;          /* as /proc/PID/comm has it: foreign text */
	char *exe;           /* path, foreign text */
	VEC(char *) cmdline; /* shown only with --contents; empty: unknown */
	char *command; /* a short label without arguments that may be secret: "python3.11 app.py" */
	char version[32]; /* "3.11.2" */
	uint32_t version_hex;
	bool debug_build;
	bool free_threaded;
	enum allocator allocator; /* which serves object memory, seen through hooks */
	bool debug_hooks;
	bool shows_stats;        /* sys._debugmallocstats() would print the table in that process */
	VEC(const char *) hooks; /* static names: "tracemalloc", "unknown" */
	struct build_id build_id;
	char *module; /* path of the object that holds the interpreter: foreign text */
	VEC(struct snapshot_module) modules; /* all that could, ascending address; empty: unknown */
	struct timespec started_at;          /* real time */
	struct timespec taken_at;     /* of a file: when the process was copied; 0: not known */
	uint64_t n_threads;           /* 0: a file does not say */
	int signal;                   /* that ended it; 0: none, or not known */
	uint64_t rss, peak_rss, swap; /* from /proc/PID/status; smaps is never read; 0 in a core */
	uint64_t system_memory;       /* MemTotal of the machine */
	bool at_work;                 /* of a snapshot: its heap changed while it was saved */
};

struct snapshot_symbols {
	enum provenance layout, roots;
	char *debug_file; /* or NULL */
};

enum pause_mode { PAUSE_NONE, PAUSE_SETTLED, PAUSE_STOPPED, PAUSE_PARTIAL };

const char *pause_mode_name(enum pause_mode m); /* "none" */

struct snapshot_pause {
	enum pause_mode mode;
	uint64_t stops;
	uint64_t longest_us, total_us;
};

struct snapshot_free_list {
	char type
		[40]; /* as the interpreter prints it: "free PyDictObject", "free 1-sized PyTupleObject" */
	char name[16]; /* as JSON names it: "dict", "tuple[1]" */
	struct maybe count;
	uint64_t size; /* bytes of one; 0: not known */
};

struct snapshot_interpreter {
	int64_t id;
	bool shares_main; /* uses the main interpreter's arenas: pymalloc is then empty */
	bool readable;    /* false: it is there, but could not be read (a doubt says why) */
	struct pymalloc pymalloc;
	struct mimalloc mimalloc;
	VEC(struct snapshot_free_list) free_lists; /* in the order the interpreter prints them */
};

struct snapshot {
	struct snapshot_target target;
	struct snapshot_symbols symbols;
	struct snapshot_pause pause;
	struct doubts doubts;
	struct maybe allocated_blocks; /* sys.getallocatedblocks() */
	struct maybe serialno;         /* "times object malloc called"; kept by few builds */
	struct ledger ledger;
	struct purse purse;
	struct malloc_account malloc;
	struct census census;
	struct holders holders;
	struct pins pins;
	struct verdict verdict;
	VEC(struct snapshot_interpreter) interpreters; /* the main one first, then in order of id */
	uint64_t elapsed_us; /* this look, symbols included the first time */
};

/* An empty snapshot on the heap, or NULL. */
struct snapshot *snapshot_new(void);

/* Frees all of it; takes NULL. */
void snapshot_free(struct snapshot *s);

/* Guard. */
static inline void snapshot_fini(struct snapshot **s)
{
	snapshot_free(*s);
}

#endif
