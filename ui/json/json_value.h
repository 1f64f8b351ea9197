/*
 * json_value: jansson's values from ours, unknowns as null.
 *
 * A shortage of memory shows once, at the end: a missing value makes the whole
 * object NULL, because setting NULL drops what it was to be set in.
 */
#ifndef UI_JSON_VALUE_H
#define UI_JSON_VALUE_H

#include "base/error.h"
#include "base/raddr.h"
#include "base/text.h"
#include "inspector/heap/pymalloc.h"

#include <jansson.h>
#include <time.h>

/* Sets a key and takes the value over. A NULL value, or no memory: *object is dropped and NULL. */
void json_value_set(json_t **object, const char *key, json_t *value);

/* The same for the end of an array. */
void json_value_append(json_t **array, json_t *value);

json_t *json_value_count(uint64_t count);        /* held at 2^63 - 1 */
json_t *json_value_maybe(struct maybe figure);   /* null unless known */
json_t *json_value_address(raddr address);       /* "0x7f…" */
json_t *json_value_text(const char *string);     /* foreign: escaped; NULL gives null */
json_t *json_value_quote(const char *string);    /* ours, may quote foreign text; NULL gives null */
json_t *json_value_time(struct timespec moment); /* ISO 8601 UTC with ms; null for 0 */

/* Appends the object and a newline and drops it. ERROR_RESOURCE: it is NULL, or no memory. */
struct error *json_value_write(struct text *text, json_t *object) MUST_CHECK;

#endif
