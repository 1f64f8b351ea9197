/*
 * verbs: what can be asked, in words: names, help, worked examples.
 */
#ifndef UI_VERBS_H
#define UI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

enum verb {
	VERB_PS,
	VERB_TOP,
	VERB_DUMP,
	VERB_WHY,
	VERB_LEDGER,
	VERB_TYPES,
	VERB_OBJECT,
	VERB_MALLOC,
	VERB_STATS,
	VERB_MAP,
	VERB_DIFF,
	VERB_SNAPSHOT,
	VERB_DOCTOR,
	VERB_COUNT
};

struct verb_words {
	const char *name;
	const char *alias;   /* another name that is taken; NULL: none */
	const char *args;    /* as usage shows them: "TARGET" */
	const char *summary; /* one line of the list of verbs */
	const char *about;   /* help before the options */
	const char *example; /* help after the options: a worked example */
	const char *sort;    /* keys of --sort, separated by spaces, the default first; "" none */
	bool takes_target;
	const char *second; /* what stands behind the target: "ADDRESS"; NULL: nothing does */
};

/* A verb's words; static. */
const struct verb_words *verb_words(enum verb verb);

/* The verb of that name, else, with `prefixes`, the only one that begins so; false where none is. */
bool verb_find(const char *word, bool prefixes, enum verb *ret);

/* Whether a later version will know this verb: no process is looked up by such a name. */
bool verb_is_reserved(const char *word);

/* "ps, top, dump, ...": for messages. Static string. */
const char *verb_list(void);

#endif
