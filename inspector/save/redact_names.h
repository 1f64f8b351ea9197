/*
 * redact_names: strings that name something, kept in spite of being strings.
 *
 *	redact_plan     meets what gives names: types, modules, functions, code, dicts of instances
 *	redact_names    notes it, and reads each name once
 *	redact_owners   decides which of its strings are names
 *
 * Their characters go into the log, over pages in which all strings are blanked.
 */
#ifndef INSPECTOR_SAVE_REDACT_NAMES_H
#define INSPECTOR_SAVE_REDACT_NAMES_H

#include "inspector/census/passes/word_set.h"
#include "inspector/object/type_table.h"
#include "inspector/save/redact_ground.h"
#include "inspector/save/save_log.h"

struct redact_names {
	struct space *space;     /* borrowed, as grounds and log */
	struct grounds *grounds; /* what is kept as a whole needs no second copy */
	struct save_log *log;
	struct burst *burst;
	const struct shapes *shapes; /* borrowed */
	struct type_table types;
	VEC(uint64_t) noted;    /* objects, and dicts of instances: those with the lowest bit set */
	size_t room;            /* how many are noted before they are gone through */
	struct word_set known;  /* strings that are kept */
	struct word_set tables; /* keys that instances share, and were gone through */
	bool failed;            /* out of memory: something is missing */

	raddr base;            /* of the window that is being blanked */
	const uint8_t *window; /* its SAVEFILE_WINDOW bytes; NULL: none is */
};

struct redact_names_request {
	struct space *space;
	struct grounds *grounds;
	struct save_log *log;
	const struct shapes *shapes;
};

/* All of the request is borrowed. ERROR_RESOURCE. On failure it may be finished, too. */
struct error *redact_names_init(const struct redact_names_request *request,
				struct redact_names *ret) MUST_CHECK;
void redact_names_fini(struct redact_names *names);

/* An object that was met: a type, module, function, code, 2.7's old class or instance, or one whose dict stands at its end. */
void redact_names_note(struct redact_names *names, raddr object);

/* The dict of an instance that was met. Most have no name that is not known, and lie in the same window: those are not noted. */
void redact_names_note_dict(struct redact_names *names, raddr dict);

/* What is being blanked: borrowed until the next one. */
void redact_names_see(struct redact_names *names, raddr base, const uint8_t *window);

/* Reads the names of all that was noted since, and adds them to the log. Out of memory: `failed`. */
void redact_names_log(struct redact_names *names);

/* ---- between redact_names.c and redact_owners.c ---------------------------------------------- */

/* Keeps the str to which the word at `place` points, if both are the same still after it was read, and it is not too long for
 * a name. */
void redact_names_add(struct redact_names *names, raddr place, bool interned_only);

/* Keeps bytes as they are now, while the word at `place` is `word` still; at most NAME_SIZE_MAX. */
void redact_names_copy(struct redact_names *names, raddr at, size_t size, raddr place,
		       uint64_t word);

/* Adds the names that an object gives. */
void redact_owners_add(struct redact_names *names, raddr object);

/* The same of an instance's dict. */
void redact_owners_add_dict(struct redact_names *names, raddr dict);

#define NAME_SIZE_MAX 1024 /* bytes; what is longer is no name */

#endif
