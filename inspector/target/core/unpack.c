/*
 * unpack: two buffers and a codec between them.
 *
 *	file ─ read ─► in ─ codec ─► out ─┬ zeros: a hole
 *	                                  └ else: pwrite ─► temporary file
 *
 * The limit counts holes too: a file that unpacks to a terabyte of zeros costs no
 * disk, but time.
 */
#include "inspector/target/core/unpack.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define IN_SIZE   (256 * KIB)
#define OUT_SIZE  (256 * KIB)
#define HOLE_SIZE (4 * KIB) /* zeros are left out in pieces of this */

struct unpacking {
	const struct unpack_request *request;
	int from, to;
	struct codec *codec;
	uint8_t *in, *out;
	struct codec_step step;
	uint64_t limit, size; /* size: written so far, holes included */
	bool between;         /* frames: here the file may end */
	const char *damage;
};

/* ---- the temporary file ------------------------------------------------------------------ */

static const char *default_folder(void)
{
	const char *folder = secure_getenv("TMPDIR");
	return folder && folder[0] == '/' ? folder : "/var/tmp";
}

/* Some file systems know no file without a name: then it has one for a moment. */
static int open_named(const char *folder)
{
	char *path;
	if (asprintf(&path, "%s/arenascope-XXXXXX", folder) < 0) {
		errno = ENOMEM;
		return -1;
	}
	int fd = mkostemp(path, O_CLOEXEC); /* 0600 */
	if (fd >= 0)
		(void)unlink(path);
	free(path);
	return fd;
}

static struct error *open_temporary(const char *folder, int *ret)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		fd = open_named(folder);
	if (fd < 0)
		return error_remedy(error_errno(ERROR_RESOURCE, errno, "unpacking in %s", folder),
				    "--tmp DIR unpacks elsewhere");
	*ret = fd;
	return NULL;
}

static uint64_t half_of_free(int fd)
{
	struct statvfs vfs;
	if (fstatvfs(fd, &vfs) != 0)
		return 0;
	return size_multiply(vfs.f_bavail, vfs.f_frsize) / 2;
}

/* ---- writing ------------------------------------------------------------------------------ */

