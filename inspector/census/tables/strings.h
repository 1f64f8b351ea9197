/*
 * strings: which are there more than once, and which are the largest. They are contents: never asked without leave.
 */
#ifndef INSPECTOR_CENSUS_STRINGS_H
#define INSPECTOR_CENSUS_STRINGS_H

#include "inspector/census/ground.h"

/* Fills census.duplicates and census.largest, of str (2.7: of str, which are bytes). ERROR_RESOURCE. */
struct error *strings_fill(struct ground *ground, struct census *ret) MUST_CHECK;

#endif
