/*
 * glibc_environ: the environment as it is now, in libc's own memory: what a program set after its start is there.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_ENVIRON_H
#define INSPECTOR_MALLOC_GLIBC_ENVIRON_H

#include "inspector/malloc/glibc_place.h"
#include "inspector/target/process/environment.h"

/*
 * Adds to *ret the variables that an allocator may heed, as the list of place->library has them now. What cannot be read is
 * left out, and no error; nothing is brought back from swap. While a snapshot is made nothing is heard of the others, nor of
 * values that are no numbers. ERROR_RESOURCE.
 */
struct error *glibc_environ_read(struct space *space, const struct glibc_place *place,
				 struct environment *ret) MUST_CHECK;

#endif
