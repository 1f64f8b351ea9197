/*
 * sum: 64 bits over any bytes, by which is told that they are damaged, or have changed.
 */
#ifndef BASE_SUM_H
#define BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

/* Every single flipped bit changes it; it is not against malice. Snapshot files hold it: docs/snapshot-format.md tells how it is made. */
uint64_t sum_of(const void *data, size_t size);

#endif
