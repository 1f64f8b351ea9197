/*
 * codec: a table of three functions for each library. A frame's end resets the
 * state, so that the next one is read like the first.
 */
#define ZLIB_CONST /* its input is const */
#include "inspector/target/core/codec.h"

#include "base/size.h"

#include <limits.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct codec_ops {
	void *(*open)(void);
	enum codec_result (*run)(void *state, struct codec_step *step);
	void (*close)(void *state);
};

struct codec {
	const struct codec_ops *ops;
	void *state;
};

static void advance(struct codec_step *step, size_t taken, size_t made)
{
	step->in += taken;
	step->in_size -= taken;
	step->out += made;
	step->out_size -= made;
}

/* ---- gzip ------------------------------------------------------------------------------ */

static void *gzip_open(void)
{
	z_stream *stream = calloc(1, sizeof(*stream));
	if (stream && inflateInit2(stream, 16 + MAX_WBITS) == Z_OK) /* 16: gzip's own header */
		return stream;
	free(stream);
	return NULL;
}

static enum codec_result gzip_run(void *state, struct codec_step *step)
{
	z_stream *stream = state;
	uInt in_size = (uInt)size_min(step->in_size, UINT_MAX);
	uInt out_size = (uInt)size_min(step->out_size, UINT_MAX);
	stream->next_in = step->in;
	stream->avail_in = in_size;
	stream->next_out = step->out;
	stream->avail_out = out_size;
	int status = inflate(stream, Z_NO_FLUSH);
	advance(step, in_size - stream->avail_in, out_size - stream->avail_out);
	if (status == Z_STREAM_END)
		return inflateReset(stream) == Z_OK ? CODEC_FRAME : CODEC_BAD;
	if (status == Z_MEM_ERROR)
		return CODEC_EXHAUSTED;
	return status == Z_OK || status == Z_BUF_ERROR ? CODEC_MORE : CODEC_BAD;
}

static void gzip_close(void *state)
{
	(void)inflateEnd(state);
	free(state);
}

/* ---- zstd ------------------------------------------------------------------------------ */

/* Its own limit holds: a window of 128 MiB (ZSTD_WINDOWLOG_LIMIT_DEFAULT) is the most it makes. */
static void *zstd_open(void)
{
	return ZSTD_createDStream();
}

static enum codec_result zstd_run(void *state, struct codec_step *step)
{
	ZSTD_inBuffer in = {step->in, step->in_size, 0};
	ZSTD_outBuffer out = {step->out, step->out_size, 0};
	size_t left = ZSTD_decompressStream(state, &out, &in);
	advance(step, in.pos, out.pos);
	if (ZSTD_isError(left))
		return CODEC_BAD;
	return left ? CODEC_MORE : CODEC_FRAME;
}

static void zstd_close(void *state)
{
	(void)ZSTD_freeDStream(state);
}

/* ---- lz4 ------------------------------------------------------------------------------- */

static void *lz4_open(void)
{
	LZ4F_dctx *context = NULL;
	return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL
										     : context;
}

static enum codec_result lz4_run(void *state, struct codec_step *step)
{
	size_t taken = step->in_size, made = step->out_size;
	size_t left = LZ4F_decompress(state, step->out, &made, step->in, &taken, NULL);
	if (LZ4F_isError(left))
		return CODEC_BAD; /* taken and made are not to be used then */
	advance(step, taken, made);
	return left ? CODEC_MORE : CODEC_FRAME;
}

static void lz4_close(void *state)
{
	(void)LZ4F_freeDecompressionContext(state);
}

/* ---------------------------------------------------------------------------------------- */

const char *codec_name(enum codec_kind kind)
{
	static const char *const names[] = {[CODEC_NONE] = "",
					    [CODEC_GZIP] = "gzip",
					    [CODEC_ZSTD] = "zstd",
					    [CODEC_LZ4] = "lz4"};
	return names[kind];
}

enum codec_kind codec_sniff(const uint8_t *head, size_t size)
{
	static const struct {
		const char *magic;
		size_t size;
		enum codec_kind kind;
	} magics[] = {
		{"\x1f\x8b", 2, CODEC_GZIP},
		{"\x28\xb5\x2f\xfd", 4, CODEC_ZSTD},
		{"\x04\x22\x4d\x18", 4, CODEC_LZ4},
	};
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if (size >= magics[i].size && memcmp(head, magics[i].magic, magics[i].size) == 0)
			return magics[i].kind;
	}
	return CODEC_NONE;
}

struct error *codec_new(enum codec_kind kind, struct codec **ret)
{
	static const struct codec_ops all[] = {
		[CODEC_GZIP] = {gzip_open, gzip_run, gzip_close},
		[CODEC_ZSTD] = {zstd_open, zstd_run, zstd_close},
		[CODEC_LZ4] = {lz4_open, lz4_run, lz4_close},
	};
	if (kind == CODEC_NONE)
		return error_new(ERROR_BUG, "nothing to unpack");
	struct codec *codec = calloc(1, sizeof(*codec));
	if (!codec)
		return error_out_of_memory();
	codec->ops = &all[kind];
	codec->state = codec->ops->open();
	if (!codec->state) {
		free(codec);
		return error_out_of_memory();
	}
	*ret = codec;
	return NULL;
}

void codec_free(struct codec *codec)
{
	if (!codec)
		return;
	codec->ops->close(codec->state);
	free(codec);
}

enum codec_result codec_run(struct codec *codec, struct codec_step *step)
{
	return codec->ops->run(codec->state, step);
}
