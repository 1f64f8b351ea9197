/*
 * arrays: by what they hold and how they are shaped.
 */
#ifndef INSPECTOR_CENSUS_ARRAYS_H
#define INSPECTOR_CENSUS_ARRAYS_H

#include "inspector/census/ground.h"

/* Fills census.arrays: array.array, ndarrays of numpy, DataFrames and Series of pandas, tensors of torch; subclasses too.
 * ERROR_RESOURCE. */
struct error *arrays_fill(struct ground *ground, struct census *ret) MUST_CHECK;

#endif
