/*
 * json_why: why memory is not given back, and what grew, as docs/arenascope.schema.json has it.
 */
#ifndef UI_JSON_WHY_H
#define UI_JSON_WHY_H

#include "inspector/snapshot.h"
#include "inspector/verdict/difference.h"
#include "ui/json/json.h"

#include <jansson.h>

/* Null where no verdict was asked for. The request's limit: pins and holders; 0: all. */
json_t *json_why_of(const struct snapshot *snapshot, const struct json_request *request);

/* limit: rows of each part; 0: all. */
json_t *json_difference_of(const struct difference *difference, uint64_t limit);

#endif
