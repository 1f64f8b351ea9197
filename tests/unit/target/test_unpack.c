/* unpack: three codecs, streams that end early or are damaged, limits, and holes. */
#include "base/cleanup.h"
#include "base/size.h"
#include "core_maker.h"
#include "inspector/target/core/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#define SIZE (3 * MIB + 777)

struct packed {
	uint8_t *bytes;
	size_t size;
};

static void packed_fini(struct packed *p)
{
	free(p->bytes);
}

static size_t pack_gzip(uint8_t *out, size_t room, const uint8_t *in, size_t size)
{
	z_stream stream = {.next_out = out, .avail_out = (uInt)room, .avail_in = (uInt)size};
	_cleanup_(free_pointer) uint8_t *copy = malloc(size);
	memcpy(copy, in, size);
	stream.next_in = copy;
	assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	size_t made = stream.total_out;
	(void)deflateEnd(&stream);
	return made;
}

static struct packed pack(enum codec_kind kind, const uint8_t *in, size_t size)
{
	size_t room = 2 * size + 4096;
	struct packed p = {malloc(room), 0};
	assert_non_null(p.bytes);
	if (kind == CODEC_GZIP)
		p.size = pack_gzip(p.bytes, room, in, size);
	else if (kind == CODEC_ZSTD)
		p.size = ZSTD_compress(p.bytes, room, in, size, 1);
	else
		p.size = LZ4F_compressFrame(p.bytes, room, in, size, NULL);
	assert_in_range(p.size, 1, room);
	return p;
}

/* Text, then zeros, then noise: what compresses well, not at all, and to nothing. */
static uint8_t *contents(void)
{
	uint8_t *data = calloc(1, SIZE);
	uint32_t noise = 12345;
	assert_non_null(data);
	memset(data, 'a', MIB);
	data[0] = 'h', data[1] = 'e', data[2] = 'a', data[3] = 'd';
	for (size_t i = 2 * MIB; i < SIZE; i++) {
		noise = noise * 1664525 + 1013904223;
		data[i] = (uint8_t)(noise >> 24);
	}
	return data;
}

static struct error *accept_head(const uint8_t *head, size_t size)
{
	if (size >= 4 && memcmp(head, "head", 4) == 0)
		return NULL;
	return error_new(ERROR_BAD_FILE, "another head");
}

static struct error *try_unpack(enum codec_kind kind, const uint8_t *bytes, size_t size,
				uint64_t limit, int *ret_fd, uint64_t *ret_size,
				const char **ret_damage)
{
	char path[64];
	_cleanup_(close_fd) int fd = core_maker_file(bytes, size, path);
	const struct unpack_request request = {
		.kind = kind, .folder = P_tmpdir, .limit = limit, .check = accept_head};
	return unpack(fd, &request, ret_fd, ret_size, ret_damage);
}

static void expect_contents(int fd, const uint8_t *data, uint64_t size)
{
	_cleanup_(free_pointer) uint8_t *got = malloc(size + 1);
	assert_int_equal(pread(fd, got, size + 1, 0), (ssize_t)size);
	assert_memory_equal(got, data, size);
}

static const enum codec_kind kinds[] = {CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4};

static void what_was_packed_comes_out(void **state)
{
	(void)state;
	_cleanup_(free_pointer) uint8_t *data = contents();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(packed_fini) struct packed p = pack(kinds[i], data, SIZE);
		_cleanup_(close_fd) int fd = -1;
		uint64_t size = 0;
		const char *damage = NULL;
		struct stat stat;
		assert_int_equal(codec_sniff(p.bytes, p.size), kinds[i]);
		expect_error(try_unpack(kinds[i], p.bytes, p.size, SIZE, &fd, &size, &damage), 0,
			     NULL);
		assert_int_equal(size, SIZE);
		assert_null(damage);
		expect_contents(fd, data, SIZE);
		/* Nobody else's, without a name, and zeros are holes. */
		assert_int_equal(fstat(fd, &stat), 0);
		assert_int_equal(stat.st_mode & 07777, 0600);
		assert_int_equal(stat.st_nlink, 0);
		assert_true((uint64_t)stat.st_blocks * 512 < SIZE - MIB / 2);
	}
}

