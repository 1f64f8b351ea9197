/*
 * motion: what is still nobody's because its owner came or went while it was copied.
 */
#ifndef INSPECTOR_CENSUS_MOTION_H
#define INSPECTOR_CENSUS_MOTION_H

#include "inspector/census/passes/search.h"

/*
 * Labels such blocks: what a dead object points to is its; keys of dicts are known by themselves; what has changed since
 * was in motion, whoever's it was. Of memory of one moment nothing is. False: ended, or memory was out.
 */
bool motion_settle(struct crew *crew, struct search *search);

#endif
