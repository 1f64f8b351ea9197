/*
 * target: from what the person typed to one process, or to one file.
 */
#ifndef UI_TARGET_H
#define UI_TARGET_H

#include "base/error.h"
#include "inspector/inspector.h"
#include "ui/options.h"

#include <sys/types.h>

struct target {
	enum origin_kind kind;
	pid_t pid;        /* of a running process */
	const char *path; /* of a file; borrowed from the command line */
};

/* Whether a word is a PID: digits only. */
bool target_is_pid(const char *word);

/*
 * What the command line means: --pid, --core, --read, or a TARGET word: digits; else a core or
 * snapshot file; else a name. ERROR_USAGE when no process has the name, or several: then
 * *ret_matches holds them for printing, and is to be listing_fini()d; and where options are given
 * that this kind of target has no use for. ERROR_BAD_FILE: a path to something else.
 */
struct error *target_find(const struct options *options, struct target *ret,
			  struct listing *ret_matches) MUST_CHECK;

/* Whether a file's first bytes are those of a core (also compressed) or of a snapshot, and which. */
bool target_sniff(const uint8_t *head, size_t size, enum origin_kind *ret);

/* The most that target_sniff() looks at. */
#define TARGET_HEAD 18

/* A PID as typed. ERROR_USAGE: 0; ERROR_GONE: a number that no process can have. */
struct error *target_pid(const char *word, pid_t *ret) MUST_CHECK;

/* Leaves only the entries that have this name; the others are freed. */
void target_filter(struct listing *listing, const char *name);

#endif
