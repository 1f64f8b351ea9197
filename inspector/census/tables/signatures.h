/*
 * signatures: dicts by their keys: what a heap full of records is made of.
 */
#ifndef INSPECTOR_CENSUS_SIGNATURES_H
#define INSPECTOR_CENSUS_SIGNATURES_H

#include "inspector/census/ground.h"

/* Fills census.signatures. Keys that are no attributes are told with contents only. ERROR_RESOURCE. */
struct error *signatures_fill(struct ground *ground, bool contents, struct census *ret) MUST_CHECK;

#endif
