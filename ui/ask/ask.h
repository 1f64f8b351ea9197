/*
 * ask: one verb, from options to an answer: the way through the inspector's front
 * door and back.
 */
#ifndef UI_ASK_H
#define UI_ASK_H

#include "base/error.h"
#include "base/text.h"
#include "ui/options.h"
#include "ui/text/style.h"

#include <sys/types.h>
#include <time.h>

struct answer {
	struct text text;  /* for standard output, or the file of --output */
	struct text notes; /* for standard error: pauses, doubts, matches of a name */
	bool partial;      /* exit status 7 */
	bool condition;    /* what was asked for is met: exit status 1 */
	pid_t pid;         /* the target's, once known; 0: none */
};

#define ANSWER_EMPTY ((struct answer){.text = TEXT_EMPTY, .notes = TEXT_EMPTY})

/*
 * Answers what the options ask; `start` is when the program began (CLOCK_MONOTONIC). What was
 * found before a failure stays in *answer, which is to be answer_fini()d in every case. The verbs
 * that repeat write to standard output by themselves.
 */
struct error *ask(const struct options *options, const struct style *style, struct timespec start,
		  struct answer *answer) MUST_CHECK;

/* The object that stands for the failure of a verb with --json. */
struct error *ask_failure(const struct options *options, const struct error *failure, int exit,
			  struct text *ret) MUST_CHECK;

void answer_fini(struct answer *answer);

#endif
