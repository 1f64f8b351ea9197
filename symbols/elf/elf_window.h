/*
 * elf_window: many small looks at neighbouring places of an ELF object, a page read once.
 */
#ifndef SYMBOLS_ELF_WINDOW_H
#define SYMBOLS_ELF_WINDOW_H

#include "symbols/elf/elf_source.h"

#define ELF_WINDOW_SIZE 4096

struct elf_window {
	const struct elf_source *source; /* borrowed */
	uint64_t start;                  /* link-time address of bytes[0] */
	size_t size;                     /* bytes that were read; 0: none yet */
	uint8_t bytes[ELF_WINDOW_SIZE];
};

/* Copies `size` bytes (at most ELF_WINDOW_SIZE) at a link-time address of a segment's file part; false:
 * not there, or not to be read. */
bool elf_window_read(struct elf_window *w, uint64_t vaddr, void *buffer, size_t size);

#endif
