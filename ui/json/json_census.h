/*
 * json_census: what is in the heap and who holds it, as docs/arenascope.schema.json has it.
 */
#ifndef UI_JSON_CENSUS_H
#define UI_JSON_CENSUS_H

#include "inspector/inspector.h"

#include <jansson.h>

/* Null for what was not looked at. limit: entries of each list; 0: all. */
json_t *json_census_of(const struct census *census, uint64_t limit);
json_t *json_census_types(const struct census *census, uint64_t limit);

/* One object; what it is held by is null where nothing was found. */
json_t *json_object_of(const struct inspector_object *object);

#endif
