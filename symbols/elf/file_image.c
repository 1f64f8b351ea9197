/*
 * file_image: elf_image asks for addresses; a segment table says at which file
 * offset they lie.
 *
 *	address ── segment holds it? ── offset + (address - vaddr) ── pread
 *
 * While the headers are being read there is no table yet, and the address is the
 * file offset itself. The build-id may then be missed: nobody asks it of a file here.
 */
#include "symbols/elf/file_image.h"

#include "base/size.h"

#include <errno.h>
#include <unistd.h>

static struct error *read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	if (offset > INT64_MAX - size)
		return error_new(ERROR_FAULT, "an offset beyond any file");
	size_t done = 0;
	while (done < size) {
		ssize_t n = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_new(ERROR_FAULT, "the file ends before its segments do");
		done += (size_t)n;
	}
	return NULL;
}

struct error *file_image_bytes(void *context, raddr at, void *buffer, size_t size)
{
	const struct file_image *file = context;
	if (file->image.n_segments == 0)
		return read_at(file->fd, at.value, buffer, size);
	for (size_t i = 0; i < file->image.n_segments; i++) {
		const struct elf_segment *s = &file->image.segments[i];
		if (at.value < s->vaddr || at.value - s->vaddr > s->filesz ||
		    size > s->filesz - (at.value - s->vaddr))
			continue;
		return read_at(file->fd, s->offset + (at.value - s->vaddr), buffer, size);
	}
	return error_new(ERROR_FAULT, "address " RADDR_FORMAT " is not in the file", at.value);
}

struct error *file_image_read(int fd, struct file_image *ret)
{
	struct file_image file = {.fd = fd};
	struct elf_image image;
	struct error *err = elf_image_read(file_image_bytes, &file, RADDR_NULL, &image);
	if (err)
		return error_as(err, ERROR_UNSUPPORTED);
	image.bias = 0;
	file.image = image;
	*ret = file;
	return NULL;
}
