/*
 * json: answers for scripts. Keys and meanings are a contract: docs/arenascope.schema.json.
 *
 * Unknown is null, never a made-up 0; addresses are strings; text of the target is
 * valid UTF-8 with the rest escaped as \xNN. Each object ends with a newline.
 */
#ifndef UI_JSON_H
#define UI_JSON_H

#include "base/error.h"
#include "base/text.h"
#include "inspector/inspector.h"
#include "inspector/mappings.h"
#include "inspector/verdict/difference.h"
#include "ui/verbs.h"

#include <stdint.h>

struct json_request {
	const char *verb; /* NULL: not known (a usage error) */
	uint64_t elapsed_ms;
	uint64_t limit;                 /* arenas, and details of a ledger's line, listed; 0: all */
	bool contents;                  /* tell the command line's arguments */
	const struct difference *since; /* to a baseline; NULL: there is none */
	const char *since_name;         /* what the person calls that */
};

/* What a verb tells of a snapshot: `dump` and `top` everything, `stats` all of pymalloc but the arenas
 * one by one, `map` the interpreters, `ledger` and `malloc` their parts. ERROR_RESOURCE only, as for
 * all of these. */
struct error *json_snapshot(struct text *text, const struct snapshot *snapshot, enum verb verb,
			    const struct json_request *request) MUST_CHECK;

/* One object of it. */
struct error *json_object_answer(struct text *text, const struct snapshot *snapshot,
				 const struct inspector_object *object,
				 const struct json_request *request) MUST_CHECK;

/* What was saved, where to (NULL: standard output), and what the look that was saved with it found of
 * the target. */
struct error *json_saved(struct text *text, const char *path, const struct inspector_saved *saved,
			 bool redacted, const struct json_request *request) MUST_CHECK;

/* The ledger by kinds of mappings, and why there is no other; `exit` is the exit status. */
struct error *json_mappings(struct text *text, const struct mappings *mappings,
			    const struct error *failure, int exit,
			    const struct json_request *request) MUST_CHECK;

/* One object for each process of the listing. */
struct error *json_listing(struct text *text, const struct listing *listing,
			   const struct json_request *request) MUST_CHECK;

/* What `doctor` found; `plan`: what it would do. */
struct error *json_findings(struct text *text, const struct findings *findings, pid_t pid,
			    bool plan, const struct json_request *request) MUST_CHECK;

/* The object that stands for an answer that failed; `exit` is the exit status. */
struct error *json_failure(struct text *text, const struct error *failure, int exit,
			   const struct json_request *request) MUST_CHECK;

#endif
