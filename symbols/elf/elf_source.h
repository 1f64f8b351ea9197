/*
 * elf_source: an ELF object and a way to read it, so that what is asked of a module
 * need not know whether a file or a process answers. All places are link-time
 * addresses. All of it is foreign data.
 */
#ifndef SYMBOLS_ELF_SOURCE_H
#define SYMBOLS_ELF_SOURCE_H

#include "symbols/elf/elf_image.h"

struct elf_source {
	elf_read_fn *read;
	void *context;
	const struct elf_image *image; /* borrowed */
};

/* Reads `size` bytes at a link-time address; false: not there, or not all of it. */
bool elf_source_read(const struct elf_source *s, uint64_t vaddr, void *buffer, size_t size);

/* A little-endian word of 8 bytes. */
bool elf_source_word(const struct elf_source *s, uint64_t vaddr, uint64_t *ret);

/* elf_image_symbol: a symbol that the dynamic table defines. */
bool elf_source_symbol(const struct elf_source *s, const char *name, uint64_t *ret_vaddr,
		       uint64_t *ret_size);

/* The PT_LOAD segment that [vaddr, vaddr + size) lies in, or NULL. */
const struct elf_segment *elf_source_segment(const struct elf_source *s, uint64_t vaddr,
					     uint64_t size);

#endif
