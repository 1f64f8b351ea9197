/*
 * living: whose a buffer is by now, when its owner was born too late to be in the copy.
 */
#ifndef INSPECTOR_CENSUS_LIVING_H
#define INSPECTOR_CENSUS_LIVING_H

#include "inspector/census/passes/search.h"

/*
 * Goes through the target's memory as it is now, in windows, for words that point to blocks which nothing explains, and labels
 * those by the objects around such words. False: memory was out.
 */
bool living_claim(struct crew *crew, struct search *search);

#endif
