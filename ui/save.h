/*
 * save: the file that a snapshot becomes: its name, its progress, its last line.
 */
#ifndef UI_SAVE_H
#define UI_SAVE_H

#include "inspector/inspector.h"
#include "ui/options.h"

struct saved {
	struct inspector_saved result;
	char *path; /* NULL: standard output */
};

void saved_fini(struct saved *saved);

/*
 * Saves the process into the file that --output names, with an estimate first and progress meanwhile
 * on standard error. ERROR_RESOURCE, then nothing is left of it; ERROR_USAGE: standard output is a
 * terminal, or wanted for JSON, too.
 */
struct error *save_process(struct inspector *inspector, const struct options *options, pid_t pid,
			   struct saved *ret) MUST_CHECK;

/* The line that says what came of it. */
void save_note(struct text *notes, const struct saved *saved, const struct options *options,
	       uint64_t elapsed_ms);

#endif
