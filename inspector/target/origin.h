/*
 * origin: what a target is read from: a running process, or a file that holds one.
 *
 * Everything above asks the origin and never learns which it is, but for what only
 * a running process has: it can end, be stopped, and change.
 */
#ifndef INSPECTOR_TARGET_ORIGIN_H
#define INSPECTOR_TARGET_ORIGIN_H

#include "base/error.h"
#include "inspector/target/account.h"
#include "inspector/target/facts.h"
#include "inspector/target/space.h"
#include "inspector/target/threads.h"
#include "symbols/elf/elf_variables.h"

struct process;

enum origin_kind { ORIGIN_LIVE, ORIGIN_CORE, ORIGIN_SAVEFILE };

/* Shown a candidate for a mapped file, named for a person ("/proc/7/root/usr/bin/x"; foreign
 * text): whether it is the right one. */
typedef bool origin_accept_fn(void *context, int fd, const char *candidate);

struct origin_ops {
	struct error *(*space)(void *source, struct space *ret);
	struct error *(*facts)(void *source, struct facts *ret);
	struct error *(*open_file)(void *source, const struct region *region,
				   origin_accept_fn *accept, void *context, int *ret);
	/* NULL: the files behind its regions tell. */
	struct error *(*variables)(void *source, raddr start, struct elf_variables *ret);
	/* NULL: it does not tell. */
	struct error *(*threads)(void *source, struct space *space, struct threads *ret);
	/* NULL: nobody counted. */
	struct error *(*account)(void *source, bool with_smaps, struct account *ret);
	int (*root)(void *source); /* NULL: there is none */
	void (*close)(void *source);
};

struct origin {
	enum origin_kind kind;
	const struct origin_ops *ops;
	void *source; /* owned; a struct process, core, savefile */
};

#define ORIGIN_EMPTY ((struct origin){0})

/* Its memory: regions and source. The origin must outlive the space. */
struct error *origin_space(const struct origin *origin, struct space *ret) MUST_CHECK;

/* Reads the regions anew: those of a running process come and go. */
struct error *origin_refresh(const struct origin *origin, struct space *space) MUST_CHECK;

/* What is known beside the memory. The caller's to facts_fini(). ERROR_GONE. */
struct error *origin_facts(const struct origin *origin, struct facts *ret) MUST_CHECK;

/* Its threads, as far as it tells: none where it does not. space: its memory. The caller's to
 * threads_fini(), also on failure. ERROR_GONE. */
struct error *origin_threads(const struct origin *origin, struct space *space,
			     struct threads *ret) MUST_CHECK;

/* What the kernel counts of its memory; with_smaps: also what only smaps tells, which the caller has
 * found harmless (smaps.h). Of a file: as it was when it was made. The caller's to account_fini(). ERROR_GONE. */
struct error *origin_account(const struct origin *origin, bool with_smaps,
			     struct account *ret) MUST_CHECK;

/*
 * Opens the file behind a mapped region: each candidate is handed to `accept`. *ret is the accepted
 * descriptor, read-only and the caller's, or -1 when there was none.
 */
struct error *origin_open_file(const struct origin *origin, const struct region *region,
			       origin_accept_fn *accept, void *context, int *ret) MUST_CHECK;

/* Descriptor of the root directory below which the target's files lie, or -1; borrowed. */
int origin_root(const struct origin *origin);

/* The running process, or NULL for a file; borrowed. */
struct process *origin_process(const struct origin *origin);

/* Whether it is still what was opened; a file always is. */
bool origin_alive(const struct origin *origin);

/* NULL while it is, else ERROR_GONE: for after a look, and after a failed read. */
struct error *origin_check(const struct origin *origin) MUST_CHECK;

void origin_close(struct origin *origin); /* it is empty afterwards; takes an empty one */

#endif
