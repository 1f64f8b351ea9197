/*
 * file_image: an ELF file read as if it were mapped, so that what elf_image can
 * do with a process it can do with a file: by pread, no libelf, no mmap that a
 * truncation could turn into SIGBUS. The bias is 0: addresses are link-time ones.
 */
#ifndef SYMBOLS_FILE_IMAGE_H
#define SYMBOLS_FILE_IMAGE_H

#include "symbols/elf/elf_image.h"

struct file_image {
	int fd; /* borrowed */
	struct elf_image image;
};

/* Reads the headers. ERROR_UNSUPPORTED: not an ELF object of this machine. */
struct error *file_image_read(int fd, struct file_image *ret) MUST_CHECK;

/* An elf_read_fn over a struct file_image: link-time addresses; what lies past a segment's file
 * part (.bss) is ERROR_FAULT, since only the process has it. */
struct error *file_image_bytes(void *context, raddr at, void *buffer, size_t size) MUST_CHECK;

#endif
