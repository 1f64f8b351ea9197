/*
 * claim: an object's claims to what it owns.
 */
#ifndef INSPECTOR_CENSUS_CLAIM_H
#define INSPECTOR_CENSUS_CLAIM_H

#include "inspector/census/passes/crew.h"

/* Labels the parts of an object that has a label of the worker's, and where one of them is a dict of attributes, that
 * dict's, too. */
void claim_for(struct worker *worker, const struct object *object, uint16_t label);

#endif
