/*
 * savefile_writer: parts go in, a snapshot file comes out.
 *
 * The caller fills one part while worker threads compress those before it. Parts are added in the
 * order of savefile_format.h. Memory is bounded: a few parts, whatever the size of the file. What is
 * written is never read back, so that it may go into a pipe.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_WRITER_H
#define INSPECTOR_TARGET_SAVEFILE_WRITER_H

#include "inspector/target/savefile/savefile_format.h"

struct savefile_writer;

/* fd: borrowed, written from where it stands. flags: of the header. tool: this program's version.
 * Starts threads. ERROR_RESOURCE. */
struct error *savefile_writer_new(int fd, unsigned flags, const char *tool,
				  struct savefile_writer **ret) MUST_CHECK;
void savefile_writer_free(struct savefile_writer *writer); /* takes NULL */

/* Room for the bytes of the next part: SAVEFILE_PART_MAX. Waits until there is some.
 * ERROR_RESOURCE: the file cannot be written. */
struct error *savefile_writer_room(struct savefile_writer *writer, uint8_t **ret) MUST_CHECK;

/* Takes what now stands in the room of last time: kind, size, start and pages of the part are set. */
void savefile_writer_add(struct savefile_writer *writer, const struct savefile_part *part);

/* Any number of bytes of a kind without addresses, as one part or several. ERROR_RESOURCE. */
struct error *savefile_writer_add_bytes(struct savefile_writer *writer, enum savefile_kind kind,
					const void *data, size_t size) MUST_CHECK;

/* Index and trailer. ERROR_RESOURCE. */
struct error *savefile_writer_end(struct savefile_writer *writer) MUST_CHECK;

/* Bytes written so far. */
uint64_t savefile_writer_size(const struct savefile_writer *writer);

/* Bytes that `size` bytes of data become, or 0 where that cannot be told: for an estimate. */
size_t savefile_writer_try(struct savefile_writer *writer, const void *data, size_t size);

#endif
