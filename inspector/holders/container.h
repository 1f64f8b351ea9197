/*
 * container: the nearest object to what a root holds through which nearly all of it hangs, as a person who knows Python writes it.
 */
#ifndef INSPECTOR_HOLDERS_CONTAINER_H
#define INSPECTOR_HOLDERS_CONTAINER_H

#include "inspector/holders/chains.h"

/*
 * "app.STATE.cache", "app.TABLES[3]", with contents "app.STATE['cache']"; NULL: there is none nearer than the root, or no name leads
 * to it. Only of module globals, whose names are expressions. Owned, foreign. ERROR_RESOURCE.
 */
struct error *container_tell(const struct chains *chains, uint32_t root, bool contents,
			     char **ret) MUST_CHECK;

#endif
