/*
 * options_table: every option with its help, and the verbs it makes sense for.
 */
#ifndef UI_OPTIONS_TABLE_H
#define UI_OPTIONS_TABLE_H

#include "base/error.h"
#include "ui/verbs.h"

#include <argp.h>

enum option_key {
	OPTION_PID,
	OPTION_JSON,
	OPTION_OUTPUT,
	OPTION_LIMIT,
	OPTION_SORT,
	OPTION_COUNT,
	OPTION_INTERVAL,
	OPTION_UNITS,
	OPTION_COLOR,
	OPTION_ASCII,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_MAX_PAUSE,
	OPTION_NO_PAUSE,
	OPTION_EXACT,
	OPTION_MAX_MEMORY,
	OPTION_CONTENTS,
	OPTION_SYMBOLS,
	OPTION_MODULE,
	OPTION_NO_CACHE,
	OPTION_PLAN,
	OPTION_SINCE,
	OPTION_FAIL_ON,
	OPTION_CORE,
	OPTION_READ,
	OPTION_EXE,
	OPTION_SYSROOT,
	OPTION_TMP,
	OPTION_MAX_TMP,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_KEY_COUNT
};

#define OPTIONS_TABLE_ALL VERB_COUNT

/* Fills argp's list with the options of a verb (or of all), ended as argp wants it. */
void options_table_fill(struct argp_option list[OPTION_KEY_COUNT + 2], enum verb verb);

/* The option behind argp's key; false: none. */
bool options_table_key(int key, enum option_key *ret);

/* Whether the verb takes this option. */
bool options_table_fits(enum option_key key, enum verb verb);

/* "max-pause". Static string. */
const char *options_table_name(enum option_key key);

/* Whether it takes a value. */
bool options_table_takes_value(enum option_key key);

/* The help text of a verb, or with VERB_COUNT of the program. *ret is malloc'd. */
struct error *options_table_help(enum verb verb, char **ret) MUST_CHECK;

/* What --version prints. *ret is malloc'd. */
struct error *options_table_version(char **ret) MUST_CHECK;

#endif