static struct error *write_at(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_remedy(error_errno(ERROR_RESOURCE, n < 0 ? errno : EIO,
							"unpacking the core"),
					    "--tmp DIR unpacks on another disk");
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return NULL;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* Runs of pieces that are not zero, each by one call. */
static struct error *write_data(const struct unpacking *u, const uint8_t *data, size_t size)
{
	size_t start = 0;
	for (size_t at = 0; at < size;) {
		size_t piece = (size_t)size_min(HOLE_SIZE, size - at);
		bool zero = is_zero(data + at, piece);
		size_t end = zero ? at : at + piece;
		at += piece;
		if (!zero && at < size)
			continue;
		struct error *err = write_at(u->to, data + start, end - start, u->size + start);
		if (err)
			return err;
		start = at;
	}
	return NULL;
}

static struct error *over_limit(const struct unpacking *u)
{
	return error_remedy(
		error_new(ERROR_RESOURCE, "the core unpacks to more than %" PRIu64 " bytes, %s",
			  u->limit,
			  u->request->limit ? "the limit given" : "half of what is free there"),
		"--max-tmp SIZE allows more, --tmp DIR unpacks elsewhere");
}

/* Empties the out buffer into the file. */
static struct error *flush(struct unpacking *u)
{
	size_t size = OUT_SIZE - u->step.out_size;
	struct error *err = NULL;
	if (u->size == 0 && size)
		err = u->request->check(u->out, size_min(size, UNPACK_HEAD));
	if (!err && size > size_subtract(u->limit, u->size))
		err = over_limit(u);
	if (!err)
		err = write_data(u, u->out, size);
	u->size += size;
	u->step.out = u->out;
	u->step.out_size = OUT_SIZE;
	return err;
}

/* ---- the loop ----------------------------------------------------------------------------- */

/* *ret_end: there is no more input. */
static struct error *fill(struct unpacking *u, bool *ret_end)
{
	ssize_t n;
	do {
		n = read(u->from, u->in, IN_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(ERROR_BAD_FILE, errno, "reading the compressed core");
	u->step.in = u->in;
	u->step.in_size = (size_t)n;
	*ret_end = n == 0;
	return NULL;
}

/* A step; *ret_end: the stream is over, for good or bad. */
static struct error *advance(struct unpacking *u, bool *ret_end)
{
	const size_t in_before = u->step.in_size, room_before = u->step.out_size;
	enum codec_result result = codec_run(u->codec, &u->step);
	if (result == CODEC_EXHAUSTED)
		return error_out_of_memory();
	bool moved = u->step.in_size != in_before || u->step.out_size != room_before;
	if (result == CODEC_BAD || (result == CODEC_MORE && u->step.in_size && !moved)) {
		/* What follows a whole frame and is no other is none of ours. */
		u->damage = u->between ? NULL : "it is damaged";
		*ret_end = true;
		return NULL;
	}
	/* Where nothing moved, what came before still holds: a frame's end was no new beginning. */
	if (result == CODEC_FRAME || moved)
		u->between = result == CODEC_FRAME;
	return u->step.out_size == 0 ? flush(u) : NULL;
}

/* Bytes that came out so far. */
static uint64_t position(const struct unpacking *u)
{
	return u->size + (OUT_SIZE - u->step.out_size);
}

static struct error *run(struct unpacking *u)
{
	bool end = false;
	while (!end) {
		struct error *err = NULL;
		bool dry = false;
		if (u->step.in_size == 0)
			err = fill(u, &dry);
		if (err)
			return err;
		/* A codec may hold output back that it had no room for: it is asked once more. */
		const uint64_t before = position(u);
		if (!dry || !u->between)
			err = advance(u, &end);
		if (err)
			return err;
		if (dry && !end && position(u) == before) {
			end = true;
			u->damage = u->between ? NULL : "it ends early";
		}
	}
	return flush(u);
}

static void unpacking_fini(struct unpacking *u)
{
	codec_free(u->codec);
	free(u->in);
	free(u->out);
	close_fd(&u->to);
}

static struct error *start(struct unpacking *u)
{
	const char *folder = u->request->folder ?: default_folder();
	u->in = malloc(IN_SIZE);
	u->out = malloc(OUT_SIZE);
	if (!u->in || !u->out)
		return error_out_of_memory();
	u->step = (struct codec_step){.in = u->in, .out = u->out, .out_size = OUT_SIZE};
	struct error *err = codec_new(u->request->kind, &u->codec);
	err = err ?: open_temporary(folder, &u->to);
	if (err)
		return err;
	u->limit = u->request->limit ?: half_of_free(u->to);
	if (lseek(u->from, 0, SEEK_SET) != 0)
		return error_errno(ERROR_BAD_FILE, errno, "reading the compressed core");
	return NULL;
}

struct error *unpack(int from, const struct unpack_request *request, int *ret_fd,
		     uint64_t *ret_size, const char **ret_damage)
{
	_cleanup_(unpacking_fini) struct unpacking u = {.request = request, .from = from, .to = -1};
	struct error *err = start(&u);
	err = err ?: run(&u);
	if (err)
		return err;
	if (u.size == 0)
		return error_new(ERROR_BAD_FILE, "nothing comes out of the %s file: %s",
				 codec_name(request->kind), u.damage ?: "it is empty");
	if (ftruncate(u.to, (off_t)u.size) != 0)
		return error_errno(ERROR_RESOURCE, errno, "unpacking the core");
	*ret_fd = take_fd(&u.to);
	*ret_size = u.size;
	*ret_damage = u.damage;
	return NULL;
}
