/*
 * json_malloc: the contract's object "malloc".
 */
#ifndef UI_JSON_MALLOC_H
#define UI_JSON_MALLOC_H

#include "inspector/snapshot.h"

#include <jansson.h>

/* null where it was not looked at. `limit`: arenas; 0: all. */
json_t *json_malloc_of(const struct malloc_account *account, uint64_t limit);

#endif
