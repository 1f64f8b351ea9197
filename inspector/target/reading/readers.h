/*
 * readers: a few threads that wait for work, so that a copy under a freeze does not
 * pay for starting them. They have all signals blocked.
 */
#ifndef INSPECTOR_TARGET_READERS_H
#define INSPECTOR_TARGET_READERS_H

#include "base/error.h"

#include <stddef.h>

struct readers;

/* reader: 0 for the caller of readers_run, 1 … for the threads. */
typedef void reader_fn(void *context, size_t reader);

/* Starts n threads, or as many as the system gives: ERROR_RESOURCE when none. */
struct error *readers_new(size_t n, struct readers **ret) MUST_CHECK;
void readers_free(struct readers *readers); /* takes NULL */

/* The threads, without the caller; 0 for NULL. */
size_t readers_count(const struct readers *readers);

/* Runs work once in the caller and once in each thread, at the same time; returns when all have. */
void readers_run(struct readers *readers, reader_fn *work, void *context);

#endif
