/*
 * json_ledger: the contract's objects "ledger" and "cgroup".
 */
#ifndef UI_JSON_LEDGER_H
#define UI_JSON_LEDGER_H

#include "inspector/snapshot.h"

#include <jansson.h>

/* Every leaf that has anything; null where it was not looked at. `limit`: details of a leaf; 0: all. */
json_t *json_ledger_of(const struct ledger *ledger, uint64_t limit);

/* null where the target lives in no memory cgroup, or that is not known. */
json_t *json_ledger_cgroup(const struct purse *purse);

#endif
