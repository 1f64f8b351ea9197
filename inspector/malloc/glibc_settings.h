/*
 * glibc_settings: what mp_ says that malloc does, beside what its environment asked for.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_SETTINGS_H
#define INSPECTOR_MALLOC_GLIBC_SETTINGS_H

#include "inspector/malloc/glibc_place.h"
#include "inspector/malloc/malloc_account.h"
#include "inspector/target/process/environment.h"

/*
 * Fills *ret, whose list of ineffective variables is the caller's. environment: what the process was started with, and has now;
 * n_processors: that it may run on, 0: not known. place->par must be known. ERROR_RESOURCE.
 */
struct error *glibc_settings_read(const struct glibc_place *place,
				  const struct environment *environment, uint64_t n_processors,
				  struct malloc_settings *ret) MUST_CHECK;

#endif