static void frames_follow_each_other(void **state)
{
	(void)state;
	_cleanup_(free_pointer) uint8_t *data = contents();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(packed_fini) struct packed a = pack(kinds[i], data, MIB);
		_cleanup_(packed_fini) struct packed b = pack(kinds[i], data + MIB, SIZE - MIB);
		_cleanup_(free_pointer) uint8_t *both = malloc(a.size + b.size);
		_cleanup_(close_fd) int fd = -1;
		uint64_t size = 0;
		const char *damage = NULL;
		memcpy(both, a.bytes, a.size);
		memcpy(both + a.size, b.bytes, b.size);
		expect_error(try_unpack(kinds[i], both, a.size + b.size, 0, &fd, &size, &damage), 0,
			     NULL);
		assert_int_equal(size, SIZE);
		assert_null(damage);
		expect_contents(fd, data, SIZE);
	}
}

/* What came before the end or the damage is there, and it is said. */
static void what_is_broken_is_told(void **state)
{
	(void)state;
	_cleanup_(free_pointer) uint8_t *data = contents();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(packed_fini) struct packed p = pack(kinds[i], data, SIZE);
		_cleanup_(close_fd) int cut = -1;
		_cleanup_(close_fd) int bitten = -1;
		uint64_t size = 0;
		const char *damage = NULL;
		expect_error(try_unpack(kinds[i], p.bytes, p.size / 2, 0, &cut, &size, &damage), 0,
			     NULL);
		assert_string_equal(damage, "it ends early");
		assert_in_range(size, 2 * MIB, SIZE - 1);
		expect_contents(cut, data, size);
		memset(p.bytes + p.size / 2, 0xff, 4000);
		struct error *err =
			try_unpack(kinds[i], p.bytes, p.size, 0, &bitten, &size, &damage);
		expect_error(err, 0, NULL);
		assert_true(damage || kinds[i] != CODEC_GZIP); /* the others keep no checksum */
	}
}

/* A block larger than any buffer is held back by the codec: without its end mark it still comes out. */
static void a_last_block_is_not_lost(void **state)
{
	(void)state;
	_cleanup_(free_pointer) uint8_t *data = contents();
	const LZ4F_preferences_t large = {.frameInfo = {.blockSizeID = LZ4F_max4MB}};
	size_t room = 2 * SIZE, made;
	_cleanup_(free_pointer) uint8_t *bytes = malloc(room);
	_cleanup_(close_fd) int fd = -1;
	uint64_t size = 0;
	const char *damage = NULL;
	made = LZ4F_compressFrame(bytes, room, data, SIZE, &large);
	expect_error(try_unpack(CODEC_LZ4, bytes, made - 4, 0, &fd, &size, &damage), 0, NULL);
	assert_int_equal(size, SIZE);
	assert_string_equal(damage, "it ends early");
	expect_contents(fd, data, SIZE);
}

static void there_are_limits(void **state)
{
	(void)state;
	_cleanup_(free_pointer) uint8_t *data = contents();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(packed_fini) struct packed p = pack(kinds[i], data, SIZE);
		int fd = -1;
		uint64_t size = 7;
		const char *damage = NULL;
		expect_error(try_unpack(kinds[i], p.bytes, p.size, SIZE - 1, &fd, &size, &damage),
			     ERROR_RESOURCE, "more than 3146504 bytes");
		expect_error(try_unpack(kinds[i], p.bytes, 3, 0, &fd, &size, &damage),
			     ERROR_BAD_FILE, "nothing comes out");
		data[0] = 'H';
		_cleanup_(packed_fini) struct packed other = pack(kinds[i], data, SIZE);
		data[0] = 'h';
		expect_error(try_unpack(kinds[i], other.bytes, other.size, 1, &fd, &size, &damage),
			     ERROR_BAD_FILE, "another head");
		assert_true(fd == -1 && size == 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_out),
		cmocka_unit_test(frames_follow_each_other),
		cmocka_unit_test(what_is_broken_is_told),
		cmocka_unit_test(a_last_block_is_not_lost),
		cmocka_unit_test(there_are_limits),
	};
	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
