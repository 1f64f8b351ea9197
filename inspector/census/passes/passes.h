/*
 * passes: the steps from a plot to labels; ground.c takes them in this order.
 *
 *	recognise   what stands in each block?                     object, dead object, nothing known
 *	claim       what does each object own?                     typed buffers, "dict of X"
 *	attribute   whose are those of which nothing is known?     generic buffers; objects elsewhere
 *
 * Each returns false when it was ended, or memory was out: crew_failed().
 */
#ifndef INSPECTOR_CENSUS_PASSES_H
#define INSPECTOR_CENSUS_PASSES_H

#include "inspector/census/passes/crew.h"

/* Labels each block by what object stands in it. */
bool pass_recognise(struct crew *crew);

/* Labels the parts of objects, whatever was thought of them before: an owner knows what it points to. */
bool pass_claim(struct crew *crew);

/*
 * Labels what some object, buffer or (after all those) root points to and nothing else explains; and finds the objects
 * that lie outside of all blocks.
 */
bool pass_attribute(struct crew *crew);

#endif
