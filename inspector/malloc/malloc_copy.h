/*
 * malloc_copy: ranges of the target's memory, copied while it stands still, to be walked when it runs
 * again: a space of its own.
 */
#ifndef INSPECTOR_MALLOC_MALLOC_COPY_H
#define INSPECTOR_MALLOC_MALLOC_COPY_H

#include "inspector/target/space.h"

struct malloc_copy;

/* Room for so many bytes in so many ranges, faulted in. ERROR_RESOURCE. */
struct error *malloc_copy_new(uint64_t size, size_t n_ranges, struct malloc_copy **ret) MUST_CHECK;
void malloc_copy_free(struct malloc_copy *copy); /* takes NULL */

/* Plans what is present of [start, start + size) by `residency`; false: there is no room for it. */
bool malloc_copy_plan(struct malloc_copy *copy, const struct residency *residency, raddr start,
		      uint64_t size);

/* Copies all that was planned, as fast as it can be. What cannot be read is left out. ERROR_GONE. */
struct error *malloc_copy_fill(struct malloc_copy *copy, struct space *from) MUST_CHECK;

/* What was copied; borrowed. Nothing else can be read in it. ERROR_RESOURCE. */
struct error *malloc_copy_space(struct malloc_copy *copy, struct space **ret) MUST_CHECK;

#endif
