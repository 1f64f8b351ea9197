/*
 * budget: how much memory of our own a look may take.
 *
 * A look into a container's process may be made from inside that container, where our
 * memory is taken from its limit: who allocates there what is left kills what he looks at.
 */
#ifndef INSPECTOR_BUDGET_H
#define INSPECTOR_BUDGET_H

#include "inspector/inspector.h"

/* With less a look is not even begun: libraries, readers and answer take that much. */
#define BUDGET_LEAST (2 * MIB)

/* With less a second reader's buffers are saved. */
#define BUDGET_COMFORT (16 * MIB)

/* Bytes: --max-memory, else half of what the machine has left, of what any memory cgroup has
 * left that holds both of us, and of our own limit (RLIMIT_AS). Never 0, which to others means: no limit. */
uint64_t budget_of(const struct inspector_request *request);

/* ERROR_RESOURCE when there is not even room to begin. */
struct error *budget_check(uint64_t budget) MUST_CHECK;

#endif
