/*
 * options: what the person asked for, checked.
 */
#ifndef UI_OPTIONS_H
#define UI_OPTIONS_H

#include "base/error.h"
#include "base/text.h"
#include "ui/text/style.h"
#include "ui/verbs.h"

#include <stdint.h>

/* What of a difference ends with exit status 1. */
enum fail_on { FAIL_ON_NOTHING, FAIL_ON_RSS, FAIL_ON_LIVE, FAIL_ON_BLOCKS, FAIL_ON_ARENAS };

struct options {
	enum verb verb;
	const char *target; /* a TARGET word, NULL: none; borrowed from argv, as all strings here */
	const char *second; /* what stands behind it: verb_words.second; NULL: nothing */
	const char *pid;    /* --pid, checked to be digits, or NULL */
	const char *core;   /* --core, or NULL */
	const char *read;   /* --read: a snapshot, or NULL */

	bool json;
	const char *output; /* pattern, or NULL: standard output */
	uint64_t limit;     /* rows of a table; 0: the verb's default */
	const char *sort;   /* one of the verb's keys, or NULL: its first */
	uint64_t count;     /* looks of a repeating verb; 0: until told to end */
	double interval;    /* seconds */
	enum units units;
	enum style_color color;
	bool ascii;
	bool quiet;
	unsigned verbose;

	uint64_t max_pause_us; /* 0: the verb's default */
	bool no_pause, exact;
	uint64_t max_memory; /* bytes; 0: half of what is available */
	bool contents;
	const char *symbols;
	const char *module; /* number, path or name of one of several runtimes, or NULL */
	const char *exe,
		*sysroot; /* where the files of a core's process lie; NULL: where they lay */
	const char *tmp;  /* folder to unpack a core in; NULL: the default */
	uint64_t max_tmp; /* bytes of it; 0: the default */
	bool no_cache;
	bool plan;            /* doctor only */
	const char *since;    /* a snapshot or core to compare with, or NULL */
	enum fail_on fail_on; /* diff only */
	uint64_t fail_above;  /* bytes or a count */

	char *help; /* text to print instead of doing anything: --help, --version, help; owned */
};

/*
 * Reads the command line. `terminal`: the answer goes to a terminal, so that prefixes of verbs
 * count and a bare TARGET means `top`. *ret is to be options_fini()d. ERROR_USAGE.
 */
struct error *options_parse(int argc, char **argv, bool terminal, struct options *ret) MUST_CHECK;

void options_fini(struct options *options);

/* Whether --json stands in a command line that may not be readable otherwise. */
bool options_mention_json(int argc, char *const *argv);

#endif
