/*
 * malloc_stranger: an allocator that is not glibc's, known by the objects that are mapped.
 */
#ifndef INSPECTOR_MALLOC_MALLOC_STRANGER_H
#define INSPECTOR_MALLOC_MALLOC_STRANGER_H

#include "inspector/malloc/malloc_account.h"
#include "inspector/target/space.h"

/* Exactly one such library, or musl; *ret_path, borrowed from the space: the object. Else
 * MALLOC_UNKNOWN and NULL. */
enum malloc_implementation malloc_stranger_find(const struct space *space, const char **ret_path);

#endif
