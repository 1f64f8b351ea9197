/*
 * glibc_window: a heap seen through a window that moves upwards.
 *
 * It reads only what is present. Where chunks are small it grows to a MiB; behind a chunk that is
 * larger than it, it begins anew with a page: of large chunks only headers are read.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_WINDOW_H
#define INSPECTOR_MALLOC_GLIBC_WINDOW_H

#include "inspector/target/space.h"

#define GLIBC_WINDOW_MAX (1 * MIB)

struct glibc_window {
	struct space *space;               /* borrowed */
	const struct residency *residency; /* borrowed; NULL: not known, everything may be read */
	uint8_t *bytes;                    /* GLIBC_WINDOW_MAX */
	uint64_t start, end;               /* addresses of what it holds */
	size_t step;                       /* bytes of the last reading */
	size_t near;                       /* in the residency */
};

struct error *glibc_window_init(struct glibc_window *window, struct space *space,
				const struct residency *residency) MUST_CHECK;
void glibc_window_fini(struct glibc_window *window);

/* Moves it so that it begins at `at` and reaches to `limit` at most. Pages that were never touched are
 * zeros. What cannot be read ends it: then it may hold less than asked for, or nothing. ERROR_GONE. */
struct error *glibc_window_move(struct glibc_window *window, uint64_t at,
				uint64_t limit) MUST_CHECK;

#endif
