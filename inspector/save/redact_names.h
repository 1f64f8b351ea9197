/*
 * redact_names: names that a program's author gave, which are no contents: of modules, their globals, classes, attributes,
 * functions and their variables.
 *
 *	code ─▷ co_name, co_varnames …   module ─▷ dict ─▷ keys   type ─▷ tp_dict ─▷ keys, shared keys, members
 *
 * Their characters go into the log, over the pages in which all strings are blanked.
 */
#ifndef INSPECTOR_SAVE_REDACT_NAMES_H
#define INSPECTOR_SAVE_REDACT_NAMES_H

#include "inspector/save/redact_types.h"
#include "symbols/layout.h"

struct redact_names {
	VEC(raddr) objects; /* code and modules that were met */
};

/* Notes one that has names. Out of memory: it is left out. */
void redact_names_note(struct redact_names *names, raddr object);

/* Reads the names of all that were noted, and of all types, and adds them to types' log. ERROR_RESOURCE. */
struct error *redact_names_log(const struct redact_names *names, struct redact_types *types,
			       const struct layout *layout) MUST_CHECK;

void redact_names_fini(struct redact_names *names);

#endif
