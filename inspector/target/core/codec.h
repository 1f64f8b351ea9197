/*
 * codec: three ways of compression behind one step.
 *
 * Streams may hold several frames one behind the other, as gzip, zstd and lz4 allow.
 */
#ifndef INSPECTOR_TARGET_CODEC_H
#define INSPECTOR_TARGET_CODEC_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum codec_kind { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4 };

const char *codec_name(enum codec_kind kind); /* "gzip"; "" for none */

/* What the first four bytes of a file say. */
enum codec_kind codec_sniff(const uint8_t *head, size_t size);

/* Input not yet taken, room not yet filled; a step moves both ends. */
struct codec_step {
	const uint8_t *in;
	size_t in_size;
	uint8_t *out;
	size_t out_size;
};

enum codec_result {
	CODEC_MORE,     /* it stopped for want of input or room */
	CODEC_FRAME,    /* a frame is complete: the file may end here */
	CODEC_BAD,      /* not what this codec wrote */
	CODEC_EXHAUSTED /* our memory is out */
};

struct codec;

/* A decoder of one kind, not CODEC_NONE; the caller's to free. ERROR_RESOURCE. */
struct error *codec_new(enum codec_kind kind, struct codec **ret) MUST_CHECK;
void codec_free(struct codec *codec); /* takes NULL */

/* Takes what it can of the input and makes what there is room for; moves both ends of *step. */
enum codec_result codec_run(struct codec *codec, struct codec_step *step);

#endif
