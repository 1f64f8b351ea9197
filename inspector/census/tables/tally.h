/*
 * tally: labels, counted.
 */
#ifndef INSPECTOR_CENSUS_TALLY_H
#define INSPECTOR_CENSUS_TALLY_H

#include "inspector/census/ground.h"

/* Fills sums, types and buffer kinds of a census. ERROR_RESOURCE. */
struct error *tally_fill(const struct ground *ground, struct census *ret) MUST_CHECK;

#endif
