/*
 * child: a short-lived process that does one dangerous piece of reading and
 * leaves nothing behind but the bytes it wrote.
 */
#ifndef SYMBOLS_CHILD_H
#define SYMBOLS_CHILD_H

#include "base/error.h"

#include <stddef.h>

/* The work: writes its answer to `out`. */
typedef void child_work_fn(void *context, int out);

enum child_end {
	CHILD_DONE,    /* it left by itself */
	CHILD_CRASHED, /* a signal, or a status that is not 0 */
	CHILD_HUNG,    /* the deadline passed and it was killed */
	CHILD_FLOOD,   /* it wrote more than size_max and was killed */
};

struct child_answer {
	char *data; /* owned */
	size_t size;
	enum child_end end;
	int signal; /* that ended it; 0: none or unknown */
};

/*
 * Forks, runs `work` inside the sandbox (sandbox.h) with only the descriptors in `keep` left open,
 * gathers what it writes, at most size_max bytes and deadline_ms milliseconds, and reaps it. No
 * process, no descriptor and no signal disposition is left changed. To be called while there is one thread.
 * ERROR_RESOURCE: no process, pipe or memory. */
struct error *child_run(child_work_fn *work, void *context, const int *keep, size_t n_keep,
			size_t size_max, int deadline_ms, struct child_answer *ret) MUST_CHECK;
void child_answer_fini(struct child_answer *answer);

#endif
