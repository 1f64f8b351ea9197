/*
 * output: where an answer goes, and the proof that it arrived.
 *
 * An answer is gathered whole and then written: a file appears complete or not
 * at all, and whoever had the old one keeps it.
 */
#ifndef UI_OUTPUT_H
#define UI_OUTPUT_H

#include "base/error.h"
#include "base/text.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/*
 * The file name that a pattern means: %p pid, %h host, %t time (20261122T140203Z), %% a per cent
 * sign. pid 0: the verb has no target, and %p is refused. ERROR_USAGE: another letter.
 * *ret is malloc'd.
 */
struct error *output_name(const char *pattern, pid_t pid, time_t now, char **ret) MUST_CHECK;

/* All of size bytes to a descriptor. ERROR_RESOURCE; `name` is what the message calls it. */
struct error *output_write(int fd, const char *name, const char *data, size_t size) MUST_CHECK;

/*
 * A file that is being written: devices, pipes and what lies in /dev or /proc directly; anything else
 * as a new file beside it (0600), which takes its name once it is complete and on the disk. SIGINT,
 * SIGTERM and SIGHUP wait from opening until finishing or closing.
 */
struct output {
	int fd;
	char *path, *beside; /* beside NULL: written directly */
	sigset_t before;
};

/* ERROR_RESOURCE: it cannot be made. */
struct error *output_open(const char *path, struct output *ret) MUST_CHECK;

/* Whether one of those signals waits: then a long writer should end. */
bool output_interrupted(void);

/* Gives it its name, and closes it in every case. ERROR_RESOURCE: what was there before is untouched. */
struct error *output_finish(struct output *output) MUST_CHECK;

/* Drops it: nothing is left of it. */
void output_close(struct output *output);

/*
 * Writes the text to a file by name: devices, pipes and what lies in /dev or /proc directly; anything
 * else into a new file beside it (0600) that takes its name once it is complete and on the disk.
 * On ERROR_RESOURCE what was there before is untouched and nothing new is left.
 */
struct error *output_file(const char *path, const char *data, size_t size) MUST_CHECK;

/* Whether writing the file that the pattern means may take the right to write where others own: its
 * folder (or the device or pipe that it is) is not ours. For after privileges are given up. */
bool output_needs_override(const char *pattern, pid_t pid);

/* The text to `path`, or with NULL or "-" to standard output. */
struct error *output_text(const char *path, const struct text *text) MUST_CHECK;

/*
 * Opens the standard descriptors that the caller's parent closed, so that no file of ours gets
 * their numbers: on /dev/null for reading, where a write fails and is reported.
 */
struct error *output_guard_standard(void) MUST_CHECK;

#endif
