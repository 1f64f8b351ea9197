/*
 * inspector: the front door. A target goes in, a snapshot comes out.
 *
 *	prepare	pin the process, find the interpreter, resolve its symbols: all slow work
 *	look	copy what the answer needs, live; check it; settle what disagrees
 *	think	walk the copy, make a snapshot
 */
#ifndef INSPECTOR_INSPECTOR_H
#define INSPECTOR_INSPECTOR_H

#include "base/error.h"
#include "inspector/snapshot.h"
#include "inspector/target/core/core.h"
#include "inspector/target/origin.h"

#include <sys/types.h>

enum look_mode {
	LOOK_NO_PAUSE, /* no ptrace call at all */
	LOOK_SETTLE,   /* live, then a short stop only for what still disagrees */
	LOOK_EXACT,    /* everything copied under one stop */
};

/* What a look is to find beside the small-object allocator. */
enum look_part {
	LOOK_MALLOC = 1, /* the C library's allocator, chunk by chunk */
	LOOK_LEDGER =
		2, /* every resident byte by cause; takes LOOK_MALLOC with it where that is glibc's */
	LOOK_CENSUS = 4,  /* what is in each block */
	LOOK_HOLDERS = 8, /* who holds it, and what pins arenas; takes LOOK_CENSUS with it */
	LOOK_VERDICT =
		16, /* why memory is not given back, from whatever else was asked for; takes LOOK_LEDGER with it */
	LOOK_FRAMES = 32, /* where the frames of Python lie; ledger and holders take it with them */
	LOOK_LENGTHS =
		64, /* how long free lists of objects are: always told, but only then is one that is not known a lack */
};

struct inspector_request {
	enum origin_kind kind;
	pid_t pid;        /* of a running process */
	const char *path; /* of a file */
	enum look_mode mode;
	unsigned parts;   /* an or of enum look_part */
	bool asked_exact; /* --exact was given: a stop that is impossible is ERROR_PERMISSION */
	uint64_t max_pause_us; /* all stops of one look together; 0: the mode's default */
	bool repeating;        /* looks follow each other: pools are refreshed in turns where a
	                            whole pass would cost too much of a core */
	const char *symbols;   /* --symbols FILE|DIR, or NULL */
	const char *module;    /* which of several runtimes: candidates.h; NULL: the one in use */
	bool no_cache;
	uint64_t max_memory; /* bytes of our own; 0: half of what is available */
	bool writes;         /* a file is written later: privilege.h */
	bool more;           /* another target is opened after this one: rights stay until then */
	bool traces;         /* one that was opened before is a running process: its right stays */
	bool contents;       /* what objects say may be told */
	/* Told now and then what a long look is doing, of 1000. False: end it there. May be NULL. */
	bool (*progress)(void *context, const char *step, unsigned done);
	void *progress_context;
	struct core_request core; /* of a core: where its files are, where it may be unpacked */
};

/* First of all: volunteers for the OOM killer (cgroup.h), and gives up what a privileged program must
 * not use for its user (privilege.h). */
struct error *inspector_enter(void) MUST_CHECK;

struct inspector;

/*
 * Pins the process and prepares everything. Forks (see python_build.h): call before any thread
 * exists. ERROR_PERMISSION, ERROR_GONE, ERROR_UNSUPPORTED (not CPython), ERROR_SYMBOLS.
 */
struct error *inspector_open(const struct inspector_request *request,
			     struct inspector **ret) MUST_CHECK;

/* One look. ERROR_GONE when the target ended, ERROR_RESOURCE when our memory budget is too small. */
struct error *inspector_look(struct inspector *inspector, struct snapshot **ret) MUST_CHECK;

/* What the looks from now on are to find: an or of enum look_part. */
void inspector_ask(struct inspector *inspector, unsigned parts);

/* The blocks of the pool that holds `address`, read now and live. ERROR_FAULT: no such pool any more. */
struct error *inspector_blocks(struct inspector *inspector, const struct snapshot *snapshot,
			       raddr address, struct pymalloc_blocks *ret) MUST_CHECK;

/* ---- object: one object of the last look that had LOOK_HOLDERS or LOOK_CENSUS ------------------ */

