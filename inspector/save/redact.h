/*
 * redact: blanks what a process's memory says, and keeps how it is built.
 *
 * Kept are addresses, headers of the allocators, sizes and counts of objects, types, and the names that a program's
 * author gave.
 * Blanked are the payloads of strings, bytes, numbers and buffers, and whatever is not known to be
 * one of the first: a word of an unknown structure is kept only where it is the address of something
 * mapped.
 */
#ifndef INSPECTOR_SAVE_REDACT_H
#define INSPECTOR_SAVE_REDACT_H

#include "inspector/save/redact_plan.h"

struct redactor;

struct redactor_request {
	struct space *space; /* borrowed, as all here */
	const struct layout *layout;
	const struct elf_image *image; /* of the interpreter's module */
	const struct pymalloc_saved_arenas *arenas;
	const struct mimalloc_image
		*mimalloc;    /* as a look found it; NULL: the process does not use it */
	struct save_log *log; /* gets the types that are met, and their names */
	uint32_t version_hex;
	bool debug_hooks, free_threaded;
};

/* ERROR_RESOURCE. */
struct error *redactor_new(const struct redactor_request *request,
			   struct redactor **ret) MUST_CHECK;
void redactor_free(struct redactor *redactor); /* takes NULL */

/*
 * One window of SAVEFILE_WINDOW bytes at `base`; pages that are not there are zeros. What is kept is
 * copied from `in` to `out`, which is zeroed before. Windows come in ascending order: a block may
 * begin in one and end in another.
 */
struct error *redactor_blank(struct redactor *redactor, raddr base, const uint8_t *in,
			     uint8_t *out) MUST_CHECK;

/* Once all windows were blanked: adds the names that were met to the log. Reads memory. ERROR_RESOURCE. */
struct error *redactor_log_names(struct redactor *redactor) MUST_CHECK;

#endif
