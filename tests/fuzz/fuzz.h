/*
 * fuzz: an input of libFuzzer's, taken apart piece by piece; what is asked for past its end
 * is zero. Properties are asserted: a build for fuzzing keeps assert().
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	const uint8_t *data;
	size_t size; /* bytes left */
};

/* The next `width` bytes, up to 8, as a little-endian number. */
static inline uint64_t fuzz_number(struct fuzz *f, size_t width)
{
	uint64_t value = 0;
	size_t got = f->size < width ? f->size : width;
	if (got)
		memcpy(&value, f->data, got);
	f->data += got;
	f->size -= got;
	return value;
}

/* All that is left, NUL-terminated and malloc'd. */
static inline char *fuzz_string(const struct fuzz *f)
{
	char *string = malloc(f->size + 1);
	assert(string);
	if (f->size)
		memcpy(string, f->data, f->size);
	string[f->size] = '\0';
	return string;
}

/* All that is left, as a file without a name; the caller closes it. */
static inline int fuzz_file(const struct fuzz *f)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(fd >= 0);
	assert(write(fd, f->data, f->size) == (ssize_t)f->size);
	return fd;
}

#endif
