/*
 * save_log: what a look read, as it read it, to be laid over pages that were read before.
 */
#ifndef INSPECTOR_SAVE_SAVE_LOG_H
#define INSPECTOR_SAVE_SAVE_LOG_H

#include "inspector/heap/pymalloc_saved.h"
#include "inspector/target/savefile/savefile_writer.h"
#include "inspector/target/space.h"

struct save_record {
	raddr start;
	size_t at, size; /* in bytes */
	bool stopped;
	bool under; /* all that is not counts as later */
};

struct save_log {
	VEC(struct save_record) records; /* in the order of reading */
	VEC(uint8_t) bytes;
	const bool *stopped; /* whether the target stands still right now; borrowed */
	bool failed;         /* out of memory: something is missing */
};

/* Room made ready, so that little is allocated while the target stands still. ERROR_RESOURCE. */
struct error *save_log_init(const bool *stopped, struct save_log *ret) MUST_CHECK;
void save_log_fini(struct save_log *log);

/* A space's tap: context is the log. */
void save_log_hear(void *context, raddr at, const void *bytes, size_t size);

/* Adds one more, later than all others. */
void save_log_add(struct save_log *log, raddr at, const void *bytes, size_t size, bool stopped);

/* The same, but under all that is not added so. */
void save_log_add_under(struct save_log *log, raddr at, const void *bytes, size_t size);

/* A stop ended before its copying did: of nothing it is known any more that the target stood still. */
void save_log_distrust(struct save_log *log, struct pymalloc_saved_arenas *arenas);

/*
 * Writes pool headers and the log as overlay parts, ascending: of what was read twice the later
 * reading, and of headers what the look kept. ERROR_RESOURCE.
 */
struct error *save_log_write(const struct save_log *log, const struct pymalloc_saved_arenas *arenas,
			     struct savefile_writer *writer) MUST_CHECK;

#endif
