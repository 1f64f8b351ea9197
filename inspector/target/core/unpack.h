/*
 * unpack: a compressed file made plain, in a temporary file that has no name.
 *
 * Never in our memory: a core is as large as the process was. Nobody else can open
 * the file, it holds only what is not zero, and it is gone when it is closed.
 */
#ifndef INSPECTOR_TARGET_UNPACK_H
#define INSPECTOR_TARGET_UNPACK_H

#include "base/error.h"
#include "inspector/target/core/codec.h"

#include <stdint.h>

struct unpack_request {
	enum codec_kind kind;
	const char *folder; /* NULL: $TMPDIR, else /var/tmp */
	uint64_t limit;     /* bytes; 0: half of what is free there */
	/* Shown the first bytes, before more is unpacked: NULL to go on. */
	struct error *(*check)(const uint8_t *head, size_t size);
};

#define UNPACK_HEAD 64 /* bytes that check gets, fewer only when there are no more */

/*
 * Unpacks the file `from`, read from its start. *ret_fd is the caller's; *ret_size counts the bytes;
 * *ret_damage is NULL, or a static string that says why the stream ended early: what came before is
 * there. ERROR_RESOURCE: no folder, disk full, over the limit; ERROR_BAD_FILE: nothing came out;
 * check's.
 */
struct error *unpack(int from, const struct unpack_request *request, int *ret_fd,
		     uint64_t *ret_size, const char **ret_damage) MUST_CHECK;

#endif