struct inspector_object {
	bool found; /* false: nothing in use is at that address, and `where` says what is there */
	raddr at;   /* of the object, or of the block */
	char *type; /* owned, foreign; NULL: a block that is no object */
	char *preview; /* owned, foreign */
	char *where; /* owned: "arena 12, pool 3, block 17 of 48 bytes", "chunk of malloc's", "static data of libfoo.so" */
	uint64_t size, with_buffers;
	uint64_t refcount;
	bool immortal, dead;
	bool is_static; /* it stands in the data of a file */
	bool deferred;  /* without the GIL: as struct object's */
	struct maybe found_references;
	raddr arena, pool; /* null: elsewhere */
	struct holder_referrers referrers;
	bool followed; /* whether who holds what was followed at all */
	struct holder_chain
		chain; /* empty links: nothing reaches it, or holders were not asked for */
};

/* About the object at an address as id() prints it, or any address inside its block. ERROR_USAGE: no look with a
 * census was taken yet. */
struct error *inspector_object(struct inspector *inspector, raddr at,
			       struct inspector_object *ret) MUST_CHECK;
void inspector_object_fini(struct inspector_object *object);

/* Whether the process is still the one that was opened; free of cost, for a dashboard's tick. */
bool inspector_alive(const struct inspector *inspector);

void inspector_close(struct inspector *inspector); /* takes NULL */

static inline void inspector_closep(struct inspector **inspector)
{
	inspector_close(*inspector);
}

/* ---- snapshot: a process as a file ---------------------------------------------------- */

struct inspector_save {
	int fd;           /* where the file is written: from where it stands, never read back */
	bool contents;    /* payloads of objects and the command line, too; else they are blanked */
	const char *tool; /* this program's version */
	/* Told before the first byte and now and then, in bytes of memory: how much is saved, and about
	 * how much there is; and about how large the file will be. False: end it. May be NULL. */
	bool (*progress)(void *context, uint64_t done, uint64_t total, uint64_t file);
	void *context;
};

struct inspector_saved {
	uint64_t memory_size;      /* bytes of memory that were saved */
	uint64_t file_size;        /* bytes that were written */
	uint64_t estimate;         /* what the file was thought to become */
	struct snapshot *snapshot; /* what the look that was saved found; the caller's */
};

/*
 * Saves the process as it is now, with a look of the request's mode. ERROR_RESOURCE: no room where
 * it is to go, or in our memory budget, or it could not be written; ERROR_USAGE: not a running
 * process; and all that a look fails with. What was written until then is of no use.
 */
struct error *inspector_save(struct inspector *inspector, const struct inspector_save *to,
			     struct inspector_saved *ret) MUST_CHECK;

/* ---- doctor: what was found and how -------------------------------------------------- */

enum finding_kind { FINDING_OK, FINDING_NOTE, FINDING_MISSING };

struct finding {
	const char *topic; /* static: "process", "module", "symbols", "layout", "attach", … */
	char *text;        /* one line, foreign text already escaped */
	enum finding_kind kind;
};

struct findings {
	pid_t pid; /* of the target; 0: not known */
	VEC(struct finding) list;
};

/* Adds a finding; its text is formatted, foreign parts already escaped. Out of memory: left out. */
void findings_add(struct findings *f, const char *topic, enum finding_kind kind, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
void findings_fini(struct findings *f);

/* Everything that was found, assumed, refused, and what would help. Fills as far as it comes: the
 * error says where it ended, and *ret is to be freed in every case. */
struct error *inspector_doctor(const struct inspector_request *request,
			       struct findings *ret) MUST_CHECK;

/* What a look would do, without touching the target's memory: only /proc files that all may read
 * and the ELF files on disk. */
struct error *inspector_plan(const struct inspector_request *request,
			     struct findings *ret) MUST_CHECK;

/* ---- ps: which CPython processes are there ------------------------------------------ */

struct listing_entry {
	pid_t pid;
	uid_t uid;
	char *command; /* short label without arguments that may be secret; foreign, unescaped */
	char *names
		[3]; /* what a name may match: comm, argv[0]'s base name, script or module; or NULL */
	char version[32]; /* "" unknown */
	bool debug_build, free_threaded;
	enum allocator allocator; /* UNKNOWN unless cheaply known */
	uint64_t rss;
	struct maybe arenas;   /* known only with a cached layout */
	struct error *refused; /* why it cannot be attached to, or NULL */
};

struct listing {
	VEC(struct listing_entry) entries; /* ascending pid */
	VEC(pid_t) unseen;                 /* ascending: could not be looked into, Python or not */
};

/* Fills *ret, the caller's to free also on failure. Looks at every process, stops none. */
struct error *inspector_list(bool no_cache, struct listing *ret) MUST_CHECK;
void listing_fini(struct listing *l);

#endif
