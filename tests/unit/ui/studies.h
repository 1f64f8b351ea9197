/*
 * studies: what a look into every block finds, made by hand, for the situations that people ask about.
 */
#ifndef TESTS_UNIT_UI_STUDIES_H
#define TESTS_UNIT_UI_STUDIES_H

#include "inspector/inspector.h"
#include "inspector/verdict/difference.h"

/* Sessions in a module's dict keep sparse arenas; another holder has a hostile name. The ledger is accounts_pinned()'s. */
void studies_pinned(struct snapshot *s);

/* Freed memory of malloc, some of it in arenas of threads; a thread pool. The ledger is accounts_glibc()'s. */
void studies_glibc(struct snapshot *s);

/* Cycles, leaked references and lost chunks; the collector is switched off. */
void studies_unheld(struct snapshot *s);

/* Cycles that gc.freeze() has put aside. */
void studies_frozen(struct snapshot *s);

/* All is well. */
void studies_well(struct snapshot *s);

/* Only what the first phase of `why` knows of the first of these. */
void studies_first(struct snapshot *s);

/* What grew, with a hostile name. */
void studies_difference(struct difference *d);

/* A Session of the first of these. */
void studies_object(struct inspector_object *object);

#endif
