/*
 * core_file: the bytes of a core, whether it lies on disk plain or compressed.
 *
 * By pread, never by mmap: somebody may cut the file meanwhile, and that must not
 * be our end.
 */
#ifndef INSPECTOR_TARGET_CORE_FILE_H
#define INSPECTOR_TARGET_CORE_FILE_H

#include "base/error.h"
#include "inspector/target/core/codec.h"
#include "inspector/target/core/core.h"

#include <stddef.h>
#include <time.h>

/* What systemd-coredump wrote beside the core, as extended attributes; told, never relied on. Strings
 * are foreign and unescaped; NULL: it did not. */
struct core_context {
	char *pid, *comm, *exe, *signal, *host;
	bool present;
};

struct core_file {
	int fd;        /* of the plain bytes */
	uint64_t size; /* of them, as far as there are */
	enum codec_kind packing;
	uint64_t packed_size; /* of the file on disk */
	const char *damage;   /* why unpacking ended early; NULL: it did not */
	struct timespec written;
	struct core_context context;
	uint8_t *window; /* what small reads were taken from last */
	uint64_t window_offset;
	size_t window_size;
};

#define CORE_FILE_EMPTY ((struct core_file){.fd = -1})

/*
 * Opens a core and unpacks it where that is needed. ERROR_BAD_FILE: no such file, or not a core;
 * ERROR_PERMISSION: not the user's own, where our rights are more than theirs; ERROR_RESOURCE.
 */
struct error *core_file_open(const char *path, const struct core_request *request,
			     struct core_file *ret) MUST_CHECK;
void core_file_close(struct core_file *file);

/* Exactly size bytes at offset. ERROR_FAULT, naming where it ends, when there are fewer. */
struct error *core_file_read(const struct core_file *file, uint64_t offset, void *buffer,
			     size_t size) MUST_CHECK;

/* The same for many small reads that go upwards. */
struct error *core_file_scan(struct core_file *file, uint64_t offset, void *buffer,
			     size_t size) MUST_CHECK;

#endif
