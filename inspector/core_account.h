/*
 * core_account: what a core is and lacks, as doubts, findings and errors. Nothing of it for
 * other kinds of target.
 */
#ifndef INSPECTOR_CORE_ACCOUNT_H
#define INSPECTOR_CORE_ACCOUNT_H

#include "inspector/inspector.h"
#include "inspector/module.h"

/* Adds what a look at a core is to be doubted for. */
void core_account_doubts(const struct origin *origin, struct doubts *doubts);

/* Tells what kind of core it is, what was found in it and what is missing. */
struct error *core_account_tell(const struct origin *origin, struct findings *f) MUST_CHECK;

/* Where no interpreter was found in a core, says what was missing to see one; else err. Takes err
 * over; takes NULL. */
struct error *core_account_explain(const struct origin *origin, const struct module *module,
				   struct error *err) MUST_CHECK;

/* What stopped a look at a core: a file that is cut off is to blame for it, and so is one that lacks what
 * had to be read (ERROR_BAD_FILE). Takes err over; takes NULL. */
struct error *core_account_blame(const struct origin *origin, struct error *err) MUST_CHECK;

#endif
